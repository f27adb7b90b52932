"""In-cluster load generators on a server with the Kubernetes API: objects applied, logs read, objects deleted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from kindgate import assets
from kindgate.errors import LoadError
from kindgate.load.aggregate import burst_result
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Route
from kindgate.load.program import LocustUsers
from kindgate.load.raw_samples import OK
from kindgate.load.recorded_requests import RecordedRequests
from kindgate.load.result import BurstResult, Health
from kindgate.load.result_log import result_lines
from kindgate.load.variables import Rows
from kindgate.model import ClusterAddress, Rendered
from kindgate.pipeline.environment import RunningCluster
from kindgate.pipeline.in_cluster_load import ingress_in_cluster, run_in_cluster
from kindgate.settings import Settings
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving

JOBS = "/apis/batch/v1/namespaces/load/jobs"
POD = "/api/v1/namespaces/load/pods/load-master-x"
PLAN = BurstPlan((Route("http://10.0.0.1/", "foo.localhost"),), OpenLoop.constant(100, seconds=1))


def partial_result() -> BurstResult:
    """The results that two of three workers measured."""
    rows = np.array([(0, n, n, n + 5_000_000, 0, 1, OK, 200) for n in range(100)], np.int64)
    return burst_result(PLAN, rows, started=1000.0, health=Health(), missing=1 / 3)


class Controllers:
    """Acts as the cluster's controllers: once the master's Job is applied, its pod runs, logs and ends."""

    def __init__(self, server: ApiServer, log: str) -> None:
        self.server = server
        self.jobs: dict[str, dict[str, Any]] = {}
        self.plan: dict[str, Any] = {}
        self.data: dict[str, str] = {}
        self._log = log
        self._thread = threading.Thread(target=self._work)
        self._ended = threading.Event()
        self._thread.start()

    def _work(self) -> None:
        applied = {f"{JOBS}/load-master", f"{JOBS}/load-workers", "/api/v1/namespaces/load/secrets/plan"}
        while not self._ended.wait(0.02):
            if applied <= self.server.objects.keys():
                self.jobs = {name: self.server.objects[f"{JOBS}/{name}"] for name in ("load-master", "load-workers")}
                self.data = self.server.objects["/api/v1/namespaces/load/secrets/plan"]["stringData"]
                self.plan = json.loads(self.data["plan.json"])
                self.server.put(POD, {"metadata": {"labels": {"app.kubernetes.io/name": "load-master"}}})
                self.server.logs[f"{POD}/log"] = self._log
                self.server.put(f"{JOBS}/load-master", {**self.jobs["load-master"], "status": {"succeeded": 1}})
                return

    def close(self) -> None:
        """Stop waiting."""
        self._ended.set()
        self._thread.join()


@pytest.fixture(name="server")
def _server() -> Iterator[ApiServer]:
    with serving() as server:
        server.put("/api/v1/namespaces/load", {})
        yield server


@pytest.fixture(name="existing")
def _existing(server: ApiServer, tmp_path: Path) -> RunningCluster:
    """A user's existing cluster, with a kubectl that builds the bundled component."""
    component = assets.manifests() / "components" / "load-generators"
    files = [component / name for name in yaml.safe_load((component / "kustomization.yaml").read_text())["resources"]]
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\ncat <<'END'\n" + "\n---\n".join(file.read_text() for file in files) + "\nEND\n")
    kubectl.chmod(0o755)
    address = ClusterAddress("test", kubeconfig(tmp_path, server.url), "test", "http://127.0.0.1:1", existing=True)
    return RunningCluster(address, Rendered(Path("app"), ()), kubectl, tmp_path / "artifacts", tmp_path / "measurements")


