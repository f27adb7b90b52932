"""A cached program is used only if it matches the lock, or if nothing untrusted can write to the cache."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kindgate.assets import manifests
from kindgate.errors import ToolError
from kindgate.host import binaries, debian_packages, output_sums, tools_lock, wheels
from kindgate.host.binaries import GoRecipe, host_platform, is_available_locally, provide_binary
from kindgate.host.cache_key import cache_key
from kindgate.host.debian_packages import DebianRecipe
from kindgate.host.tools_lock import read_lock
from kindgate.host.wheels import WheelRecipe
from kindgate.images.build.catalogue import read_catalogue
from kindgate.images.build.store import make_once
from kindgate.waiting import Deadline

HELLO = GoRecipe("hello", "example.org/hello", "v1.2.3")
LOCKED_CONTENT, PLANTED_CONTENT = b"#!/bin/sh\necho ours\n", b"#!/bin/sh\necho theirs\n"

Provide = Callable[[], Path]


@pytest.fixture(name="job")
def _job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A GitHub Actions job with an empty temporary folder."""
    folder = tmp_path / "runner-temp"
    folder.mkdir()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("RUNNER_TEMP", str(folder))
    return folder


@pytest.fixture(name="provide")
def _provide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Provide:
    """Provide a program compiled by a stand-in for Go."""
    monkeypatch.setattr(GoRecipe, "make", lambda _self, target, _work, _deadline: target.write_bytes(LOCKED_CONTENT))
    return lambda: provide_binary(HELLO, cache=tmp_path / "cache", seed=None, deadline=Deadline.after(60), progress=lambda _: None)


def planted(tmp_path: Path, content: bytes = PLANTED_CONTENT) -> Path:
    """A program that an attacker put into the cache, with a matching checksum file."""
    program = tmp_path / "cache" / f"{HELLO.title}-{HELLO.key}" / "hello"
    program.parent.mkdir(parents=True)
    program.write_bytes(content)
    program.chmod(0o755)
    program.with_name("hello.sha256").write_text(hashlib.sha256(content).hexdigest() + "\n")
    return program


def _locked_names() -> list[str]:
    """The programs in the bundled lock."""
    return [line.partition(":")[0] for line in output_sums.LOCK.read_text().splitlines() if line and not line.startswith("#")]


