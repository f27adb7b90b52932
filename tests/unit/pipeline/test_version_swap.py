"""Redeploying both versions, on a server with the Kubernetes API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.deploy.apply import RUN_LABEL
from kindgate.deploy.baseline import place_baseline
from kindgate.model import ClusterAddress
from kindgate.pipeline.version_swap import REDEPLOYED, AppliedVersions, swap_versions
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import ingress, manifest, rendered
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving

HEAD = rendered(
    manifest("Namespace", "shop", namespace=""),
    manifest("ConfigMap", "web", data={"version": "new"}),
    manifest("ConfigMap", "rules", namespace="monitoring"),
)
BASE = rendered(manifest("Namespace", "shop", namespace=""), manifest("ConfigMap", "web", data={"version": "old"}))
MAPS = "/api/v1/namespaces/{}/configmaps/{}"
HEAD_MAP, BASE_MAP, SHARED_MAP = MAPS.format("shop", "web"), MAPS.format("shop-base", "web"), MAPS.format("monitoring", "rules")


@pytest.fixture(name="api_server")
def _api_server() -> Iterator[ApiServer]:
    with serving() as server:
        for path in (HEAD_MAP, BASE_MAP, SHARED_MAP):
            server.put(path, {"metadata": {"labels": {RUN_LABEL: "r1"}}})
        for name in ("shop", "shop-base", "monitoring"):
            server.put(f"/api/v1/namespaces/{name}", {})
        yield server


def swapped(api_server: ApiServer, folder: Path, *, existing: bool = False, reused: bool = False) -> tuple[str, list[tuple[str, str]]]:
    """Return the reported action and the changes requested from the server."""
    baseline = place_baseline(*(replace(version, objects=(*version.objects, ingress())) for version in (HEAD, BASE)))
    baseline = replace(baseline, rendered=replace(baseline.rendered, objects=baseline.rendered.objects[:-1]))
    address = ClusterAddress("test", kubeconfig(folder, api_server.url), "test", "http://127.0.0.1:1", existing=existing, reused=reused)
    done = swap_versions(AppliedVersions(HEAD, baseline.rendered, baseline, "r1"), address, Deadline.after(30), lambda _: None)
    return done, [(method, path) for method, path, _ in api_server.requests if method in {"DELETE", "PATCH"} and "configmaps" in path]


def test_both_versions_are_removed_and_reapplied_base_first(api_server: ApiServer, tmp_path: Path) -> None:
    """The pull request's version came first before, so now the baseline does; shared objects stay unchanged."""
    done, changes = swapped(api_server, tmp_path)

    assert done == REDEPLOYED
    assert {*changes[:2]} == {("DELETE", HEAD_MAP), ("DELETE", BASE_MAP)}
    assert changes[2:] == [("PATCH", BASE_MAP), ("PATCH", HEAD_MAP)]
    assert (api_server.objects[HEAD_MAP]["data"], api_server.objects[BASE_MAP]["data"]) == ({"version": "new"}, {"version": "old"})


@pytest.mark.parametrize(("kept", "why"), [("existing", "an existing cluster"), ("reused", "its volumes may hold data")])
def test_nothing_is_removed_from_a_shared_cluster(api_server: ApiServer, tmp_path: Path, kept: str, why: str) -> None:
    """On a shared cluster both versions only get new pods, and the run states why."""
    done, changes = swapped(api_server, tmp_path, existing=kept == "existing", reused=kept == "reused")

    assert done.startswith("both versions only got new pods: ")
    assert why in done
    assert changes == []
