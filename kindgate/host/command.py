"""The only place that runs other programs: each in its own session, with a deadline, and stopped together with its children.

Terminating signals are deferred while a program starts: an interrupt halfway would leave one that could not be stopped.
"""

from __future__ import annotations

import logging
import math
import os
import selectors
import shlex
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from kindgate.call_log import logged_call
from kindgate.errors import CommandError, CommandFailed, CommandNotFound, CommandTimeout
from kindgate.waiting import Deadline

_LOG = logging.getLogger(__name__)

_TERMINATING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""

LAST_LINES = 20
"""Number of output lines that a failed command's error carries."""

COMMAND_LIMIT = 200
"""Characters of a command line in an error; log records have all of it."""

_POLL = 0.2
"""Seconds between exit checks of a silent program: a grandchild that keeps the pipe open must not hide its exit."""

OnLine = Callable[[str], object]
"""Receives each line that a program writes to stdout or stderr, without the line ending."""


class DeferredSignals:
    """The signals received while deferred."""

    def __init__(self) -> None:
        self._received: list[int] = []

    def record(self, number: int, _frame: FrameType | None) -> None:
        """Record a signal; a handler for `signal.signal`."""
        self._received.append(number)

    def deliver(self) -> None:
        """Raise the first recorded signal; raises whatever its handler raises."""
        if self._received:
            signal.raise_signal(self._received.pop(0))


@dataclass(frozen=True)
class Completed:
    """A program that has exited; `stdout` is empty if it was redirected to a file."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str


@dataclass
class _Outputs:
    """A program's output so far."""

    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)

    def last_lines(self) -> str:
        """The end of its output, errors last."""
        lines = (self.stdout + self.stderr).decode(errors="replace").splitlines()
        return "\n".join(lines[-LAST_LINES:])


def run(
    argv: Sequence[str | os.PathLike[str]],
    *,
    deadline: Deadline,
    input: bytes | str | Path | None = None,  # noqa: A002 - named as subprocess names it
    output: IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: OnLine | None = None,
    on_start: Callable[[int], object] | None = None,
    check: bool = True,
) -> Completed:
    """Run a program until it exits.

    `input` is its standard input: text, bytes, or a file that is streamed (an image archive); by default it is empty.
    `output` is an open file that receives standard output instead of `Completed.stdout`. `env` is added to this
    process's environment. `on_start` receives the PID, which is also the program's process group ID.

    Raises `CommandNotFound`, `CommandFailed` (only with `check`) and `CommandTimeout`. On any exception, including
    `KeyboardInterrupt`, the program and its children are stopped first.
    """
    command = tuple(os.fspath(part) for part in argv)
    deadline = deadline.at_most(math.inf)  # a new deadline, so `waited` counts from here
    with logged_call(_LOG, CommandLine(command)) as call, ExitStack() as stack:
        process = spawn(command, stdin=_opened_input(input, stack), stdout=output, env=env, cwd=cwd)
        stack.enter_context(process)
        try:
            if on_start is not None:
                on_start(process.pid)
            outputs = _read_until_exit(process, deadline, on_line)
        except BaseException:
            end_group(process)
            raise
        call.outcome = f"exit code {process.returncode}"
    return _completed(command, process, outputs, deadline, check=check)


