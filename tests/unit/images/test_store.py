"""Each file is built once, completely or not at all, even by concurrent runs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kindgate.errors import ImageError
from kindgate.images.build.store import locked, make_once
from kindgate.waiting import Deadline


def test_concurrent_requests_make_it_once(tmp_path: Path) -> None:
    """The second run waits for the first and uses its result."""
    calls: list[Path] = []
    both = threading.Barrier(2)

    def make(path: Path) -> None:
        calls.append(path)
        path.write_text("whole")

    def request(_: int) -> str:
        both.wait(10)
        return make_once(tmp_path / "kept" / "thing", make, Deadline.after(10)).read_text()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(request, range(2))) == ["whole", "whole"]
    assert len(calls) == 1


def test_partial_results_are_not_used(tmp_path: Path) -> None:
    """Partial results of a failed or killed run are not used; folders are treated like files."""

    def fail(path: Path) -> None:
        path.mkdir()
        (path / "half").touch()
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        make_once(tmp_path / "thing", fail, Deadline.after(10))
    killed = tmp_path / ".new-thing-abc"
    (killed / "thing").mkdir(parents=True)

    thing = make_once(tmp_path / "thing", Path.mkdir, Deadline.after(10))

    assert list(thing.iterdir()) == []
    assert not killed.exists()
    assert not list(tmp_path.glob(".new-*"))


def test_waiting_for_another_run_ends_at_the_deadline(tmp_path: Path) -> None:
    """The error names the file that the other run is building."""
    with (
        locked(tmp_path / "thing", Deadline.after(10)),
        pytest.raises(ImageError, match="timed out waiting for another run to build thing"),
    ):
        make_once(tmp_path / "thing", Path.touch, Deadline.after(0.1))
