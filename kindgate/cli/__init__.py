"""The command line: re-runs one step of the pipeline by hand, and looks after the machine."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Run `kindgate`; ends the process with the exit code of docs/exit-codes.md."""
    from kindgate.cli.commands import app  # noqa: PLC0415  # importing kindgate.cli stays cheap
    from kindgate.cli.console import foreign_output, shown  # noqa: PLC0415  # the same
    from kindgate.cli.streams import steady_streams  # noqa: PLC0415  # the same
    from kindgate.errors import KindgateError  # noqa: PLC0415  # the same

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _interrupt)
    with steady_streams():
        try:
            app()
        except KindgateError as error:
            with foreign_output():
                print(f"kindgate: {shown(str(error))}", file=sys.stderr)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """End as ctrl-C does, so that the command ends the programs that it has started."""
    with contextlib.suppress(OSError):  # the terminal may be what has gone
        os.write(2, f"kindgate: interrupted by {signal.Signals(number).name}\n".encode())  # print is not safe here
    raise KeyboardInterrupt(signal.Signals(number).name)
