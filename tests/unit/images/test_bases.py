"""Libraries of programs, where a missing one would only show as a Service that silently does not route, and directories."""

from __future__ import annotations

from pathlib import Path

from kindgate.images.build.bases import base_entries, parse_ldd
from kindgate.images.build.catalogue import Base
from kindgate.images.build.layers import Folder
from kindgate.waiting import Deadline

LDD = """\
/usr/sbin/xtables-nft-multi:
\tlinux-vdso.so.1 (0x00007ffd5b3d8000)
\tlibmnl.so.0 => /lib/x86_64-linux-gnu/libmnl.so.0 (0x00007f2f1c0e9000)
\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f2f1be0a000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f2f1c16a000)
/usr/lib/x86_64-linux-gnu/xtables/libxt_statistic.so:
\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f1111111000)
\tstatically linked
"""


def test_libraries_and_the_loader_are_found() -> None:
    """Each library is listed once; the kernel's vdso is not a file."""
    assert parse_ldd(LDD) == {
        "/lib/x86_64-linux-gnu/libmnl.so.0",
        "/lib/x86_64-linux-gnu/libm.so.6",
        "/lib64/ld-linux-x86-64.so.2",
    }


def test_every_user_may_write_to_shared_directories_only(tmp_path: Path, deadline: Deadline) -> None:
    """Programs do not run as root, and their base's other directories belong to root."""
    base = Base(directories=("/run",), shared=("/run/postgresql",))

    assert list(base_entries(base, tmp_path, deadline)) == [Folder("/run", 0o755), Folder("/run/postgresql", 0o1777)]
