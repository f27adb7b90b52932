"""Episodes in reports: nothing that decides a verdict is lost, and impossible figures are found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kindgate.load.raw_samples import Rows
from kindgate.report.episode_records import EVENTS_LIMIT, SECONDS_LIMIT, EpisodeRecord, episode_record
from kindgate.scenarios.attribution import first_success, phase_figures, route_figures, sendable, slots
from kindgate.slo.episode import EpisodeEvent, EpisodeSlot, Marks, Requests
from kindgate.slo.load_health import LoadHealth
from tests.unit.scenarios.test_attribution import PLAN, some_rows
from tests.unit.slo.episodes import restart

LOSSES = st.dictionaries(
    st.integers(0, 23), st.builds(Requests, failed=st.integers(0, 33), unanswered=st.integers(1, 33), sent_twice=st.integers(0, 33))
)
"""Fewer in each second than the 100 requests that its route has."""


@given(LOSSES, st.none() | st.floats(0, 1), st.booleans())
def test_an_episode_survives_a_report(losses: dict[int, Requests], share: float | None, complete: bool) -> None:  # noqa: FBT001
    """The judge gets the same episode from the report's JSON as it got from the run, and its figures add up."""
    episode = restart(losses, foreign=share, complete=complete, health=LoadHealth(punctual=share, lag=0.2))
    record = EpisodeRecord.model_validate_json(episode_record(episode).model_dump_json())
    assert record.episode() == episode
    assert record.inconsistency == ""


@given(rows=some_rows(), edges=st.lists(st.floats(0, 60), min_size=3, max_size=3).map(sorted), recovers=st.booleans())
def test_no_load_has_impossible_figures(rows: Rows, edges: list[float], *, recovers: bool) -> None:
    """Whatever became of its requests: an honest report must never be refused."""
    began, ended, recovered = edges
    marks = Marks(began, ended, recovered if recovers else None, 60.0)
    sent = sendable(rows)
    episode = replace(
        restart(),
        marks=marks,
        phases=phase_figures(sent, marks),
        routes=route_figures(sent, PLAN, 60.0),
        slots=slots(sent, 60.0),
        first_success=first_success(sent, PLAN, 60.0),
        recovery=1000 * (recovered - ended) if recovers else None,
    )
    assert episode_record(episode).inconsistency == ""


def _changed(**changes: Any) -> EpisodeRecord:
    return episode_record(restart({6: Requests(failed=3)})).model_copy(update=changes)


RECORD = _changed()
EMPTY = RECORD.routes[1].requests


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"routes": ()}, "its routes"),
        ({"routes": (RECORD.routes[0].model_copy(update={"requests": EMPTY}), RECORD.routes[1])}, "its routes"),
        ({"phases": RECORD.phases[1:]}, "its routes"),
        ({"timeline": RECORD.timeline.model_copy(update={"failed": (0,) * 24})}, "its seconds"),
        ({"routes": (RECORD.routes[0].model_copy(update={"outage": 0.0}), RECORD.routes[1])}, "losses without an outage"),
        ({"routes": (RECORD.routes[0], RECORD.routes[1].model_copy(update={"outage": 1.0}))}, "an outage without losses"),
        ({"phases": (RECORD.phases[1], RECORD.phases[0], *RECORD.phases[2:])}, "not in order"),
        ({"recovered": None}, "recovered without a time"),
        ({"recovery": None}, "recovered without a time"),
        ({"ended": 20.0}, "its times"),
        ({"finished": 18.0}, "its times"),
    ],
)
def test_impossible_figures_are_found(changes: dict[str, Any], problem: str) -> None:
    """No load can produce them, so they were edited."""
    assert problem in _changed(**changes).inconsistency


def test_more_losses_than_requests_are_impossible() -> None:
    """They would hide behind sums that still agree."""
    honest = restart({6: Requests(failed=3)})
    during = replace(honest.phases[1], requests=Requests(100, failed=150))
    before = replace(honest.phases[0], requests=Requests(sum(one.requests.scheduled for one in honest.phases[:2]) - 100))
    foo = replace(honest.routes[0], requests=Requests(2400, failed=150))
    forged = replace(honest, phases=(before, during, *honest.phases[2:]), routes=(foo, honest.routes[1]), slots=())
    assert "more requests than were due" in episode_record(forged).inconsistency


def test_a_first_success_follows_a_loss() -> None:
    """Without a loss there was nothing to wait for."""
    assert "first success" in episode_record(restart(first_success=5.0)).inconsistency


def test_a_long_episode_fits_the_report() -> None:
    """A timeline is kept whole or not at all, and events of Kubernetes do not displace those of the action."""
    seconds = tuple(EpisodeSlot(float(second), Requests(), None) for second in range(SECONDS_LIMIT + 1))
    pulls = (EpisodeEvent(at / 10, "kubernetes", "Pulled") for at in range(EVENTS_LIMIT))
    events = (*pulls, EpisodeEvent(99.0, "action", "ended"))
    record = episode_record(restart(slots=seconds, events=events, targets=tuple(map(str, range(1000))), error="x" * 5000))
    assert record.timeline.start == ()
    assert len(record.events) == EVENTS_LIMIT
    assert record.events[-1].text == "ended"
    assert EpisodeRecord.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize("name", ["", "Rollout", "a b", "`x`", "x" * 60, "a\nb"])
def test_a_name_is_safe_outside_of_code(name: str) -> None:
    """Names of scenarios and actions are part of sentences, so they hold nothing that Markdown interprets."""
    with pytest.raises(ValidationError):
        EpisodeRecord.model_validate(RECORD.model_dump() | {"action": name})


def test_columns_of_different_length_are_rejected() -> None:
    """A timeline is a table."""
    with pytest.raises(ValidationError, match="differ in length"):
        EpisodeRecord.model_validate_json(_changed(timeline=RECORD.timeline.model_copy(update={"failed": (0,)})).model_dump_json())
    with pytest.raises(ValidationError, match="not in order"):
        EpisodeRecord.model_validate_json(_changed(timeline=RECORD.timeline.model_copy(update={"start": (0.0,) * 24})).model_dump_json())
