"""Console output: progress on stderr, results and tables on stdout, and no workflow commands from untrusted text."""

from __future__ import annotations

import functools
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TextIO

from kindgate.credentials import without_credentials
from kindgate.github.workflow_commands import commands_stopped
from kindgate.observe.resource_summary import ResourceSummary, WorkloadUse
from kindgate.progress import Progress
from kindgate.report.plain_text import aligned
from kindgate.report.units import limit, number, percent

MEGABYTE = 1e6
COLUMNS = (
    "workload",
    "pods",
    "restarts",
    "CPU avg",
    "CPU max",
    "CPU limit",
    "memory MB",
    "limit MB",
    "rx MB",
    "tx MB",
    "throttled",
)


def stopwatch_progress() -> Progress:
    """Return a progress function that prints lines to stderr, prefixed with the elapsed seconds."""
    started = time.monotonic()

    def progress(text: str) -> None:
        print(f"[{time.monotonic() - started:6.1f} s] {without_secrets(text)}", file=sys.stderr, flush=True)

    return progress


def without_secrets(text: str) -> str:
    """Return `text` without credentials, values of secret-named variables, and anything that looks like a secret."""
    from kindgate.observe.secret_objects import environment_secrets  # noqa: PLC0415 - the same
    from kindgate.redaction.redactor import Redactor  # noqa: PLC0415 - takes a tenth of a second

    return Redactor(environment_secrets(os.environ)).text(without_credentials(text))


def print_redacted(line: str) -> None:
    """Print a line that may quote a path, a command or a program's output."""
    print(without_secrets(line), flush=True)


def untrusted_output() -> AbstractContextManager[None]:
    """Return a context in which GitHub's runner reads no commands, for output of tests, pods and pull requests."""
    return commands_stopped(_write_to_runner, os.environ)


def untrusted(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command whose whole output may contain untrusted text."""

    @functools.wraps(command)
    def wrapper(**values: object) -> None:
        with untrusted_output():
            command(**values)

    return wrapper


def resource_table(summary: ResourceSummary) -> str:
    """One row per workload, with limits summed over its pods, followed by notes."""
    lines = aligned([COLUMNS, *(_row(use) for use in summary.workloads)])
    return "\n".join([*lines, *(f"note: {note}" for note in summary.notes)])


def _write_to_runner(line: str) -> None:
    """Write one line to each stream that the runner reads: it reads both, in no fixed order, unless redirected to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    for stream in _read_streams():
        print(line, file=stream, flush=True)


def _read_streams() -> Iterator[TextIO]:
    """Standard output and error, except those redirected to a file; only one if both are the same."""
    seen: list[os.stat_result] = []
    for stream in (sys.stdout, sys.stderr):
        try:
            status = os.fstat(stream.fileno())
        except (OSError, ValueError):  # an in-memory stream, such as a test's
            yield stream
            continue
        if not stat.S_ISREG(status.st_mode) and not any(os.path.samestat(status, other) for other in seen):
            seen.append(status)
            yield stream


def _row(use: WorkloadUse) -> tuple[str, ...]:
    return (
        f"{use.namespace}/{use.workload}",
        str(use.pods),
        str(use.restarts),
        number(use.cpu_avg),
        number(use.cpu_max),
        limit(_times(use.allowance.cpu_limit, use.pods)),
        number(_megabytes(use.memory_max)),
        limit(_megabytes(_times(use.allowance.memory_limit, use.pods))),
        number(_megabytes(use.received)),
        number(_megabytes(use.sent)),
        percent(use.throttled),
    )


def _times(per_pod: float | None, pods: int) -> float | None:
    return None if per_pod is None else per_pod * pods


def _megabytes(amount: float | None) -> float | None:
    return None if amount is None else amount / MEGABYTE