def test_the_burst_is_sent_as_planned_and_cleaned_up(server: ApiServer, existing: RunningCluster) -> None:
    """The applied objects contain the plan and worker count, the master's log holds the result, and everything is deleted."""
    controllers = Controllers(server, "\n".join([*result_lines(partial_result()), "locust has ended"]))
    lines: list[str] = []

    result = run_in_cluster(Settings(), existing, PLAN, 3, lines.append, image="registry.example/load:1")
    controllers.close()

    assert result == partial_result()
    assert BurstPlan.from_json(controllers.plan) == PLAN
    workers, master = controllers.jobs["load-workers"]["spec"], controllers.jobs["load-master"]["spec"]
    assert (workers["parallelism"], workers["completions"]) == (3, 3)
    assert {"name": "WORKERS", "value": "3"} in master["template"]["spec"]["containers"][0]["env"]
    images = {job["template"]["spec"]["containers"][0]["image"] for job in (workers, master)}
    assert images == {"registry.example/load:1"}
    assert [path for path in server.objects if "/namespaces/load/" in path and path != POD] == []
    assert (lines[0], lines[-1]) == ("starting 3 load generators in the cluster", "the load generators have finished")
    assert all(line.startswith("load generators: ") for line in lines[1:-1])


def test_ca_certificates_are_sent_with_the_plan(server: ApiServer, existing: RunningCluster, tmp_path: Path) -> None:
    """They are in the Secret that workers mount, at the path that the plan then names."""
    trusted = tmp_path / "trusted.pem"
    trusted.write_text("-----BEGIN CERTIFICATE-----\n")
    controllers = Controllers(server, "\n".join([*result_lines(partial_result()), "locust has ended"]))

    run_in_cluster(Settings(), existing, replace(PLAN, ca_file=str(trusted)), 1, lambda _: None)
    controllers.close()

    folder, _, key = BurstPlan.from_json(controllers.plan).ca_file.rpartition("/")
    pod = controllers.jobs["load-workers"]["spec"]["template"]["spec"]
    mounted = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    volume = next(each for each in pod["volumes"] if each["name"] == mounted[folder])
    assert volume["secret"]["secretName"] == "plan"
    assert controllers.data[key] == trusted.read_text()


def test_a_master_without_a_result_raises_an_error_with_its_log(server: ApiServer, existing: RunningCluster) -> None:
    """Everything is deleted in that case too."""
    controllers = Controllers(server, "no worker came in 120 s")

    with pytest.raises(LoadError, match="reported no result") as raised:
        run_in_cluster(Settings(), existing, PLAN, 2, lambda _: None)
    controllers.close()

    assert raised.value.last_state == "no worker came in 120 s"
    assert [path for path in server.objects if path.startswith(JOBS)] == []


def test_zero_workers_are_refused_before_anything_is_applied(server: ApiServer, existing: RunningCluster) -> None:
    """Zero workers are an error."""
    with pytest.raises(LoadError, match="at least one worker"):
        run_in_cluster(Settings(), existing, PLAN, 0, lambda _: None)

    assert server.paths("PATCH") == []


def test_pods_reach_the_ingress_at_its_nodes_address(server: ApiServer, existing: RunningCluster) -> None:
    """127.0.0.1 would be the pod itself."""
    addresses = [{"type": "Hostname", "address": "cp"}, {"type": "InternalIP", "address": "172.18.0.2"}]
    server.put("/api/v1/nodes/cp", {"status": {"addresses": addresses}})

    inside = ingress_in_cluster(replace(existing.address, nodes=("cp", "worker"), existing=False))

    assert (inside.ingress_url, inside.ingress_tls_url) == ("http://172.18.0.2", "https://172.18.0.2")


def test_an_existing_cluster_requires_the_ingress_url(existing: RunningCluster) -> None:
    """Only the cluster's owner knows the ingress address."""
    with pytest.raises(LoadError, match="is unknown") as raised:
        ingress_in_cluster(existing.address)

    assert "--url" in raised.value.next_step


LOCUSTFILE = """
import json
import shared
from locust import HttpUser, task


class Visitor(HttpUser):
    @task
    def browse(self):
        self.client.get(shared.PATH)
"""


