"""The command line: re-runs one step of the pipeline by hand, and looks after the machine."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Run `kindgate`; ends the process with the exit code of docs/exit-codes.md."""
    from kindgate.cli.commands import app  # noqa: PLC0415  # importing kindgate.cli stays cheap
    from kindgate.cli.console import foreign_output  # noqa: PLC0415  # the same
    from kindgate.errors import KindgateError  # noqa: PLC0415  # the same

    try:
        app()
    except KindgateError as error:
        with foreign_output():
            print(f"kindgate: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("kindgate: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
