"""Stands in for `python` in tests: a fork server runs what Python would run.

Importing kindgate, pydantic, numpy and pytest takes a Python most of a second; a fork of a process that has imported them
takes milliseconds. Where a fork would not be what a new Python is, Python itself is run: see `suits`.
It is imported by `python -I -S` and imports little: its own start is what remains of the cost.
"""

from __future__ import annotations

import marshal
import os
import signal
import socket
from typing import NoReturn

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
INTERPRETER = ("PYTHON", "LANG", "LC_")
"""How the variables begin that Python reads when it starts."""

FOLLOWED = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""Those of them that a fork can still follow."""

CHILDREN = ("kindgate.load.generator", "kindgate.cluster.watchdog")
"""Programs that are told from others by whose children they are: a fork is the server's."""


def parsed(arguments: list[str]) -> tuple[list[str], str, str, list[str]] | None:
    """Options, `-c` or `-m`, its text, and what follows; None for everything that the server does not run."""
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
    """Whether a new Python here would import the modules that the server has imported, and none that hides them."""
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
    """Whether a fork of the server is what a new Python would be: same modules, same settings of the interpreter, no terminal."""
    read = facts["environment"]
    assert isinstance(read, dict)
    own = {name for name in os.environ if name.startswith(INTERPRETER)}
    same = all(os.environ.get(name) == read.get(name) for name in (own | set(read)) - set(FOLLOWED))
    return same and not any(os.isatty(number) for number in (0, 1, 2)) and finds_the_same(facts, options)


def descriptors() -> list[int]:
    """Every open one: what was passed on by `pass_fds` too."""
    found = []
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - as above
        try:
            os.fstat(int(name))
        except OSError:  # of the listing itself
            continue
        found.append(int(name))
    return sorted(found)


def forked(facts: dict[str, object], program: tuple[list[str], str, str, list[str]]) -> int | None:
    """The exit code of a fork of the server, negative for a signal; None where there is no server any more."""
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
    for descriptor in open_here:  # who reads the other end waits for the fork alone
        os.dup2(null, descriptor)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    answer = server.recv(4)
    return int.from_bytes(answer, "big", signed=True) if answer else 70


def end(code: int) -> NoReturn:
    """End as the fork has ended."""
    if code < 0:
        if -code not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def main(folder: str, arguments: list[str]) -> NoReturn:
    """Do what `python ARGUMENTS` does."""
    with open(folder + "/facts", "rb") as file:  # noqa: PTH123 - as above
        facts = marshal.load(file)  # the server wrote it
    program = parsed(arguments)
    if program and suits(facts, program[0]):
        code = forked(facts, program)
        if code is not None:
            end(code)
    os.execv(facts["python"], [facts["python"], *arguments])
