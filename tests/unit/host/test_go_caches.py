"""Go's caches are in kindgate's folder during a compilation and are removed after the last one."""

from __future__ import annotations

import multiprocessing
import multiprocessing.synchronize
from pathlib import Path

import pytest

from kindgate.host.go_caches import go_environment, shared_go_caches


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of Go's caches in a separate cache folder."""
    monkeypatch.setenv("KINDGATE_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("GOCACHE", raising=False)
    monkeypatch.delenv("GOMODCACHE", raising=False)
    return tmp_path / "go"


def compiled(caches: Path) -> Path:
    """A package compiled by Go."""
    package = caches / "build" / "00" / "package"
    package.parent.mkdir(parents=True, exist_ok=True)
    package.touch()
    return package


def test_go_writes_to_kindgates_cache(caches: Path) -> None:
    """Compiled packages and modules are both in kindgate's folder."""
    environment = go_environment()

    assert environment["GOCACHE"] == str(caches / "build")
    assert environment["GOMODCACHE"] == str(caches / "modules")


def test_the_users_folders_are_used_and_kept(caches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders set by the user can be shared with other work, so they are used and kept."""
    user_folder = tmp_path / "own"
    user_folder.mkdir()
    monkeypatch.setenv("GOCACHE", str(user_folder))

    with shared_go_caches():
        assert "GOCACHE" not in go_environment()

    assert user_folder.exists()
    assert caches.exists()


def test_the_go_caches_are_removed_after_compiling(caches: Path) -> None:
    """The caches take gigabytes, so they are removed after the compilation."""
    with shared_go_caches():
        package = compiled(caches)

    assert not package.exists()


def test_the_go_caches_are_kept_while_another_thread_compiles(caches: Path) -> None:
    """Within a process, the caches are removed after the last of several compilations."""
    with shared_go_caches():
        with shared_go_caches():
            package = compiled(caches)
        assert package.exists()

    assert not package.exists()


def _compile(ready: multiprocessing.synchronize.Event, end: multiprocessing.synchronize.Event) -> None:
    with shared_go_caches():
        ready.set()
        end.wait(60)


def test_the_go_caches_are_kept_while_another_process_compiles(caches: Path) -> None:
    """Two processes on one machine share the caches."""
    context = multiprocessing.get_context("spawn")
    ready, end = context.Event(), context.Event()
    process = context.Process(target=_compile, args=(ready, end))
    process.start()
    assert ready.wait(60)

    with shared_go_caches():
        package = compiled(caches)
    stays = package.exists()
    end.set()
    process.join(60)

    assert stays
    assert not package.exists()


def test_an_interrupted_run_keeps_its_go_caches(caches: Path) -> None:
    """Only finished work is removed, so the next run can continue."""
    package = compiled(caches)
    with pytest.raises(KeyboardInterrupt), shared_go_caches():
        raise KeyboardInterrupt

    assert package.exists()
