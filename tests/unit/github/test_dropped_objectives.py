"""`kindgate.github.dropped_objectives`: what the base branch judged and a pull request's run no longer does."""

from __future__ import annotations

from kindgate.github.dropped_objectives import no_longer_judged
from tests.unit.report.played import TEST, judged, objectives, played_run
from tests.unit.slo.episodes import restart


def test_an_objective_about_a_scenario_that_is_no_longer_judged_is_a_row() -> None:
    """A rollout that is performed but judged by less is a looser gate; another limit is no row here."""
    base = played_run(judged(restart(), by=objectives("lost: count==0", "recovery: max<10000")), judged(restart(action="update")))
    looser = played_run(judged(restart(), by=objectives("lost: count<9")))

    assert no_longer_judged(looser, base) == (
        f"objective of rollout restart: recovery in {TEST}",
        f"objective of rollout update: lost in {TEST}",
    )
    assert no_longer_judged(base, looser) == ()
