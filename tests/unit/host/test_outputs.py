"""What lies in a cache is used only where it is what the lock says, or where no stranger could write."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kindgate.assets import manifests
from kindgate.errors import ToolError
from kindgate.host import binaries, outputs
from kindgate.host.binaries import GoRecipe, host_platform, is_at_hand, provide_binary
from kindgate.host.cache_key import cache_key
from kindgate.host.tools_lock import read_lock
from kindgate.images.build.catalogue import read_catalogue
from kindgate.images.build.store import made_once
from kindgate.waiting import Deadline

HELLO = GoRecipe("hello", "example.org/hello", "v1.2.3")
OURS, THEIRS = b"#!/bin/sh\necho ours\n", b"#!/bin/sh\necho theirs\n"

Provide = Callable[[], Path]


@pytest.fixture(name="job")
def _job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job of GitHub Actions with an empty folder of its own."""
    folder = tmp_path / "runner-temp"
    folder.mkdir()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("RUNNER_TEMP", str(folder))
    return folder


@pytest.fixture(name="provide")
def _provide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Provide:
    """Ask for a program, which a stand-in for Go makes."""
    monkeypatch.setattr(GoRecipe, "make", lambda _self, target, _work, _deadline: target.write_bytes(OURS))
    return lambda: provide_binary(HELLO, cache=tmp_path / "cache", seed=None, deadline=Deadline.after(60), progress=lambda _: None)


def planted(tmp_path: Path, content: bytes = THEIRS) -> Path:
    """A program that a stranger has put into the cache, with a checksum of its own beside it."""
    program = tmp_path / "cache" / f"{HELLO.title}-{HELLO.key}" / "hello"
    program.parent.mkdir(parents=True)
    program.write_bytes(content)
    program.chmod(0o755)
    program.with_name("hello.sha256").write_text(hashlib.sha256(content).hexdigest() + "\n")
    return program


