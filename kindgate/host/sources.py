"""Choose a program's source: the first one that has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kindgate.errors import ToolError
from kindgate.host.binaries import Progress, Recipe, SourceAbsent, is_at_hand, provide_binary
from kindgate.waiting import Deadline


def expected_source(recipes: Sequence[Recipe], *, cache: Path, seed: Path | None) -> int:
    """The index in `recipes` of `settled_source`'s pick if no source is absent: the first cached or seeded one, otherwise the first."""
    at_hand = (place for place, recipe in enumerate(recipes) if is_at_hand(recipe, cache=cache, seed=seed))
    return next(at_hand, 0)


def settled_source(recipes: Sequence[Recipe], *, cache: Path, seed: Path | None, deadline: Deadline, progress: Progress) -> int:
    """The index in `recipes` of the source to use; a packaged program is then in the cache, a compiled one may not be yet.

    A source without the pinned version is reported and skipped. Raises `ToolError` if a source has a different program
    under that version, or if no source is left.
    """
    expected = expected_source(recipes, cache=cache, seed=seed)
    if is_at_hand(recipes[expected], cache=cache, seed=seed):
        return expected
    reasons: list[str] = []
    for place, recipe in enumerate(recipes):
        if recipe.compiles:
            return place
        try:
            provide_binary(recipe, cache=cache, seed=seed, deadline=deadline, progress=progress)
        except SourceAbsent as error:
            reasons.append(str(error))
            if place + 1 < len(recipes):
                progress(f"{recipe.title}: {error.message}; trying {recipes[place + 1].origin}")
        else:
            return place
    raise ToolError(
        f"{recipes[0].name} is not available from any source",
        last_state="\n".join(reasons),
        next_step="let pip or apt reach an index that has it, or set --image-seed to a folder of programs",
    )
