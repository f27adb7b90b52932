"""The workflows of `kindgate init --sealed`, played: the pull request's files are data, and its code runs only in containers."""

from __future__ import annotations

import os

import pytest

from kindgate.host.paths import cache_dir
from tests.workflows import shop as suites
from tests.workflows.shop import APPLICATION, Prepare, Shop, log_of

HOST_PATH = APPLICATION.replace(
    "spec: {containers: [{name: shop,",
    "spec: {volumes: [{name: node, hostPath: {path: /}}], containers: [{name: shop, volumeMounts: [{name: node, mountPath: /node}],",
)
"""A pod that could rewrite report.json, because nodes see the machine's file systems."""


@pytest.fixture(name="shop")
def _shop(prepared: Prepare) -> Shop:
    """A fresh repository after `kindgate init --sealed`."""
    seed = {name: os.environ[name] for name in ("KINDGATE_IMAGE_SEED",) if name in os.environ}
    return prepared("--sealed", KINDGATE_CACHE_DIR=str(cache_dir()), **seed)


@pytest.mark.parametrize("fork", [False, True], ids=["same repository", "fork"])
def test_a_pod_with_a_host_path_is_refused_before_anything_is_created(shop: Shop, *, fork: bool) -> None:
    """The refusal names the field, and the status is red."""
    head = shop.hub.commit({"k8s/shop.yaml": HOST_PATH}, "faster")
    played = shop.hub.pull("faster", fork=fork)

    judge = next(one for one in played if "e2e / e2e" in one.result.checks and one.result.checks["e2e / e2e"] != "skipped")
    log = judge.result.job("e2e / e2e").step("Judge the application").log
    assert "hostPath" in log, log_of(played)
    assert "create the cluster" not in log
    assert shop.states(head)[-1] in {"failure", "error"}, log_of(played)
    assert "may merge" not in shop.comment()


@pytest.mark.parametrize("attack", ["e2e/conftest.py", "conftest.py", "e2e/judge_slo.py", "e2e/pytest.ini"])
def test_code_of_a_pull_request_does_not_run(shop: Shop, attack: str) -> None:
    """The code does not run even if it replaces the suite, its settings, or files that pytest reads above it."""
    mark = shop.hub.folder / "ran"
    code = f"import os, pathlib\npathlib.Path({str(mark)!r}).touch()\nos._exit(0)\n"
    settings = f"[pytest]\nkindgate_suite = true\naddopts = -p no:kindgate.plugin --co --confcutdir=/\npythonpath = {mark.parent}\n"
    head = shop.hub.commit({attack: settings if attack.endswith(".ini") else code, "k8s/shop.yaml": HOST_PATH}, "faster")
    played = shop.hub.pull("faster")

    assert not mark.exists()
    assert "hostPath" in log_of(played)
    assert shop.states(head)[-1] in {"failure", "error"}


def test_an_edited_workflow_is_ignored(shop: Shop) -> None:
    """The default branch's workflow judges; a pull request that deletes the requesting workflow gets no status."""
    removed = shop.hub.commit({".github/workflows/kindgate.yml": None}, "removed")
    assert shop.hub.pull("removed") == []
    assert shop.states(removed) == []

    replaced_workflow = (
        "name: kindgate\non: pull_request\npermissions: {}\njobs:\n  kindgate:\n    runs-on: any\n    steps: [{run: 'true'}]\n"
    )
    head = shop.hub.commit({".github/workflows/kindgate.yml": replaced_workflow, "k8s/shop.yaml": HOST_PATH}, "liar")
    played = shop.hub.pull("liar")
    assert "hostPath" in log_of(played)
    assert shop.states(head)[-1] in {"failure", "error"}


def test_judging_jobs_cannot_write_and_writing_jobs_do_not_judge(shop: Shop) -> None:
    """The verdict is written by another job, on another machine."""
    shop.hub.commit({"k8s/shop.yaml": HOST_PATH}, "faster")
    jobs = [job for one in shop.hub.pull("faster") for job in one.result.jobs if job.result != "skipped"]
    writing = {job.name for job in jobs if "write" in job.permissions.values()}

    assert writing == {"publish / verdict"}
    assert all(job.permissions == {"contents": "read"} for job in jobs if job.name == "e2e / e2e")


def test_a_judged_runs_cache_is_never_saved(shop: Shop) -> None:
    """Nothing is saved, because another run would use the content."""
    shop.hub.commit({"k8s/shop.yaml": HOST_PATH}, "faster")
    shop.hub.pull("faster")

    assert shop.hub.cache.entries == {}


def test_an_unapproved_run_judges_nothing(shop: Shop) -> None:
    """A run that is not approved, for example of a first-time contributor, is not judged, and the status has the reason."""
    head = shop.hub.commit(dict(suites.PASSES_WITHOUT_JUDGING), "faster")
    played = shop.hub.pull("faster", fork=True, cancel_at="request / Announce the next step")

    assert all(one.result.checks.get("e2e / e2e", "skipped") == "skipped" and "e2e / e2e" not in one.result.checks for one in played), (
        log_of(played)
    )
    assert shop.states(head)[-1] == "error"
    assert "cancelled" in shop.comment()