def _users(folder: Path, text: str = LOCUSTFILE) -> BurstPlan:
    (folder / "users.py").write_text(text)
    (folder / "shared.py").write_text("PATH = '/'\n")
    program = LocustUsers(str(folder / "users.py"), 10.0)
    return BurstPlan((Route("http://10.0.0.1", "foo.localhost"),), ClosedLoop(20, 5.0), program=program)


def test_the_users_of_a_locustfile_run_in_pods(server: ApiServer, existing: RunningCluster, tmp_path: Path) -> None:
    """Pods get the file, the module next to it, and the plan; each Locust loads the recorder and the file."""
    requests = RecordedRequests()
    requests.add("/", "GET", 1000.0, 0.1, status=200)
    plan = _users(tmp_path)
    controllers = Controllers(server, "\n".join(result_lines(requests.result(plan, 1000.0, Health()))))

    result = run_in_cluster(Settings(), existing, plan, 2, lambda _: None)
    controllers.close()

    assert [series.route for series in result.series] == ["/"]
    assert result.plan.program == plan.program
    assert controllers.data["users.py"] == LOCUSTFILE
    assert controllers.data["shared.py"] == "PATH = '/'\n"
    sent = BurstPlan.from_json(controllers.plan)
    assert sent.program == LocustUsers("/plan/users.py", 10.0, 2)
    containers = {name: job["spec"]["template"]["spec"]["containers"][0] for name, job in controllers.jobs.items()}
    master, worker = (containers[name]["args"] for name in ("load-master", "load-workers"))
    for arguments in (master, worker):
        assert arguments[arguments.index("-f") + 1] == "/opt/kindgate/kindgate/load/locust_recorder.py,/plan/users.py"
    assert master[master.index("--host") + 1] == "http://foo.localhost"
    assert (master[master.index("-u") + 1], master[master.index("--expect-workers") + 1]) == ("20", "2")
    assert {"name": "KINDGATE_LOAD_PLAN", "value": "/plan/plan.json"} in containers["load-workers"]["env"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import a_module_that_is_nowhere\n", "a_module_that_is_nowhere, which the image"),
        ("import folder\n", "package folder"),
        ("def broken(:\n", r"users\.py:1:"),
        ("#" * 1_000_000, "bytes"),
    ],
)
def test_a_locustfile_that_pods_cannot_run_is_refused(
    server: ApiServer, existing: RunningCluster, tmp_path: Path, text: str, problem: str
) -> None:
    """Before anything is applied."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(LoadError, match=problem):
        run_in_cluster(Settings(), existing, _users(tmp_path, text), 2, lambda _: None)

    assert server.paths("PATCH") == []


def test_an_image_of_the_users_may_have_any_package(server: ApiServer, existing: RunningCluster, tmp_path: Path) -> None:
    """What it contains is not known; packages of the bundled image and optional ones are fine without it."""
    optional = "try:\n    import a_module_that_is_nowhere\nexcept ImportError:\n    pass\nimport gevent, requests\n"
    for text, image in (("import a_module_that_is_nowhere\n", "registry.example/load:1"), (optional, "")):
        controllers = Controllers(server, "no result")
        with pytest.raises(LoadError, match="reported no result"):
            run_in_cluster(Settings(), existing, _users(tmp_path, text), 1, lambda _: None, image=image)
        controllers.close()


def test_a_plan_that_does_not_fit_into_a_secret_is_refused(existing: RunningCluster, server: ApiServer) -> None:
    """A workload's rows are part of the plan; nothing is applied."""
    rows = Rows("user", ("email",), tuple((f"customer-{number:020}@example.com",) for number in range(25_000)))
    with pytest.raises(LoadError, match="its data files are part of it"):
        run_in_cluster(Settings(), existing, replace(PLAN, variables=(rows,)), 2, lambda _: None)
    assert f"{JOBS}/load-master" not in server.objects
