"""The end of a run: what is deleted, what is kept, and what the user is told about a kept cluster."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.cluster.delete import delete_named
from kindgate.deploy.apply import RUN_LABEL
from kindgate.model import ClusterAddress
from kindgate.pipeline.cleanup import RunCleanup, kept_lines
from kindgate.pipeline.phases import PhaseLog
from kindgate.settings import ClusterSettings, Keep, Settings
from kindgate.waiting import Deadline
from tests.unit.cluster.conftest import machine  # noqa: F401  # a fixture of this file too
from tests.unit.cluster.machine import Machine
from tests.unit.cluster.test_lifecycle import cluster_spec, is_all_deleted, opened
from tests.unit.deploy.objects import manifest, rendered
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving

ADDRESS = ClusterAddress("kindgate-1", Path("/home/some body/kubeconfig"), "kind-kindgate-1", "http://127.0.0.1:1")


def test_every_command_is_quoted_for_a_shell() -> None:
    """A path with a space stays one word."""
    lines = kept_lines(ADDRESS, ("echo",), "/opt/my tools/kubectl", "pytest -m e2e")
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("  ")]

    assert commands[0] == ["export", "KUBECONFIG=/home/some body/kubeconfig"]
    assert {command[0] for command in commands[1:]} == {"/opt/my tools/kubectl"}
    assert ["/opt/my tools/kubectl", "--namespace", "echo", "get", "events", "--sort-by=.lastTimestamp"] in commands


def test_next_steps_name_the_cluster() -> None:
    """Inspecting, rerunning and deleting are one line each."""
    text = "\n".join(kept_lines(ADDRESS, (), "kubectl", "pytest -m e2e --kind-keep=on-failure"))

    assert "kindgate shell --cluster-name kindgate-1" in text
    assert "kindgate down --cluster-name kindgate-1" in text
    assert "pytest -m e2e --kind-keep=on-failure" in text


MAP = "/api/v1/namespaces/shop/configmaps/web"
MANIFESTS = rendered(manifest("ConfigMap", "web"))


@pytest.fixture(name="api_server")
def _api_server() -> Iterator[ApiServer]:
    """An API server with an object of the run `run-1`."""
    with serving() as server:
        server.put("/api/v1/namespaces/shop", {})
        server.put(MAP, {"metadata": {"labels": {RUN_LABEL: "run-1"}}})
        yield server


@pytest.fixture(name="existing")
def _existing(api_server: ApiServer, tmp_path: Path) -> ClusterAddress:
    return ClusterAddress("test", kubeconfig(tmp_path, api_server.url), "test", "http://127.0.0.1:1", existing=True)


def cleanup_of(keep: Keep = "never") -> RunCleanup:
    """Return the cleanup of the run `run-1`."""
    return RunCleanup(Settings(cluster=ClusterSettings(keep=keep)), "run-1", PhaseLog(lambda _: None, 0.0))


def test_an_existing_cluster_is_left_as_it_was_even_after_an_interrupt(api_server: ApiServer, existing: ClusterAddress) -> None:
    """An interrupt ends the waits of the run, but not the deletion of what it applied."""
    cleanup = cleanup_of()
    cleanup.add_existing(existing)
    cleanup.add_applied(MANIFESTS)
    deadline = cleanup.deadline(100)
    cleanup.interrupt()

    assert deadline.expired
    assert cleanup.close(failed=True) == ()
    assert MAP not in api_server.objects


def test_a_released_cluster_keeps_the_applied_objects(api_server: ApiServer, existing: ClusterAddress) -> None:
    """The next step builds on them."""
    cleanup = cleanup_of()
    cleanup.claim_folder()
    cleanup.add_existing(existing)
    cleanup.add_applied(MANIFESTS)
    cleanup.release()

    assert MAP in api_server.objects
    assert not cleanup.folder.exists()


def test_an_interrupt_leaves_the_cluster_to_its_watchdog(machine: Machine, tmp_path: Path) -> None:  # noqa: F811  # the fixture
    """The run has no time left, and the cluster must not outlive it."""
    cleanup = cleanup_of()
    cleanup.add_cluster(opened(replace(cluster_spec(machine, tmp_path), on_watchdog=cleanup.add_watchdog)), ("kept",))
    cleanup.interrupt()

    assert cleanup.wait_deleted(60)
    assert is_all_deleted(machine, tmp_path)
    assert cleanup.close(failed=False) == ()


def test_an_interrupt_does_not_delete_a_cluster_that_is_to_be_kept(machine: Machine, tmp_path: Path) -> None:  # noqa: F811  # the fixture
    """It is closed as usual, and the user is told how to use it."""
    cleanup = cleanup_of(keep="always")
    cleanup.add_cluster(opened(replace(cluster_spec(machine, tmp_path, keep="always"), on_watchdog=cleanup.add_watchdog)), ("kept",))
    cleanup.interrupt()

    assert cleanup.close(failed=False) == ("kept",)
    assert "shop-owner" in machine.containers
    delete_named(machine.engine, "shop", Deadline.after(10))
