"""A stand-in for `python` in tests: a fork server runs what Python would run.

Importing kindgate, pydantic, numpy and pytest takes Python most of a second; forking a process that has imported them
takes milliseconds. If a fork would differ from a new Python, Python itself runs: see `can_fork`.
This module is imported by `python -I -S` and imports little, because its own start is the remaining cost.
"""

from __future__ import annotations

import marshal
import os
import signal
import socket
from typing import NoReturn

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
INTERPRETER_PREFIXES = ("PYTHON", "LANG", "LC_")
"""Prefixes of the variables that Python reads at startup."""

APPLIED_BY_FORK = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""Those variables that a fork can still apply."""

CHILDREN = ("kindgate.load.generator", "kindgate.cluster.watchdog")
"""Programs that are recognized by their parent process: a fork's parent is the server."""


def parse_arguments(arguments: list[str]) -> tuple[list[str], str, str, list[str]] | None:
    """Return the options, `-c` or `-m`, its text and the remaining arguments, or None if the server cannot run them."""
    options = []
    rest = list(arguments)
    while rest and rest[0] in {"-u", "-B", "-P"}:
        options.append(rest.pop(0))
    if not rest or rest[0][:2] not in {"-c", "-m"}:
        return None
    mode = rest.pop(0)
    text = mode[2:] or (rest.pop(0) if rest else "")
    return (options, mode[:2], text, rest) if text and text not in CHILDREN else None


def imports_match(facts: dict[str, object], options: list[str]) -> bool:
    """Return whether a new Python here would import the server's modules, with none hidden by others."""
    names, known_path, checkout = facts["packages"], facts["path"], facts["checkout"]
    assert isinstance(names, frozenset)
    assert isinstance(known_path, list)
    current_folder = [] if "-P" in options else [os.getcwd()]  # noqa: PTH109 - pathlib takes longer to import than all the rest
    for entry in current_folder + [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]:
        if entry == checkout:
            return True
        if entry == facts["installed"]:
            return False
        if entry not in known_path and os.path.isdir(entry) and names & {name.partition(".")[0] for name in os.listdir(entry)}:  # noqa: PTH112, PTH208
            return False
    return facts["installed"] == checkout


def can_fork(facts: dict[str, object], options: list[str]) -> bool:
    """Return whether a fork of the server equals a new Python: same modules, same interpreter settings, no terminal."""
    server_environment = facts["environment"]
    assert isinstance(server_environment, dict)
    interpreter_variables = {name for name in os.environ if name.startswith(INTERPRETER_PREFIXES)}
    environment_matches = all(
        os.environ.get(name) == server_environment.get(name)
        for name in (interpreter_variables | set(server_environment)) - set(APPLIED_BY_FORK)
    )
    return environment_matches and not any(os.isatty(number) for number in (0, 1, 2)) and imports_match(facts, options)


def open_descriptors() -> list[int]:
    """Return every open descriptor, including those passed by `pass_fds`."""
    numbers = []
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - as above
        try:
            os.fstat(int(name))
        except OSError:  # the listing's own descriptor
            continue
        numbers.append(int(name))
    return sorted(numbers)


def run_in_fork(facts: dict[str, object], program: tuple[list[str], str, str, list[str]]) -> int | None:
    """Return the exit code of a fork of the server, negative for a signal, or None if no server runs any more."""
    descriptors = open_descriptors()
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(str(facts["socket"]))
    except OSError:
        return None
    ignored = [int(number) for number in PASSED_ON if signal.getsignal(number) == signal.SIG_IGN]
    forwarded = [number for number in PASSED_ON if number not in ignored]
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    for number in forwarded:
        signal.signal(number, lambda number, _frame: server.send(bytes([number])))
    request = marshal.dumps((descriptors, ignored, dict(os.environb), os.getcwdb(), *program))  # noqa: PTH109 - as above
    socket.send_fds(server, [len(request).to_bytes(4, "big")], descriptors)
    server.sendall(request)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:  # so readers at the other end wait for the fork only
        os.dup2(null, descriptor)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    response = server.recv(4)
    return int.from_bytes(response, "big", signed=True) if response else 70


def end(code: int) -> NoReturn:
    """End as the fork did."""
    if code < 0:
        if -code not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def main(folder: str, arguments: list[str]) -> NoReturn:
    """Do what `python ARGUMENTS` does."""
    with open(folder + "/facts", "rb") as file:  # noqa: PTH123 - as above
        facts = marshal.load(file)  # written by the server
    program = parse_arguments(arguments)
    if program and can_fork(facts, program[0]):
        code = run_in_fork(facts, program)
        if code is not None:
            end(code)
    os.execv(facts["python"], [facts["python"], *arguments])