def lock(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that knows what the recipe makes."""
    file = tmp_path / "outputs.lock"
    file.write_text(f"{HELLO.title}-{HELLO.key}: {{go1.26.8: {hashlib.sha256(content).hexdigest()}}}\n")
    monkeypatch.setattr(binaries, "locked_sums", lambda name: outputs.locked_sums(name, file))


@pytest.mark.usefixtures("job")
def test_a_planted_program_is_made_again(tmp_path: Path, provide: Provide) -> None:
    """Its own checksum proves nothing: whoever wrote the one wrote the other."""
    planted(tmp_path)
    assert not is_at_hand(HELLO, cache=tmp_path / "cache", seed=None)
    assert provide().read_bytes() == OURS


@pytest.mark.usefixtures("job")
def test_a_program_that_the_lock_knows_is_used(tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the cache comes from."""
    planted(tmp_path)
    lock(tmp_path, THEIRS, monkeypatch)
    assert provide().read_bytes() == THEIRS


@pytest.mark.usefixtures("job")
def test_a_program_that_is_not_the_locked_one_is_made_again(tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a stranger's cache it counts for nothing."""
    planted(tmp_path)
    lock(tmp_path, OURS, monkeypatch)
    assert provide().read_bytes() == OURS


@pytest.mark.usefixtures("job")
def test_what_this_job_has_made_is_not_made_again(tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job has several commands."""
    program = provide()
    monkeypatch.setattr(GoRecipe, "make", lambda *_: pytest.fail("it is there"))
    assert provide() == program
    assert is_at_hand(HELLO, cache=tmp_path / "cache", seed=None)


def test_the_next_job_on_the_same_machine_does_not_trust_the_last(job: Path, provide: Provide, tmp_path: Path) -> None:
    """A runner that is kept has the cache of every pull request that it ever ran."""
    provide()
    (job / "kindgate-made").unlink()  # the runner empties its folder
    assert not is_at_hand(HELLO, cache=tmp_path / "cache", seed=None)


@pytest.mark.usefixtures("job")
def test_a_cache_that_only_the_default_branch_writes_is_trusted(tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workflow says so, which restores it and never saves it from a pull request."""
    planted(tmp_path)
    monkeypatch.setenv(outputs.TRUSTED, "1")
    assert provide().read_bytes() == THEIRS


def test_a_developers_own_cache_is_trusted(tmp_path: Path, provide: Provide) -> None:
    """It lies in the home of the only one who writes it; what has changed since is refused as before."""
    program = planted(tmp_path)
    assert provide().read_bytes() == THEIRS
    program.write_bytes(b"changed")
    with pytest.raises(ToolError, match="wrong SHA-256"):
        provide()


@pytest.mark.usefixtures("job")
def test_a_planted_archive_is_made_again(tmp_path: Path) -> None:
    """Images run too, that of the nodes without any confinement; one job makes each once."""
    path = tmp_path / "cache" / "archives" / "abc.tar"
    path.parent.mkdir(parents=True)
    path.write_bytes(THEIRS)
    made: list[Path] = []

    def make(target: Path) -> None:
        made.append(target)
        target.write_bytes(OURS)

    for _ in range(2):
        assert made_once(path, make, Deadline.after(60)).read_bytes() == OURS
    assert len(made) == 1


def test_the_lock_that_comes_along_is_one() -> None:
    """Each line is of a recipe and has digests alone; an unknown program has none."""
    assert outputs.locked_sums("hello@v1.2.3-abc") == {}
    names = [line.partition(":")[0] for line in outputs.LOCK.read_text().splitlines() if line and not line.startswith("#")]
    assert names
    assert [name for name in names for digest in outputs.locked_sums(name).values() if not re.fullmatch("[0-9a-f]{64}", digest)] == []
    catalogue = read_catalogue(manifests() / "images" / "catalogue.yaml")
    recipes = [catalogue.recipe(program, manifests() / "images") for program in catalogue.programs]
    recipes += [recipe for name, tool in read_lock().items() if (recipe := tool.recipe(name))]
    assert {name.rpartition("-")[0] for name in names} <= {recipe.title for recipe in recipes}
    if host_platform() == "linux-amd64":
        assert {*names} <= {f"{recipe.title}-{recipe.key}" for recipe in recipes}


@pytest.mark.parametrize("content", [OURS, THEIRS])
def test_what_was_compiled_is_compared_with_the_lock(
    tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """The same Go makes the same program everywhere: another one means that something else was compiled."""
    monkeypatch.setattr(binaries, "made_by", lambda *_: "go1.26.8")
    lock(tmp_path, content, monkeypatch)
    if content == OURS:
        assert provide().read_bytes() == OURS
    else:
        with pytest.raises(ToolError, match="wrong SHA-256"):
            provide()
        assert not list((tmp_path / "cache").glob("hello@*"))


def test_what_another_go_makes_is_not_compared(tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each version of Go makes another program, and the lock knows those that were tried."""
    monkeypatch.setattr(binaries, "made_by", lambda *_: "go1.27.0")
    lock(tmp_path, THEIRS, monkeypatch)
    assert provide().read_bytes() == OURS


def test_a_file_that_is_no_lock_is_named(tmp_path: Path) -> None:
    """A merge that went wrong stops the run before a program is used."""
    (tmp_path / "outputs.lock").write_text("<<<<<<< a\n")
    with pytest.raises(ToolError, match="is not a valid program lock"):
        outputs.locked_sums("x", tmp_path / "outputs.lock")


def test_the_key_of_the_cache_is_that_of_the_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the same in every repository, and another one when what is made changes."""
    monkeypatch.chdir(tmp_path)
    before = cache_key()
    (tmp_path / "package-lock.lock").write_text("a lock of the repository that is judged")
    assert cache_key() == before
    monkeypatch.setattr("kindgate.host.cache_key.__version__", "0.0.2")
    assert cache_key() != before