def lock(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a lock with the checksum of the recipe's output."""
    file = tmp_path / "outputs.lock"
    file.write_text(f"{HELLO.title}-{HELLO.key}: {{go1.26.8: {hashlib.sha256(content).hexdigest()}}}\n")
    monkeypatch.setattr(binaries, "locked_sums", lambda name: output_sums.locked_sums(name, file))


@pytest.mark.usefixtures("job")
def test_a_planted_program_is_rebuilt(tmp_path: Path, provide: Provide) -> None:
    """The checksum file comes from the same attacker, so it proves nothing."""
    planted(tmp_path)
    assert not is_available_locally(HELLO, cache=tmp_path / "cache", seed=None)
    assert provide().read_bytes() == LOCKED_CONTENT


@pytest.mark.usefixtures("job")
def test_a_locked_program_is_used(tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in the lock is used wherever the cache comes from."""
    planted(tmp_path)
    lock(tmp_path, PLANTED_CONTENT, monkeypatch)
    assert provide().read_bytes() == PLANTED_CONTENT


@pytest.mark.usefixtures("job")
def test_a_program_that_differs_from_the_lock_is_rebuilt(tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an untrusted cache, a program that does not match the lock is compiled again."""
    planted(tmp_path)
    lock(tmp_path, LOCKED_CONTENT, monkeypatch)
    assert provide().read_bytes() == LOCKED_CONTENT


@pytest.mark.usefixtures("job")
def test_a_program_built_by_this_job_is_reused(tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later command of the same job reuses the program."""
    program = provide()
    monkeypatch.setattr(GoRecipe, "make", lambda *_: pytest.fail("it is there"))
    assert provide() == program
    assert is_available_locally(HELLO, cache=tmp_path / "cache", seed=None)


def test_a_program_built_by_an_earlier_job_is_rebuilt(job: Path, provide: Provide, tmp_path: Path) -> None:
    """A self-hosted runner keeps the cache of every pull request it ran."""
    provide()
    (job / "kindgate-made").unlink()  # the runner empties its folder
    assert not is_available_locally(HELLO, cache=tmp_path / "cache", seed=None)


@pytest.mark.usefixtures("job")
def test_a_cache_written_only_by_the_default_branch_is_trusted(tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workflow declares the cache as trusted: it restores it, but never saves it from a pull request."""
    planted(tmp_path)
    monkeypatch.setenv(output_sums.TRUSTED, "1")
    assert provide().read_bytes() == PLANTED_CONTENT


def test_a_developers_cache_is_trusted(tmp_path: Path, provide: Provide) -> None:
    """Only the developer can write to the cache in the home folder; a file that changed since is still rejected."""
    program = planted(tmp_path)
    assert provide().read_bytes() == PLANTED_CONTENT
    program.write_bytes(b"changed")
    with pytest.raises(ToolError, match="wrong SHA-256"):
        provide()


@pytest.mark.usefixtures("job")
def test_a_planted_archive_is_rebuilt(tmp_path: Path) -> None:
    """Images are run too, the node image even without confinement; each is built once per job."""
    path = tmp_path / "cache" / "archives" / "abc.tar"
    path.parent.mkdir(parents=True)
    path.write_bytes(PLANTED_CONTENT)
    built: list[Path] = []

    def make(target: Path) -> None:
        built.append(target)
        target.write_bytes(LOCKED_CONTENT)

    for _ in range(2):
        assert make_once(path, make, Deadline.after(60)).read_bytes() == LOCKED_CONTENT
    assert len(built) == 1


def test_the_bundled_lock_is_valid() -> None:
    """Each line of the bundled lock is a recipe with digests; an unknown program has none."""
    assert output_sums.locked_sums("hello@v1.2.3-abc") == {}
    names = _locked_names()
    assert names
    assert [name for name in names for digest in output_sums.locked_sums(name).values() if not re.fullmatch("[0-9a-f]{64}", digest)] == []
    catalogue = read_catalogue(manifests() / "images" / "catalogue.yaml")
    recipes = [catalogue.recipe(program, manifests() / "images") for program in catalogue.programs]
    recipes += [recipe for name, tool in read_lock().items() if (recipe := tool.recipe(name))]
    compiled = [name for name in names if "@v" in name]
    assert {name.rpartition("-")[0] for name in compiled} <= {recipe.title for recipe in recipes}
    if host_platform() == "linux-amd64":
        assert {*compiled} <= {f"{recipe.title}-{recipe.key}" for recipe in recipes}


def test_every_packaged_program_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise, each job of a workflow would fetch it again; a package's own sum is pinned, so its contents are known."""
    catalogue = read_catalogue(manifests() / "images" / "catalogue.yaml")
    names: set[str] = set()
    for platform in ("linux-amd64", "linux-arm64"):
        for module in (wheels, debian_packages, tools_lock):
            monkeypatch.setattr(module, "host_platform", lambda platform=platform: platform)
        packed = [recipe for name, tool in read_lock().items() for recipe in tool.packed_recipes(name)]
        programs = [recipe for name in catalogue.programs for recipe in catalogue.recipes(name, manifests() / "images")]
        packed += [recipe for recipe in programs if isinstance(recipe, WheelRecipe | DebianRecipe)]
        names |= {f"{recipe.title}-{recipe.key}" for recipe in packed}
    assert names == {name for name in _locked_names() if "@v" not in name}
    assert all(output_sums.locked_sums(name).keys() == {output_sums.PACKAGE} for name in names)


@pytest.mark.usefixtures("job")
def test_a_locked_package_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sum is that of the package's contents, so the cached program of another job is the same."""
    monkeypatch.setattr(WheelRecipe, "make", lambda *_: pytest.fail("it is there"))
    wheel = WheelRecipe("hello", "hello-bin", "1.2.3", ("hello",), {host_platform(): "0" * 64})
    program = tmp_path / "cache" / f"{wheel.title}-{wheel.key}" / "hello"
    program.parent.mkdir(parents=True)
    program.write_bytes(LOCKED_CONTENT)
    program.with_name("hello.sha256").write_text(hashlib.sha256(LOCKED_CONTENT).hexdigest() + "\n")
    lock = tmp_path / "outputs.lock"
    lock.write_text(f"{wheel.title}-{wheel.key}: {{package: {hashlib.sha256(LOCKED_CONTENT).hexdigest()}}}\n")
    monkeypatch.setattr(binaries, "locked_sums", lambda name: output_sums.locked_sums(name, lock))
    assert provide_binary(wheel, cache=tmp_path / "cache", seed=None, deadline=Deadline.after(60), progress=lambda _: None) == program


@pytest.mark.parametrize("content", [LOCKED_CONTENT, PLANTED_CONTENT])
def test_a_compiled_program_is_compared_with_the_lock(
    tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """The same Go produces the same program everywhere, so a difference means that something else was compiled."""
    monkeypatch.setattr(binaries, "go_version_of", lambda *_: "go1.26.8")
    lock(tmp_path, content, monkeypatch)
    if content == LOCKED_CONTENT:
        assert provide().read_bytes() == LOCKED_CONTENT
    else:
        with pytest.raises(ToolError, match="wrong SHA-256"):
            provide()
        assert not list((tmp_path / "cache").glob("hello@*"))


def test_a_program_of_another_go_version_is_not_compared(tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each Go version produces a different program; only the tested versions are in the lock."""
    monkeypatch.setattr(binaries, "go_version_of", lambda *_: "go1.27.0")
    lock(tmp_path, PLANTED_CONTENT, monkeypatch)
    assert provide().read_bytes() == LOCKED_CONTENT


def test_an_invalid_lock_is_named(tmp_path: Path) -> None:
    """A lock with merge conflicts ends the run before a program is used."""
    (tmp_path / "outputs.lock").write_text("<<<<<<< a\n")
    with pytest.raises(ToolError, match="is not a valid program lock"):
        output_sums.locked_sums("x", tmp_path / "outputs.lock")


def test_the_cache_key_depends_on_the_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache key depends on what kindgate builds, not on the judged repository."""
    monkeypatch.chdir(tmp_path)
    before = cache_key()
    (tmp_path / "package-lock.lock").write_text("a lock of the repository that is judged")
    assert cache_key() == before
    monkeypatch.setattr("kindgate.host.cache_key.__version__", "0.0.2")
    assert cache_key() != before
