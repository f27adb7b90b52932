"""File system layers: deterministic tars, compressed with zstd, made once and kept."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from kindgate.host.zstd import CompressionParameter, ZstdFile
from kindgate.images.build.store import make_once
from kindgate.images.oci_layout import LAYER, Blob, Layer, Span
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_LEVEL = 6
"""zstd's level: higher ones save a few percent and take several times as long."""


@dataclass(frozen=True)
class File:
    """One file of a layer: its path inside the image, and the file with its content."""

    path: str
    content: Path
    mode: int = 0o755


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    path: str
    target: str


@dataclass(frozen=True)
class Folder:
    """A directory; one that merely contains other entries need not be listed."""

    path: str
    mode: int = 0o755


Entry = File | Link | Folder


def cached_layer(folder: Path, key: str, entries: Callable[[], Iterable[Entry]], deadline: Deadline) -> Layer:
    """The layer named by `key`: from `folder`, or made of `entries` and kept there.

    `key` must cover everything that the entries are made from; they are requested only if the layer must be made.
    """
    cached = make_once(folder / key, lambda path: _make(path, list(entries())), deadline)
    layer_facts = json.loads((cached / "layer.json").read_text())
    blob = Blob(layer_facts["digest"], layer_facts["size"], f"{LAYER}+zstd", Span(cached / "layer.tar.zst", 0, layer_facts["size"]))
    return Layer(blob, layer_facts["diff_id"])


def _make(folder: Path, entries: Sequence[Entry]) -> None:
    folder.mkdir()
    packed = folder / "layer.tar.zst"
    options: dict[int, int] = {CompressionParameter.compression_level: _LEVEL, CompressionParameter.nb_workers: os.cpu_count() or 1}
    with ZstdFile(packed, "wb", options=options) as compressed:
        hashed = _Hashed(compressed)
        write_tar(hashed, entries)
    with packed.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    layer_facts = {"digest": f"sha256:{digest}", "size": packed.stat().st_size, "diff_id": f"sha256:{hashed.hash.hexdigest()}"}
    (folder / "layer.json").write_text(json.dumps(layer_facts))


def write_tar(sink: io.RawIOBase | io.BytesIO, entries: Iterable[Entry]) -> None:
    """Write a tar whose bytes depend only on the entries: sorted, owned by root, without times, with parents added."""
    by_path: dict[str, Entry] = {}
    for entry in entries:
        path = entry.path.strip("/")
        for parent in PurePosixPath(path).parents:
            by_path.setdefault(str(parent), Folder(str(parent)))
        by_path[path] = entry
    by_path.pop(".", None)
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for path, entry in sorted(by_path.items()):
            _add(tar, path, entry)


def _add(tar: tarfile.TarFile, path: str, entry: Entry) -> None:
    member = tarfile.TarInfo(path)
    match entry:
        case Folder(mode=mode):
            member.type, member.mode = tarfile.DIRTYPE, mode
            tar.addfile(member)
        case Link(target=target):
            member.type, member.mode, member.linkname = tarfile.SYMTYPE, 0o777, target
            tar.addfile(member)
        case File(content=content, mode=mode):
            member.size, member.mode = content.stat().st_size, mode
            with content.open("rb") as source:
                tar.addfile(member, source)


class _Hashed(io.RawIOBase):
    """Hashes written bytes and passes them on."""

    def __init__(self, sink: ZstdFile) -> None:
        self.hash = hashlib.sha256()
        self._sink = sink

    def writable(self) -> bool:
        """Always true."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Hash and pass on a chunk of the tar."""
        self.hash.update(data)
        return self._sink.write(data)
