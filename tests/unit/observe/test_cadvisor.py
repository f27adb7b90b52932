"""cAdvisor queries match names literally; which series count, and what is a restart."""

from __future__ import annotations

from kindgate.model import Window
from kindgate.observe import cadvisor
from kindgate.observe.cadvisor import PodSeries, counted_series, restarts_in
from kindgate.observe.series import Range


def test_a_selector_matches_only_cadvisors_series_in_the_namespaces() -> None:
    """`id` excludes the kubelet's other endpoint, whose metrics have the same names."""
    assert cadvisor.namespace_selector("up", ["b", "a"]) == 'up{namespace=~"a|b",pod!="",id!=""}'


def test_namespace_names_are_matched_literally() -> None:
    r"""A dot in a name is a literal dot: RE2 needs `\.`, and a PromQL string needs the backslash twice."""
    assert r'namespace=~"a\\.b"' in cadvisor.namespace_selector("up", ["a.b"])


def test_a_range_is_rounded_up_to_whole_seconds() -> None:
    """PromQL takes whole seconds here, rounded up."""
    assert cadvisor.stored_samples_query("up", ["a"], 61.2).endswith("[62s]")


def _series(pod: str, container: str, image: str = "", began: float = 0.0, run: str = "a") -> Range:
    return Range({"namespace": "n", "pod": pod, "container": container, "image": image, "id": run}, (began,), (began,))


def _started(*series: Range) -> PodSeries:
    return PodSeries((), (), (), (), (), (), started=series, seen=())


def test_the_pods_cgroup_counts_without_container_labels() -> None:
    """If the runtime labels no container, the pod's cgroup is used, and its pause container is not added."""
    group, pause = _series("p", ""), _series("p", "", image="pause:3.10")
    assert counted_series([group, pause]) == (group,)
    labelled = _series("q", "web", image="web:1")
    assert counted_series([_series("q", ""), labelled]) == (labelled,)


def test_a_pods_first_container_is_not_a_restart() -> None:
    """A rollout in the window starts containers but restarts none."""
    assert restarts_in(_started(_series("new", "web", began=105)), Window(100, 110)) == 0


def test_a_restart_counts_in_the_window_in_which_it_happened() -> None:
    """The container's second run started at 105, to the full second as cAdvisor reports it."""
    series = _started(_series("p", "web", began=50), _series("p", "web", began=105, run="b"))
    assert [restarts_in(series, window) for window in (Window(100, 104.9), Window(105.4, 110), Window(106, 110))] == [0, 1, 0]
