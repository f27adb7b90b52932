"""Choose the source of each program in a catalogue, according to the machine and the options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import ImageError
from kindgate.host.binaries import Recipe
from kindgate.host.sources import expected_source, settled_source
from kindgate.images.build.catalogue import Catalogue
from kindgate.images.image_source import Progress
from kindgate.waiting import Deadline

_AT_ONCE = 2
"""Number of packages to fetch concurrently."""


@dataclass(frozen=True)
class ProgramSources:
    """The program sources of a catalogue; `folder` has its main modules, `binaries` keeps programs, and `seed` may contain some.

    `from_source` skips every source that does not compile its program.
    """

    catalogue: Catalogue
    folder: Path
    binaries: Path
    seed: Path | None = None
    from_source: bool = False

    def expected(self) -> Mapping[str, int]:
        """For each program with several sources, the index in the catalogue's list of the one that will probably be used."""
        several = (name for name, sources in self.catalogue.programs.items() if len(sources) > 1)
        found = ((name, self._allowed(name)) for name in several)
        return {
            name: tuple(allowed)[expected_source(tuple(allowed.values()), cache=self.binaries, seed=self.seed)]
            for name, allowed in found
            if allowed
        }

    def settled(self, programs: Iterable[str], progress: Progress, deadline: Deadline) -> Mapping[str, int]:
        """For each program with several sources, the index of the one to use; packaged programs have been fetched.

        Raises `ImageError` for a program without a source under `from_source`, and `ToolError` if a source has a
        different program under the pinned version, or if no source has it.
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
        """The allowed sources of a program, by index in the catalogue's list."""
        return {place: recipe for place, recipe in enumerate(self._recipes(name)) if recipe.compiles or not self.from_source}

    def _recipes(self, name: str) -> Sequence[Recipe]:
        return self.catalogue.recipes(name, self.folder)
