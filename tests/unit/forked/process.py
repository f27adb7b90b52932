"""Turn a fork into a process that is almost indistinguishable from a newly started Python."""

from __future__ import annotations

import atexit
import fcntl
import importlib
import io
import linecache
import os
import runpy
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tests.unit.forked.client import PASSED_ON, end
from tests.unit.forked.imports import TERMINAL


@dataclass(frozen=True)
class Order:
    """A process to become: the wanted and the received descriptor numbers, and the rest of its state."""

    places: list[int]
    received: list[int]
    ignored: list[int]
    environment: dict[bytes, bytes]
    folder: bytes
    options: list[str]
    kind: str
    text: str
    arguments: list[str]


def become(order: Order, python: str, path: list[str]) -> None:
    """Become the ordered process, as far as it can resemble a newly started one."""
    os.setsid()
    above = max(order.places, default=0) + 1
    moved = [fcntl.fcntl(number, fcntl.F_DUPFD, above) for number in order.received]
    for number in order.received:
        os.close(number)
    for number, place in zip(moved, order.places, strict=True):
        os.dup2(number, place)
        os.close(number)
    os.chdir(order.folder)
    os.environ.clear()
    for name in TERMINAL:
        os.unsetenv(name)
    os.environb.update(order.environment)
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_IGN if number in order.ignored else signal.SIG_DFL)
    if signal.SIGINT not in order.ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    sys.executable = python
    sys.dont_write_bytecode = "-B" in order.options or bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.argv = [order.kind, *order.arguments]
    sys.orig_argv = [python, *order.options, order.kind, order.text, *order.arguments]
    first = {"-c": "", "-m": str(Path.cwd())}[order.kind]
    asked = list(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    sys.path[:] = [*([] if "-P" in order.options else [first]), *asked, *(entry for entry in path if entry not in asked)]
    importlib.invalidate_caches()
    if "-u" in order.options or os.environ.get("PYTHONUNBUFFERED"):
        for name, number in (("stdout", 1), ("stderr", 2)):
            errors = getattr(sys, name).errors
            raw = io.FileIO(number, "wb", closefd=False)
            stream = io.TextIOWrapper(raw, encoding=getattr(sys, name).encoding, errors=errors, write_through=True)
            setattr(sys, name, stream)


class Ending:
    """Ends a fork after its last exit handler: tearing down the server's imports costs more than most programs do."""

    def __init__(self) -> None:
        self.code: int | None = None
        atexit.register(self._end)  # the first one registered is called last

    def _end(self) -> None:
        """Exit with the code, unless only Python itself knows how to end."""
        if self.code is not None:
            with suppress(OSError, ValueError):  # Python reports it
                sys.stdout.flush()
                sys.stderr.flush()
                end(self.code)


def run(order: Order, ending: Ending) -> None:
    """Run the program as `__main__` in the main thread; any exception ends the process."""
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    try:
        if order.kind == "-c":
            if sys.version_info >= (3, 13):  # tracebacks quote the program there
                linecache.cache["<string>"] = (len(order.text), None, order.text.splitlines(keepends=True), "<string>")
            exec(compile(order.text, "<string>", "exec"), main.__dict__)
        else:
            if not hasattr(sys.modules.get(order.text), "__path__"):
                sys.modules.pop(order.text, None)
            runpy._run_module_as_main(order.text)  # type: ignore[attr-defined]
    except SystemExit as error:
        ending.code = 0 if error.code is None else error.code & 0xFF if isinstance(error.code, int) else 1
        raise
    except BaseException as error:  # noqa: BLE001 - as Python itself does, without the lines of this module
        shown = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error.with_traceback(shown), shown)
        ending.code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    else:
        ending.code = 0