def pipe(
    producer: Sequence[str | os.PathLike[str]],
    consumer: Sequence[str | os.PathLike[str]],
    *,
    deadline: Deadline,
    env: Mapping[str, str] | None = None,
) -> Completed:
    """Run `producer | consumer` (`docker save IMAGE | docker exec -i NODE ctr images import -`); return the consumer's result.

    Raises as `run` does; if both fail, the error carries the output of both, because either can have caused the other's
    failure.
    """
    deadline = deadline.at_most(math.inf)  # a new deadline, so `waited` counts from here
    source_command = tuple(os.fspath(part) for part in producer)
    sink_command = tuple(os.fspath(part) for part in consumer)
    with logged_call(_LOG, CommandLine(source_command, sink_command)) as call, ExitStack() as stack:
        source_stderr = stack.enter_context(tempfile.TemporaryFile())
        source = spawn(source_command, stdout=subprocess.PIPE, stderr=source_stderr, env=env)
        stack.enter_context(source)
        try:
            sink = stack.enter_context(spawn(sink_command, stdin=source.stdout, env=env))
            try:
                if source.stdout is not None:
                    source.stdout.close()
                outputs = _read_until_exit(sink, deadline, None)
                source.wait(max(deadline.remaining, _POLL))
            except BaseException:
                end_group(sink)
                raise
        except subprocess.TimeoutExpired as error:
            end_group(source)
            raise CommandTimeout(
                f"`{format_command(source_command)}` did not exit when its consumer did", waited=deadline.waited
            ) from error
        except BaseException:
            end_group(source)
            raise
        source_stderr.seek(0)
        source_outputs = _Outputs(stderr=bytearray(source_stderr.read()))
        call.outcome = f"exit codes {source.returncode} and {sink.returncode}"
    if source.returncode != 0 and sink.returncode != 0:
        source_outputs.stderr += b"\n" + outputs.stderr
    _completed(source_command, source, source_outputs, deadline, check=True)
    return _completed(sink_command, sink, outputs, deadline, check=True)


