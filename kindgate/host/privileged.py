"""Check that an engine can run a privileged container, using an image made on the spot, so no registry is needed."""

from __future__ import annotations

import io
import platform
import re
import struct
import tarfile
from collections.abc import Mapping

from kindgate.errors import CommandFailed, EngineUnprivileged
from kindgate.host.container_engine import Engine
from kindgate.waiting import Deadline

_EXIT_0: Mapping[str, tuple[int, bytes]] = {
    "x86_64": (62, bytes.fromhex("31ff b83c000000 0f05")),  # xor edi, edi; mov eax, 60; syscall
    "aarch64": (183, bytes.fromhex("e0031faa a80b80d2 010000d4")),  # mov x0, xzr; mov x8, #93; svc #0
}
"""By machine: its ELF number, and the instructions of exit(0) on Linux."""

_BASE = 0x400000

_REFUSED_LIMIT = re.compile(r"error setting rlimit", re.IGNORECASE)
"""runc's and crun's errors if the engine requests more than the host's hard limits."""


def refused_limit_remedy(output: str) -> str:
    """The remedy for a container refused because of its resource limits; empty if `output` reports no such refusal.

    Podman requests the limits of its `containers.conf(5)`, by default 1,048,576 open files and processes.
    """
    if not _REFUSED_LIMIT.search(output):
        return ""
    return (
        "the engine requests higher limits than this host allows: set lower ones in containers.conf for Podman "
        '(`default_ulimits = ["nofile=20000:20000", "nproc=32000:32000"]`), or daemon.json for Docker (`default-ulimits`)'
    )


def require_privileged(engine: Engine, deadline: Deadline) -> None:
    """Run a privileged container that does nothing, and leave nothing behind.

    Raises `EngineUnprivileged` with the engine's output. Takes about a second.
    """
    image = engine.run("import", "-", input=_archive(_program()), deadline=deadline).stdout.strip().splitlines()[-1]
    try:
        engine.run("run", "--rm", "--privileged", "--network=none", image, "/exit", deadline=deadline)
    except CommandFailed as error:
        raise EngineUnprivileged(
            f"{engine.program} {engine.version} cannot run a privileged container on this host",
            last_state=error.stderr,
            next_step=refused_limit_remedy(error.stderr)
            or "kind's nodes are privileged containers: use an engine in a virtual machine, or one that is not confined",
        ) from error
    finally:
        engine.run("rmi", "--force", image, deadline=deadline, check=False)


def _program() -> bytes:
    """The smallest static ELF program: a header, one loaded segment, and exit(0) (man 5 elf)."""
    machine, code = _EXIT_0[{"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine(), platform.machine())]
    size = 64 + 56 + len(code)
    identification = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, _BASE + 64 + 56, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return identification + header + segment + code


def _archive(program: bytes) -> bytes:
    """A root filesystem that contains only the program."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("exit")
        member.mode, member.size = 0o755, len(program)
        tar.addfile(member, io.BytesIO(program))
    return buffer.getvalue()
