"""The command line: single steps of the pipeline, and maintenance of the machine."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Run `kindgate` and exit with a code from docs/exit-codes.md."""
    from kindgate.cli.commands import app  # noqa: PLC0415  # importing kindgate.cli stays cheap
    from kindgate.cli.console import untrusted_output, without_secrets  # noqa: PLC0415  # the same
    from kindgate.cli.streams import steady_streams  # noqa: PLC0415  # the same
    from kindgate.errors import KindgateError  # noqa: PLC0415  # the same

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored under nohup
            signal.signal(number, _interrupt)
    with steady_streams():
        try:
            app()
        except KindgateError as error:
            with untrusted_output():
                print(f"kindgate: {without_secrets(str(error))}", file=sys.stderr)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, as Ctrl-C does, so the command stops the programs it started."""
    with contextlib.suppress(OSError):  # the terminal may be gone
        os.write(2, f"kindgate: interrupted by {signal.Signals(number).name}\n".encode())  # print is not safe in a signal handler
    raise KeyboardInterrupt(signal.Signals(number).name)
