"""What rounds of attempts show: connections that agree in two rounds, and the controls of denied ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from kindgate.model import ObjectRef
from kindgate.scenarios.connection_attempts import Attempt, RunningPod
from kindgate.scenarios.connection_matrix import ROUNDS, connection_of, settled
from kindgate.scenarios.connection_plan import Cell
from kindgate.slo.connections import Seen
from tests.unit.scenarios.outsider_pods import STRANGER

SERVER = RunningPod(ObjectRef("Pod", "shop", "db-1"), "worker", "d", "10.0.1.2")
NETWORK = Attempt(STRANGER, "10.96.0.10", 53)
FIRST, SECOND, CONTROL = Attempt(STRANGER, "10.96.0.9", 5432), Attempt(STRANGER, "10.0.1.2", 5432), Attempt(SERVER, "10.0.1.2", 5432)
CELL = Cell("stranger", "db", 5432, (FIRST, SECOND), CONTROL)
CONNECTED, REFUSED, TIMED_OUT = Seen.CONNECTED, Seen.REFUSED, Seen.TIMED_OUT


def shown(first: Seen, second: Seen, control: Seen = CONNECTED, network: Seen = CONNECTED) -> Seen:
    """What the cell shows if its attempts saw this."""
    return connection_of(CELL, {FIRST: first, SECOND: second, CONTROL: control, NETWORK: network}, NETWORK).seen


def test_one_way_in_suffices() -> None:
    """A Service that is denied does not hide a pod that is not."""
    assert shown(REFUSED, CONNECTED) is CONNECTED
    assert shown(TIMED_OUT, REFUSED) is TIMED_OUT


def test_a_denied_connection_counts_only_if_something_listens() -> None:
    """A closed port is refused without any policy; a connection needs no control."""
    assert shown(REFUSED, REFUSED, control=REFUSED) is Seen.NOT_LISTENING
    assert shown(CONNECTED, CONNECTED, control=REFUSED) is CONNECTED


def test_a_denied_connection_counts_only_if_the_network_works() -> None:
    """A new pod without a route is denied everything."""
    assert shown(TIMED_OUT, TIMED_OUT, network=TIMED_OUT) is Seen.FAILED


def rounds(*results: Seen) -> tuple[Callable[[], Mapping[Attempt, Seen]], list[Seen]]:
    """A function that gives the cell these results, one per round, the last one forever; and those that were given."""
    given: list[Seen] = []

    def try_round() -> Mapping[Attempt, Seen]:
        given.append(results[min(len(given), len(results) - 1)])
        return {FIRST: given[-1], SECOND: given[-1], CONTROL: CONNECTED, NETWORK: CONNECTED}

    return try_round, given


@pytest.mark.parametrize(
    ("results", "seen", "number"),
    [((REFUSED,), REFUSED, 2), ((CONNECTED, REFUSED), REFUSED, 3), ((CONNECTED, REFUSED, CONNECTED), CONNECTED, 4)],
)
def test_rounds_are_repeated_until_two_agree(results: tuple[Seen, ...], seen: Seen, number: int) -> None:
    """A policy that is about to be programmed changes them once."""
    try_round, given = rounds(*results)
    pauses: list[float] = []
    (connection,) = settled([CELL], NETWORK, try_round, pauses.append)
    assert (connection.seen, len(given), len(pauses)) == (seen, number, number - 1)


def test_two_ways_of_being_denied_agree() -> None:
    """A network plugin refuses some attempts of a client, and answers others not at all."""
    try_round, given = rounds(REFUSED, TIMED_OUT)
    (connection,) = settled([CELL], NETWORK, try_round, lambda _: None)
    assert (connection.is_allowed, len(given)) == (False, 2)


def test_attempts_that_never_agree_are_changing() -> None:
    """They are neither allowed nor denied."""
    try_round, given = rounds(*([CONNECTED, REFUSED] * ROUNDS))
    (connection,) = settled([CELL], NETWORK, try_round, lambda _: None)
    assert (connection.seen, len(given)) == (Seen.CHANGING, ROUNDS)
