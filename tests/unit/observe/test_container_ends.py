"""Containers that ended, from the statuses of their pods."""

from __future__ import annotations

from typing import Any

from kindgate.observe.container_ends import ContainerEnd, ends_of

BEGAN, ENDED, RESUMED = "2026-01-05T10:00:00Z", "2026-01-05T10:01:30Z", "2026-01-05T10:01:32Z"


def _pod(name: str, namespace: str, *statuses: dict[str, Any], labels: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "status": {"containerStatuses": list(statuses)},
    }


def _terminated(reason: str = "OOMKilled", code: int = 137) -> dict[str, Any]:
    return {"terminated": {"reason": reason, "exitCode": code, "startedAt": BEGAN, "finishedAt": ENDED}}


RESTARTED = {"name": "main", "state": {"running": {"startedAt": RESUMED}}, "lastState": _terminated()}
WAITING = {"name": "main", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": _terminated("Error", 1)}
RUNNING = {"name": "main", "state": {"running": {"startedAt": BEGAN}}, "lastState": {}}


def test_a_restarted_container_ended_and_resumed() -> None:
    """The last run's end, its reason, and when the next one began."""
    (end,) = ends_of([_pod("shop-6d4cf56db6-x7k2p", "shop", RESTARTED)], {"shop"})

    assert end == ContainerEnd("shop", "shop", "OOMKilled", 137, 1767607200.0, 1767607290.0, 1767607292.0, ingress=False)
    assert end.out_of_memory


def test_a_container_that_waits_has_not_resumed() -> None:
    """One in a crash loop answers nothing until it runs again."""
    (end,) = ends_of([_pod("shop-0", "shop", WAITING)], {"shop"})

    assert (end.workload, end.reason, end.resumed, end.out_of_memory) == ("shop-0", "Error", None, False)


def test_a_container_that_just_ended_is_found_in_its_state() -> None:
    """Before its restart, the end is not the last state yet but the present one."""
    assert [end.ended for end in ends_of([_pod("shop-0", "shop", {"name": "main", "state": _terminated()})], {"shop"})] == [1767607290.0]


def test_only_the_application_and_the_ingress_count() -> None:
    """The baseline's containers and the cluster's own did not answer the judged requests; the ingress is known by its label."""
    traefik = _pod("traefik-6d4cf56db6-x7k2p", "ingress", RESTARTED, labels={"app.kubernetes.io/name": "traefik"})
    pods = [_pod("shop-0", "shop-base", RESTARTED), _pod("coredns-0", "kube-system", RESTARTED), _pod("shop-0", "shop", RUNNING), traefik]

    (end,) = ends_of(pods, {"shop"})

    assert (end.namespace, end.workload, end.ingress) == ("ingress", "traefik", True)


def test_an_end_without_a_time_is_not_used() -> None:
    """A container that never ran has no times, so nothing can be said about its bursts."""
    status = {"name": "main", "state": {"terminated": {"reason": "ContainerCannotRun", "startedAt": None, "finishedAt": None}}}

    assert ends_of([_pod("shop-0", "shop", status)], {"shop"}) == ()