def spawn(
    argv: Sequence[str | os.PathLike[str]],
    *,
    stdin: IO[bytes] | int | None = None,
    stdout: IO[bytes] | int | None = None,
    stderr: IO[bytes] | int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in its own session, for callers that monitor it themselves; `end_group` stops it.

    Its own session shields it from a terminal's ctrl-C and allows its children to be stopped with it. By default,
    standard input is empty and both outputs are pipes. Raises `CommandNotFound`.
    """
    _LOG.debug("starting %s", CommandLine(argv))  # once it runs, an interrupt of logging would leave it behind
    try:
        with deferred_signals() as deferred:
            process = subprocess.Popen(
                [os.fspath(part) for part in argv],
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=subprocess.PIPE if stdout is None else stdout,
                stderr=subprocess.PIPE if stderr is None else stderr,
                env={**os.environ, **env} if env else None,
                cwd=cwd,
                start_new_session=True,
            )
    except OSError as error:
        if cwd is not None and not cwd.is_dir():
            raise CommandError(f"`{format_command(argv)}` cannot start: {cwd} is not a folder") from error
        raise CommandNotFound(
            f"cannot run {os.fspath(argv[0])}: {error.strerror or error}",
            next_step="install it, or put its folder on PATH",
        ) from error
    try:
        deferred.deliver()
    except BaseException:
        end_group(process)
        raise
    return process


@contextmanager
def deferred_signals() -> Iterator[DeferredSignals]:
    """Defer terminating signals during the block; `deliver` raises them afterwards.

    Only Python handlers are replaced, and only in the main thread: no other thread runs any.
    """
    deferred = DeferredSignals()
    handlers = (
        {number: signal.getsignal(number) for number in _TERMINATING} if threading.current_thread() is threading.main_thread() else {}
    )
    replaced = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in replaced:
        signal.signal(number, deferred.record)
    try:
        yield deferred
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)


def leave_running(process: subprocess.Popen[bytes]) -> int:
    """Let a program started by `spawn` outlive this process; return its PID."""
    process.returncode = 0  # otherwise the Popen object warns on deletion that its program still runs
    return process.pid


def end_group(process: subprocess.Popen[bytes], grace: float = GRACE) -> None:
    """Stop a program started by `spawn` and its children: SIGTERM, then SIGKILL after `grace` seconds."""
    try:
        _signal_group(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    finally:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def format_command(argv: Sequence[str | os.PathLike[str]]) -> str:
    """The command line in shell syntax for messages: its first arguments, at least the program, up to `COMMAND_LIMIT` characters.

    Arguments are left out whole, because no later redaction would recognize half a secret.
    """
    program, *arguments = (shlex.quote(os.fspath(part)) for part in argv)
    line = program
    for argument in arguments:
        if len(line) + len(argument) >= COMMAND_LIMIT:
            return f"{line} ..."
        line += f" {argument}"
    return line


class CommandLine:
    """A command line or pipe for log records: formatted on demand, and in full, because half a secret would not be recognized."""

    def __init__(self, *commands: Sequence[str | os.PathLike[str]]) -> None:
        self._commands = commands

    def __str__(self) -> str:
        """The commands in shell syntax."""
        return " | ".join(shlex.join(os.fspath(part) for part in argv) for argv in self._commands)


def _opened_input(content: bytes | str | Path | None, stack: ExitStack) -> IO[bytes] | None:
    """`content` as a file, so a program that reads slowly or not at all cannot block the writer."""
    if content is None:
        return None
    if isinstance(content, Path):
        return stack.enter_context(content.open("rb"))
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the caller's stack closes it
    file.write(content.encode() if isinstance(content, str) else content)
    file.seek(0)
    return file


def _read_until_exit(process: subprocess.Popen[bytes], deadline: Deadline, on_line: OnLine | None) -> _Outputs:
    """Collect both outputs until the program exits; raises `CommandTimeout` at the deadline."""
    outputs = _Outputs()
    with selectors.DefaultSelector() as selector:
        for stream, text in ((process.stdout, outputs.stdout), (process.stderr, outputs.stderr)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, text)
        while selector.get_map():
            ready = selector.select(min(_POLL, deadline.remaining))
            for key, _ in ready:
                chunk = os.read(key.fd, 65536)
                _append(chunk, key.data, on_line)
                if not chunk:
                    selector.unregister(key.fileobj)
            if deadline.expired or (not ready and process.poll() is not None):
                break
    try:
        process.wait(deadline.remaining)
    except subprocess.TimeoutExpired as error:
        raise _timed_out(process, outputs, deadline) from error
    return outputs


def _append(chunk: bytes, text: bytearray, on_line: OnLine | None) -> None:
    """Append a chunk and report the lines that it completes; an empty chunk marks the end."""
    unreported = text.rfind(b"\n") + 1 if on_line else 0
    text += chunk
    if on_line is None:
        return
    until = text.rfind(b"\n") + 1 if chunk else len(text)
    for line in bytes(text[unreported:until]).splitlines():
        on_line(line.decode(errors="replace"))


def _timed_out(process: subprocess.Popen[bytes], outputs: _Outputs, deadline: Deadline) -> CommandTimeout:
    argv = process.args if isinstance(process.args, list) else [str(process.args)]
    return CommandTimeout(
        f"`{format_command(argv)}` was still running at its deadline and was terminated",
        waited=deadline.waited,
        last_state=outputs.last_lines() or "no output",
    )


def _completed(argv: tuple[str, ...], process: subprocess.Popen[bytes], outputs: _Outputs, deadline: Deadline, *, check: bool) -> Completed:
    """The exited program as `Completed`; raises `CommandFailed` if it failed and `check` is set."""
    stdout, stderr = outputs.stdout.decode(errors="replace"), outputs.stderr.decode(errors="replace")
    code = process.returncode
    if check and code != 0:
        how = f"was terminated by {signal.Signals(-code).name}" if code < 0 else f"failed with exit code {code}"
        last_lines = "\n".join((stderr.strip() or stdout.strip()).splitlines()[-LAST_LINES:])
        raise CommandFailed(f"`{format_command(argv)}` {how}", returncode=code, stdout=stdout, stderr=last_lines, waited=deadline.waited)
    return Completed(argv, code, stdout, stderr)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the program's whole group; ignore a group that has already exited."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
