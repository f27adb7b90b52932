"""A stand-in for `python` in tests: a fork server runs what Python would run.

Importing kindgate, pydantic, numpy and pytest takes Python most of a second; forking a process that has imported them
takes milliseconds. If a fork would differ from a new Python, Python itself runs: see `suits`.
This module is imported by `python -I -S` and imports little, because its own start is the remaining cost.
"""

from __future__ import annotations

import marshal
import os
import signal
import socket
from typing import NoReturn

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
INTERPRETER = ("PYTHON", "LANG", "LC_")
"""Prefixes of the variables that Python reads at startup."""

FOLLOWED = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""Those variables that a fork can still apply."""

CHILDREN = ("kindgate.load.generator", "kindgate.cluster.watchdog")
"""Programs that are recognized by their parent process: a fork's parent is the server."""


def parsed(arguments: list[str]) -> tuple[list[str], str, str, list[str]] | None:
    """Return the options, `-c` or `-m`, its text and the remaining arguments, or None if the server cannot run them."""
    options = []
    rest = list(arguments)
    while rest and rest[0] in {"-u", "-B", "-P"}:
        options.append(rest.pop(0))
    if not rest or rest[0][:2] not in {"-c", "-m"}:
        return None
    first = rest.pop(0)
    text = first[2:] or (rest.pop(0) if rest else "")
    return (options, first[:2], text, rest) if text and text not in CHILDREN else None


def finds_the_same(facts: dict[str, object], options: list[str]) -> bool:
    """Return whether a new Python here would import the server's modules, with none hidden by others."""
    names, known, checkout = facts["packages"], facts["path"], facts["checkout"]
    assert isinstance(names, frozenset)
    assert isinstance(known, list)
    here = [] if "-P" in options else [os.getcwd()]  # noqa: PTH109 - pathlib takes longer to import than all the rest
    for entry in here + [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]:
        if entry == checkout:
            return True
        if entry == facts["installed"]:
            return False
        if entry not in known and os.path.isdir(entry) and names & {name.partition(".")[0] for name in os.listdir(entry)}:  # noqa: PTH112, PTH208
            return False
    return facts["installed"] == checkout


def suits(facts: dict[str, object], options: list[str]) -> bool:
    """Return whether a fork of the server equals a new Python: same modules, same interpreter settings, no terminal."""
    read = facts["environment"]
    assert isinstance(read, dict)
    own = {name for name in os.environ if name.startswith(INTERPRETER)}
    same = all(os.environ.get(name) == read.get(name) for name in (own | set(read)) - set(FOLLOWED))
    return same and not any(os.isatty(number) for number in (0, 1, 2)) and finds_the_same(facts, options)


def descriptors() -> list[int]:
    """Return every open descriptor, including those passed by `pass_fds`."""
    found = []
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - as above
        try:
            os.fstat(int(name))
        except OSError:  # the listing's own descriptor
            continue
        found.append(int(name))
    return sorted(found)


def forked(facts: dict[str, object], program: tuple[list[str], str, str, list[str]]) -> int | None:
    """Return the exit code of a fork of the server, negative for a signal, or None if no server runs any more."""
    open_here = descriptors()
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(str(facts["socket"]))
    except OSError:
        return None
    ignored = [int(number) for number in PASSED_ON if signal.getsignal(number) == signal.SIG_IGN]
    heard = [number for number in PASSED_ON if number not in ignored]
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    for number in heard:
        signal.signal(number, lambda number, _frame: server.send(bytes([number])))
    order = marshal.dumps((open_here, ignored, dict(os.environb), os.getcwdb(), *program))  # noqa: PTH109 - as above
    socket.send_fds(server, [len(order).to_bytes(4, "big")], open_here)
    server.sendall(order)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in open_here:  # so readers at the other end wait for the fork only
        os.dup2(null, descriptor)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    answer = server.recv(4)
    return int.from_bytes(answer, "big", signed=True) if answer else 70


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
    program = parsed(arguments)
    if program and suits(facts, program[0]):
        code = forked(facts, program)
        if code is not None:
            end(code)
    os.execv(facts["python"], [facts["python"], *arguments])
