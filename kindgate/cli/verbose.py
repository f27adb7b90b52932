"""`kindgate -v`: kindgate's DEBUG records on stderr, one plain line each, with the elapsed seconds."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
import time
from collections.abc import Callable
from typing import Annotated

import typer

from kindgate.cli.console import without_secrets
from kindgate.log_redaction import RecordRedaction

_SHOWN = "kindgate.verbose"
"""Key in the context of the command line that marks records as shown: `-v` may be given twice."""


class _Terminal:
    """Removes the secrets that no line on the terminal may contain."""

    def text(self, text: str) -> str:
        """The text without secrets."""
        return without_secrets(text)


class _PlainLine(logging.Formatter):
    """Formats a record as one line, in which GitHub's runner finds no command: it reads `::` at the start, `##[` anywhere."""

    def __init__(self) -> None:
        super().__init__("%(name)s: %(message)s")
        self._started = time.monotonic()

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        text = super().format(record).replace("\r", "\\r").replace("\n", "\\n").replace("##[", "##\\[")
        return f"[{time.monotonic() - self._started:6.1f} s] {text}"


def show_records(context: typer.Context, requested: bool) -> None:
    """Show the records until the command ends, if requested; the callback of `Verbose`."""
    if not requested or context.meta.get(_SHOWN):
        return
    context.meta[_SHOWN] = True
    logger = logging.getLogger("kindgate")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PlainLine())
    redaction = RecordRedaction(_Terminal)
    level = logger.level

    def end() -> None:
        logger.removeHandler(handler)
        logger.setLevel(level)
        redaction.restore()

    context.find_root().call_on_close(end)
    redaction.install()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)


Verbose = Annotated[
    bool,
    typer.Option(
        "-v",
        "--verbose",
        help="Show commands, API requests and waits on stderr, with their durations",
        callback=show_records,
        is_eager=True,
    ),
]
"""The type of the option's parameter."""


def accepting_verbose(command: Callable[..., None]) -> Callable[..., None]:
    """Add `-v` to a command: users append it to the command line that failed."""
    signature = inspect.signature(command, eval_str=True)
    parameters = [
        *signature.parameters.values(),
        inspect.Parameter("verbose", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Verbose),
    ]

    @functools.wraps(command)
    def wrapper(**values: object) -> None:
        values.pop("verbose")
        command(**values)

    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapper
