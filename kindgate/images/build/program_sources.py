"""Which source each program of a catalogue comes from: the catalogue lists them, the machine and the options decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import ImageError
from kindgate.host.binaries import Recipe
from kindgate.host.sources import expected_source, settled_source
from kindgate.images.build.catalogue import Catalogue
from kindgate.images.source import Progress
from kindgate.waiting import Deadline

_AT_ONCE = 2
"""Packages that are fetched at the same time."""


@dataclass(frozen=True)
class ProgramSources:
    """The sources of a catalogue whose main modules lie in `folder`; programs are kept in `binaries`, `seed` may hold some.

    `from_source` passes over every source that does not compile its program.
    """

    catalogue: Catalogue
    folder: Path
    binaries: Path
    seed: Path | None = None
    from_source: bool = False

    def expected(self) -> Mapping[str, int]:
        """The place in the catalogue's list of the source that each program with several of them will probably come from."""
        several = (name for name, sources in self.catalogue.programs.items() if len(sources) > 1)
        found = ((name, self._allowed(name)) for name in several)
        return {
            name: tuple(allowed)[expected_source(tuple(allowed.values()), cache=self.binaries, seed=self.seed)]
            for name, allowed in found
            if allowed
        }

    def settled(self, programs: Iterable[str], progress: Progress, deadline: Deadline) -> Mapping[str, int]:
        """The place of the source of each of the programs that has several; what is packed was fetched.

        Raises `ImageError` for a program that `from_source` leaves without a source, and `ToolError` when a source has
        another program under the pinned version, or none has it.
        """
        allowed = {name: self._allowed(name) for name in sorted(programs) if name in self.catalogue.programs}
        for name, sources in allowed.items():
            if not sources:
                raise ImageError(
                    f"--from-source: {name} cannot be compiled here; it is available only as {self._recipes(name)[0].origin}",
                    next_step="remove --from-source, or use a registry: --image-source registry",
                )
        several = {name: sources for name, sources in allowed.items() if len(self.catalogue.programs[name]) > 1}
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            return dict(pool.map(lambda name: (name, self._settled(several[name], progress, deadline)), several))

    def _settled(self, allowed: Mapping[int, Recipe], progress: Progress, deadline: Deadline) -> int:
        place = settled_source(tuple(allowed.values()), cache=self.binaries, seed=self.seed, deadline=deadline, progress=progress)
        return tuple(allowed)[place]

    def _allowed(self, name: str) -> Mapping[int, Recipe]:
        """The sources of a program that may be used, by their place in the catalogue's list."""
        return {place: recipe for place, recipe in enumerate(self._recipes(name)) if recipe.compiles or not self.from_source}

    def _recipes(self, name: str) -> Sequence[Recipe]:
        return self.catalogue.recipes(name, self.folder)
