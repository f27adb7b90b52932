"""The order of tests under xdist: scenarios run after all measured tests, one after the other in one worker.

Sorting does not suffice: a worker may reach its scenarios while another one still measures, and could wait there for a
test that it would have to run itself.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xdist.scheduler.protocol import Scheduling
    from xdist.workermanage import WorkerController


class _Worker:
    """A worker as the measured tests' scheduler sees it: for that one it ends, even while it is kept for the scenarios."""

    def __init__(self, node: WorkerController) -> None:
        self.node = node
        self.kept = False
        self._ended = False

    @property
    def shutting_down(self) -> bool:
        """Whether it accepts no more measured tests."""
        return self._ended or self.node.shutting_down

    def shutdown(self) -> None:
        """Accept no more measured tests."""
        self._ended = True
        if not self.kept:
            self.node.shutdown()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # everything else is the worker's own
        return getattr(self.node, name)


class ScenariosLast:
    """A scheduler of xdist that leaves measured tests to `measured`, another one, and sends scenarios to one worker when they have ended.

    `scenarios` has the ids of the scenarios' tests when the first worker has collected; they are collected last.
    """

    def __init__(self, measured: Scheduling, scenarios: Container[str]) -> None:
        self._measured: Any = measured  # which gets `_Worker`s
        self._scenarios = scenarios
        self._workers: dict[WorkerController, _Worker] = {}
        self._runner: WorkerController | None = None
        self._collection: list[str] = []
        self._first = 0
        self._scheduled = False
        self._unsent: list[int] = []
        self._sent: list[int] = []

    @property
    def nodes(self) -> list[WorkerController]:
        """All workers that have not ended."""
        return list(self._workers)

    @property
    def collection_is_completed(self) -> bool:
        """Whether every worker has collected its tests."""
        return bool(self._measured.collection_is_completed)

    @property
    def tests_finished(self) -> bool:
        """Whether no test is left to send; a worker's last one waits to hear that."""
        return bool(self._measured.tests_finished) and not self._unsent

    @property
    def has_pending(self) -> bool:
        """Whether a test has not ended."""
        return bool(self._measured.has_pending or self._unsent or self._sent)

    def add_node(self, node: WorkerController) -> None:
        """Add a worker that has started."""
        self._workers[node] = _Worker(node)
        self._measured.add_node(self._workers[node])
        self._choose_runner()

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """Add the tests that a worker has collected."""
        if not self._collection:
            self._collection = list(collection)
            self._first = _first_scenario(collection, self._scenarios)
        differs = list(collection[self._first :]) != self._collection[self._first :]
        if self._first or not self._scheduled:  # a scheduler without tests accepts no further worker
            self._measured.add_node_collection(self._workers[node], list(collection if differs else collection[: self._first]))

    def schedule(self) -> None:
        """Send the first tests, or tests to a worker that replaces another."""
        if not self._scheduled:
            self._scheduled = True
            self._unsent = list(range(self._first, len(self._collection)))
            self._choose_runner()
        self._measured.schedule()
        self._send_scenarios()

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Note that a worker has run a test."""
        if item_index in self._sent:
            self._sent.remove(item_index)
        else:
            self._measured.mark_test_complete(self._workers[node], item_index, duration)
        self._send_scenarios()

    def mark_test_pending(self, item: str) -> None:
        """Note that a test must run again."""
        index = self._collection.index(item)
        if index < self._first:
            self._measured.mark_test_pending(item)
        else:
            self._unsent.insert(0, index)
        self._send_scenarios()

    def remove_pending_tests_from_node(self, node: WorkerController, indices: Sequence[int]) -> None:
        """Note that a worker gave measured tests back."""
        self._measured.remove_pending_tests_from_node(self._workers[node], indices)
        self._send_scenarios()

    def remove_node(self, node: WorkerController) -> str | None:
        """Remove a worker that has ended; returns the test during which it died. Its other scenarios go to another worker."""
        worker = self._workers.pop(node)
        died_in: str | None = self._measured.remove_node(worker) if worker in self._measured.nodes else None
        if node is self._runner:
            self._runner = None
            if self._sent and died_in is None:
                died_in = self._collection[self._sent.pop(0)]
            self._unsent = self._sent + self._unsent
            self._sent = []
            self._choose_runner()
        self._send_scenarios()
        return died_in

    def _choose_runner(self) -> None:
        """Keep a worker for the scenarios, if there are any."""
        if self._runner is None and self._unsent:
            self._runner = next((node for node in self._workers if not node.shutting_down), None)
            if self._runner is not None:
                self._workers[self._runner].kept = True

    def _send_scenarios(self) -> None:
        """Once the measured tests have ended, end all workers but one, and when they have ended send the scenarios to that one."""
        if not self._unsent or not self._measured.tests_finished:
            return
        others = [node for node in self._workers if node is not self._runner]
        for node in others:
            if not node.shutting_down:
                node.shutdown()
        if self._runner is None or others or self._runner.shutting_down:
            return
        self._sent, self._unsent = self._unsent, []
        self._runner.send_runtest_some(self._sent)
        self._runner.shutdown()


def _first_scenario(collection: Sequence[str], scenarios: Container[str]) -> int:
    """Index of the first scenario's test; the number of tests if another plugin sorted them so that scenarios are not last."""
    first = sum(test not in scenarios for test in collection)
    return first if all(test in scenarios for test in collection[first:]) else len(collection)
