"""The first source with the program is used, but a local copy comes first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from kindgate.errors import ToolError
from kindgate.host.binaries import SourceAbsent, provide_binary
from kindgate.images.build.program_sources import expected_source, resolve_source
from kindgate.waiting import Deadline


@dataclass(frozen=True)
class Source:
    """A source that provides its program, does not have it (`absent`) or has a changed one (`altered`)."""

    version: str
    state: str = "there"
    compiles: bool = False
    name: str = "hello"
    action: str = "fetching"
    seconds: float = 0.0

    @property
    def title(self) -> str:
        """The recipe's title."""
        return f"{self.name}@{self.version}"

    @property
    def key(self) -> str:
        """The recipe's key."""
        return self.version

    @property
    def group(self) -> str:
        """The recipe's group."""
        return self.title

    @property
    def origin(self) -> str:
        """The recipe's origin."""
        return f"source {self.version}"

    def make(self, target: Path, work: Path, deadline: Deadline) -> None:
        """Write the program, or fail as configured."""
        assert not work.exists()
        assert not deadline.expired
        if self.state == "absent":
            raise SourceAbsent(f"{self.origin} has it no more")
        if self.state == "altered":
            raise ToolError("its SHA-256 is wrong")
        target.write_text(self.version)


def resolved_index(cache: Path, *sources: Source, messages: list[str] | None = None) -> int:
    """Return the location of the source that is used."""
    progress = messages.append if messages is not None else print
    return resolve_source(sources, cache=cache, seed=None, deadline=Deadline.after(60), progress=progress)


def is_cached(cache: Path, source: Source) -> bool:
    """Return whether the cache has the program of this source."""
    return (cache / f"{source.title}-{source.key}" / source.name).exists()


def test_the_first_source_is_used_and_fetched(tmp_path: Path) -> None:
    """The remaining sources are not queried."""
    first, second = Source("1"), Source("2", "altered")

    assert resolved_index(tmp_path, first, second) == 0
    assert is_cached(tmp_path, first)


def test_an_absent_source_is_skipped_and_reported(tmp_path: Path) -> None:
    """The message names the absent source and the next one."""
    messages: list[str] = []

    assert resolved_index(tmp_path, Source("1", "absent"), Source("2"), messages=messages) == 1
    assert any("source 1 has it no more" in line and "source 2" in line for line in messages)


def test_a_compiled_source_is_chosen_without_compiling(tmp_path: Path) -> None:
    """Compiling takes minutes, so it is only scheduled here and runs in parallel later."""
    compiled = Source("2", compiles=True)

    assert resolved_index(tmp_path, Source("1", "absent"), compiled) == 1
    assert not is_cached(tmp_path, compiled)


def test_an_altered_program_is_an_error(tmp_path: Path) -> None:
    """A changed program is an error, and no other source is tried."""
    with pytest.raises(ToolError, match="SHA-256"):
        resolved_index(tmp_path, Source("1", "altered"), Source("2"))


def test_a_locally_available_source_is_chosen_without_queries(tmp_path: Path) -> None:
    """A local copy from a later source is used, because an earlier one would have to be fetched."""
    second = Source("2")
    provide_binary(second, cache=tmp_path, seed=None, deadline=Deadline.after(60), progress=print)
    sources = (Source("1", "altered"), second)

    assert expected_source(sources, cache=tmp_path, seed=None) == 1
    assert resolved_index(tmp_path, *sources) == 1


def test_every_source_is_listed_if_none_has_the_program(tmp_path: Path) -> None:
    """The error lists the reason of every source."""
    with pytest.raises(ToolError, match="hello is not available from any source") as refused:
        resolved_index(tmp_path, Source("1", "absent"), Source("2", "absent"))

    assert "source 1" in str(refused.value)
    assert "source 2" in str(refused.value)
