"""Layers are reproducible and cached."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path

from kindgate.host import zstd
from kindgate.images.build.layers import Entry, File, Folder, Link, cached_layer, write_tar
from kindgate.waiting import Deadline


def tar_of(*entries: Entry) -> bytes:
    """Return the bytes of a tar."""
    sink = io.BytesIO()
    write_tar(sink, entries)
    return sink.getvalue()


def test_order_times_and_owners_do_not_change_a_layer(tmp_path: Path) -> None:
    """The same files result in the same bytes, whatever their order, times and owners."""
    first_file, second_file = tmp_path / "one", tmp_path / "two"
    for path in (first_file, second_file):
        path.write_text("text")
    os.utime(first_file, (1, 1))

    assert tar_of(File("/bin/a", first_file), Link("/bin/b", "a")) == tar_of(Link("bin/b", "a"), File("bin/a", second_file))


def test_folders_precede_their_content(tmp_path: Path) -> None:
    """Parent folders are added, and a listed folder keeps its mode."""
    file = tmp_path / "file"
    file.touch()
    with tarfile.open(fileobj=io.BytesIO(tar_of(File("/usr/bin/a", file), Folder("/tmp", 0o1777)))) as tar:
        rows = [(member.name, member.mode, member.isdir(), member.uid, member.mtime) for member in tar]

    assert rows == [
        ("tmp", 0o1777, True, 0, 0),
        ("usr", 0o755, True, 0, 0),
        ("usr/bin", 0o755, True, 0, 0),
        ("usr/bin/a", 0o755, False, 0, 0),
    ]


def test_a_layer_is_made_once_with_its_digests(tmp_path: Path) -> None:
    """The digest is that of the compressed file, the diff ID that of the tar; a second call reads nothing."""
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100_000)
    calls: list[int] = []

    def entries() -> list[Entry]:
        calls.append(1)
        return [File("/a", file)]

    layer = cached_layer(tmp_path / "layers", "key", entries, Deadline.after(10))
    second = cached_layer(tmp_path / "layers", "key", entries, Deadline.after(10))

    assert layer == second
    assert len(calls) == 1
    with layer.blob.opened() as packed:
        content = packed.read()
    decompressed = zstd.decompress(content)
    assert layer.blob.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert layer.blob.size == len(content) < 10_000
    assert layer.diff_id == f"sha256:{hashlib.sha256(decompressed).hexdigest()}"
    assert decompressed == tar_of(File("/a", file))
