"""The cAdvisor series that count, and the definition of a restart."""

from __future__ import annotations

from kindgate.model import Window
from kindgate.observe.cadvisor import PodSeries, counted_series, restarts_in
from kindgate.observe.series import Range


def _series(pod: str, container: str, image: str = "", began: float = 0.0, run: str = "a") -> Range:
    return Range({"namespace": "n", "pod": pod, "container": container, "image": image, "id": run}, (began,), (began,))


def _started(*series: Range) -> PodSeries:
    return PodSeries((), (), (), (), (), (), started=series, seen=())


def test_without_container_labels_the_pods_group_counts() -> None:
    """If the runtime labels no container, the pod's cgroup is used, and its pause container is not added."""
    group, pause = _series("p", ""), _series("p", "", image="pause:3.10")
    assert counted_series([group, pause]) == (group,)
    labelled = _series("q", "web", image="web:1")
    assert counted_series([_series("q", ""), labelled]) == (labelled,)


def test_a_pods_first_container_is_no_restart() -> None:
    """A rollout in the window starts containers but restarts none."""
    assert restarts_in(_started(_series("new", "web", began=105)), Window(100, 110)) == 0


def test_a_restart_counts_in_the_window_in_which_it_happened() -> None:
    """The container's second run started at 105, to the full second as cAdvisor reports it."""
    series = _started(_series("p", "web", began=50), _series("p", "web", began=105, run="b"))
    assert [restarts_in(series, window) for window in (Window(100, 104.9), Window(105.4, 110), Window(106, 110))] == [0, 1, 0]
