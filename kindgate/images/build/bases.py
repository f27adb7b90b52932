"""Small root filesystems for images: programs from a Debian root filesystem, with every library they link."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from kindgate.errors import ImageError
from kindgate.images.build.catalogue import Base
from kindgate.images.build.debian import in_root
from kindgate.images.build.layers import Entry, File, Folder, Link
from kindgate.waiting import Deadline

_BUSYBOX = "/bin/busybox"
_LIBRARY = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)


def base_entries(base: Base, root: Path, deadline: Deadline) -> Iterator[Entry]:
    """The content of a base's layer; raises `ImageError` if a program or file is missing in `root`."""
    files = [f"/{file.relative_to(root)}" for pattern in base.files for file in _matching_files(root, pattern)]
    linking = [*base.programs, *(file for file in files if file.endswith(".so"))]
    yield from (Folder(path) for path in base.directories)
    yield from (Folder(path, 0o1777) for path in base.shared)
    yield from _copies(root, [*base.programs, *files, *_libraries(root, linking, deadline)], deadline)
    yield from (Link(path, target) for path, target in base.links.items())
    if base.busybox:
        yield from _copies(root, [_BUSYBOX], deadline)
        yield from (Link(f"/bin/{applet}", "busybox") for applet in base.busybox)


def parse_ldd(text: str) -> frozenset[str]:
    """The paths of the libraries in ldd's output, including the loader."""
    return frozenset(_LIBRARY.findall(text))


def _libraries(root: Path, programs: Sequence[str], deadline: Deadline) -> Sequence[str]:
    return sorted(parse_ldd(in_root(root, ["ldd", *programs], deadline))) if programs else ()


def _copies(root: Path, paths: Iterable[str], deadline: Deadline) -> Iterator[File]:
    """The files of `root` at `paths`, with symbolic links resolved."""
    requested = sorted(set(paths))
    if not requested:
        return
    real = in_root(root, ["readlink", "-e", *requested], deadline).splitlines()
    for path, target in zip(requested, real, strict=True):
        content = root / target.lstrip("/")
        yield File(path, content, content.stat().st_mode & 0o7777)


def _matching_files(root: Path, pattern: str) -> Sequence[Path]:
    files = sorted(path for path in root.glob(pattern.lstrip("/")) if not path.is_dir())
    if not files:
        raise ImageError(
            f"the Debian root filesystem has no {pattern}", next_step="add its package to the root filesystem's packages in the catalogue"
        )
    return files
