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
class ProcessRequest:
    """A process to become: the wanted and the received descriptor numbers, and the rest of its state."""

    targets: list[int]
    received: list[int]
    ignored: list[int]
    environment: dict[bytes, bytes]
    folder: bytes
    options: list[str]
    kind: str
    text: str
    arguments: list[str]


def become(request: ProcessRequest, python: str, path: list[str]) -> None:
    """Become the ordered process, as far as it can resemble a newly started one."""
    os.setsid()
    above = max(request.targets, default=0) + 1
    moved = [fcntl.fcntl(number, fcntl.F_DUPFD, above) for number in request.received]
    for number in request.received:
        os.close(number)
    for number, target in zip(moved, request.targets, strict=True):
        os.dup2(number, target)
        os.close(number)
    os.chdir(request.folder)
    os.environ.clear()
    for name in TERMINAL:
        os.unsetenv(name)
    os.environb.update(request.environment)
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_IGN if number in request.ignored else signal.SIG_DFL)
    if signal.SIGINT not in request.ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    sys.executable = python
    sys.dont_write_bytecode = "-B" in request.options or bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.argv = [request.kind, *request.arguments]
    sys.orig_argv = [python, *request.options, request.kind, request.text, *request.arguments]
    entry_folder = {"-c": "", "-m": str(Path.cwd())}[request.kind]
    python_path = list(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    sys.path[:] = [
        *([] if "-P" in request.options else [entry_folder]),
        *python_path,
        *(entry for entry in path if entry not in python_path),
    ]
    importlib.invalidate_caches()
    if "-u" in request.options or os.environ.get("PYTHONUNBUFFERED"):
        for name, number in (("stdout", 1), ("stderr", 2)):
            errors = getattr(sys, name).errors
            raw = io.FileIO(number, "wb", closefd=False)
            stream = io.TextIOWrapper(raw, encoding=getattr(sys, name).encoding, errors=errors, write_through=True)
            setattr(sys, name, stream)


class ExitHandler:
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


def run(request: ProcessRequest, exit_handler: ExitHandler) -> None:
    """Run the program as `__main__` in the main thread; any exception ends the process."""
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    try:
        if request.kind == "-c":
            if sys.version_info >= (3, 13):  # tracebacks quote the program there
                linecache.cache["<string>"] = (len(request.text), None, request.text.splitlines(keepends=True), "<string>")
            exec(compile(request.text, "<string>", "exec"), main.__dict__)
        else:
            if not hasattr(sys.modules.get(request.text), "__path__"):
                sys.modules.pop(request.text, None)
            runpy._run_module_as_main(request.text)  # type: ignore[attr-defined]
    except SystemExit as error:
        exit_handler.code = 0 if error.code is None else error.code & 0xFF if isinstance(error.code, int) else 1
        raise
    except BaseException as error:  # noqa: BLE001 - as Python itself does, without the lines of this module
        program_traceback = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error.with_traceback(program_traceback), program_traceback)
        exit_handler.code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    else:
        exit_handler.code = 0
