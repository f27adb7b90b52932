"""Misbehaving tasks for the confined process; this module imports as little as possible."""

from __future__ import annotations

import os
import pickle
import sys
import time


def allocate_memory() -> int:
    """Allocate a gigabyte."""
    return len(bytes(1 << 30))


def use_cpu_time() -> int:
    """Loop forever."""
    while True:
        pass


def wait_forever() -> None:
    """Sleep longer than any limit."""
    time.sleep(60)


def return_much() -> bytes:
    """Return far more data than the limit."""
    return bytes(20 << 20)


def return_function() -> object:
    """Return a function that a careless caller would run, as a compromised reader might."""
    return os.system


def compromise_reader(module: str, name: str, *arguments: object) -> None:
    """Answer with a pickle that calls `name` of `module`, as a compromised reader would, and exit."""
    strings = b"".join(pickle.BINUNICODE + len(text.encode()).to_bytes(4, "little") + text.encode() for text in (module, name))
    packed = pickle.dumps(arguments, protocol=4)[2:-1]
    sys.stdout.buffer.write(pickle.PROTO + b"\x04" + strings + pickle.STACK_GLOBAL + packed + pickle.REDUCE + pickle.STOP)
    sys.stdout.buffer.flush()
    os._exit(0)


def breaks() -> None:
    """Raise an error."""
    raise ZeroDivisionError("by a stranger")


def environment() -> dict[str, str]:
    """Return the environment that a compromised reader could leak."""
    return dict(os.environ)


def kill_itself() -> None:
    """Abort the process."""
    os.abort()
