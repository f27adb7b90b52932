"""Process untrusted data in a separate process with limits: read artifacts, and render their content.

The process has no credentials in its environment, writes only its answer, and is terminated at its limits. Its answer may
contain only kindgate's own data types, so a compromised process cannot make this one run anything.
"""

from __future__ import annotations

import importlib
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, is_dataclass
from enum import Enum
from typing import IO, Any, ParamSpec, TypeVar

from kindgate.errors import KindgateError, PublishRefused, clipped
from kindgate.report.frozen_record import Record

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """Seconds of CPU time and of wall time, and bytes of memory and of the answer."""

    cpu: int = 20
    seconds: float = 60.0
    memory: int = 1 << 30
    answer: int = 128 << 20


LIMITS = Limits()
"""The largest plausible report takes 2 s and 300 MB to read and render."""

_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
_BROKEN = "cannot be used"
_DATA_MODULES = ("kindgate.github.", "kindgate.model", "kindgate.report.", "kindgate.slo.")


@dataclass(frozen=True)
class _Refusal:
    """A kindgate error that ended the work."""

    message: str
    next_step: str


def confined(task: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return the result of `task`, a function of a kindgate module, for these arguments.

    Raises `PublishRefused` if it raises an error or exceeds `LIMITS`.
    """
    return within_limits(LIMITS, task, *args, **kwargs)


def within_limits(limits: Limits, task: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """`confined` with other limits."""
    task_input = pickle.dumps((limits, f"{task.__module__}:{task.__qualname__}", args, kwargs))
    with tempfile.TemporaryFile() as answer:
        try:
            process = subprocess.run(
                [sys.executable, "-P", "-m", __name__],
                input=task_input,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                timeout=limits.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PublishRefused(f"the upload {_BROKEN}: reading it takes more than {limits.seconds:g} s") from None
        if process.returncode:
            raise PublishRefused(f"the upload {_BROKEN}: {_why_ended(process.returncode, limits)}")
        result = _answer(answer)
    if isinstance(result, _Refusal):
        raise PublishRefused(result.message, next_step=result.next_step)
    return result  # type: ignore[no-any-return]  # what the task returned


def _why_ended(code: int, limits: Limits) -> str:
    """Describe how the process ended: the kernel sends SIGXCPU at the CPU time limit."""
    if code == -signal.SIGXCPU:
        return f"reading it takes more than {limits.cpu} s of processor time"
    return f"its reader was terminated by {signal.Signals(-code).name}" if code < 0 else f"its reader failed with exit code {code}"


def _environment() -> dict[str, str]:
    """Variables with which Python finds the same modules; one thread is enough, and each takes address space."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    added = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONDONTWRITEBYTECODE": "1"}
    return kept | added | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class _Answer(pickle.Unpickler):
    """Unpickle only the data types of the packages that tasks return: pickle calls whatever this resolves."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - as pickle has it
        # a dotted name would reach through the module to what it imports, for example `subprocess.Popen`
        resolved = super().find_class(module, name) if module.startswith(_DATA_MODULES) and "." not in name else None
        if not _is_data_type(resolved, module):
            raise pickle.UnpicklingError(f"{module}.{name} is not a data type of kindgate")
        return resolved


def _is_data_type(resolved: object, module: str) -> bool:
    """Return whether `resolved` is a class of data that `module` itself defines."""
    if not isinstance(resolved, type) or resolved.__module__ != module:
        return False
    return is_dataclass(resolved) or issubclass(resolved, Enum | Record)


def _answer(file: IO[bytes]) -> Any:  # noqa: ANN401 - what a task returned
    """The process's answer; raises `PublishRefused` if it is not a valid one."""
    file.seek(0)
    try:
        return _Answer(file).load()
    except Exception as error:  # pickle can raise anything for a damaged answer
        raise PublishRefused(f"the upload {_BROKEN}: its reader returned no readable result ({type(error).__name__})") from error


def _limit(limits: Limits) -> None:
    """Let the kernel enforce the limits; any that the system lacks is skipped."""
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_FSIZE, limits.answer),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu, limits.cpu + 1))  # the soft limit sends SIGXCPU, which identifies the cause


def _main() -> None:
    """Run the task given on standard input, and write its result."""
    limits, name, args, kwargs = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - our own parent wrote it
    _limit(limits)
    module, _, function = name.partition(":")
    try:
        result = getattr(importlib.import_module(module), function)(*args, **kwargs)
    except KindgateError as error:
        result = _refusal(error.message, error.next_step)
    except MemoryError:
        result = _refusal(f"the upload {_BROKEN}: reading it takes more than {limits.memory >> 20} MB")
    except Exception as error:  # noqa: BLE001 - a bug that untrusted input triggers is reported, and ends nothing else
        result = _refusal(f"the upload {_BROKEN}: {type(error).__name__}: {error}")
    answer = pickle.dumps(result)
    if len(answer) > limits.answer:
        answer = pickle.dumps(_refusal(f"the upload {_BROKEN}: its result has more than {limits.answer} bytes"))
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()


def _refusal(message: str, next_step: str = "") -> object:
    """A refusal of the class that the parent knows: this module is called __main__ here."""
    refusal: type[_Refusal] = importlib.import_module("kindgate.github.confined")._Refusal  # noqa: SLF001 - the same class
    return refusal(clipped(message, 2000), clipped(next_step, 500))


if __name__ == "__main__":
    _main()
