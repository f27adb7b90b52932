"""Episodes whose figures add up, built from the losses of each second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kindgate.slo.episode import (
    Episode,
    EpisodeEvent,
    EpisodeSlot,
    Marks,
    Phase,
    PhaseFigures,
    ReplicaCount,
    Requests,
    RouteFigures,
)
from kindgate.slo.episode_figures import total

RATE = 200
MARKS = Marks(began=5.0, ended=17.0, recovered=19.0, finished=24.0)
"""Five seconds before the action, twelve during it, two of recovery, five after."""

_EDGES = {Phase.BEFORE: (0, 5), Phase.DURING: (5, 17), Phase.RECOVERY: (17, 19), Phase.AFTER: (19, 24)}


def restart(lost: Mapping[int, Requests] | None = None, **changes: Any) -> Episode:
    """Build the episode of a restart; `lost` are lost requests by second, all of route `foo`, which has half of the requests."""
    losses = lost or {}
    seconds = [replace(losses.get(second, Requests()), scheduled=RATE) for second in range(24)]
    slots = tuple(EpisodeSlot(float(start), counts, 8.0 + (start == 6)) for start, counts in enumerate(seconds))
    phases = tuple(PhaseFigures(phase, float(end - start), total(seconds[start:end]), 8.0) for phase, (start, end) in _EDGES.items())
    of_foo = replace(total(seconds), scheduled=12 * RATE)
    longest = max(losses) - min(losses) + 0.4 if losses else 0.0
    episode = Episode(
        scenario="rollout",
        action="restart",
        targets=("Deployment shop/web",),
        started=1_790_000_100.0,
        marks=MARKS,
        phases=phases,
        routes=(RouteFigures("foo", of_foo, longest), RouteFigures("bar", Requests(12 * RATE), 0.0)),
        slots=slots,
        first_success=5.0 if losses else 0.0,
        recovery=2000.0,
        foreign=0.02,
        events=(EpisodeEvent(5.0, "action", "restart of Deployment shop/web"), EpisodeEvent(7.5, "kubernetes", "Killing web-1")),
        replicas=(ReplicaCount(0.0, "Deployment shop/web", 2), ReplicaCount(8.0, "Deployment shop/web", 3)),
    )
    return replace(episode, **changes)
