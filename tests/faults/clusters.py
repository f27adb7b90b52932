"""Cluster faults, each undone afterwards, on a shared cluster of two nodes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from kindgate.errors import CommandError
from kindgate.waiting import Deadline, Pending, Ready, wait_for
from tests.faults.fault import Expected, Fault, Outcome
from tests.faults.processes import mid_burst
from tests.faults.refusing_webhook import refusing_webhook
from tests.faults.scene import Scene
from tests.faults.suite_run import Stopwatch

DEPLOY_SECONDS = ("--app-timeout", "60")


def broken_application(overlay: str, scene: Scene, *options: str) -> Outcome:
    """An application that cannot become healthy is applied."""
    scene.undo.append(lambda: scene.kubectl("delete", "namespace", f"fault-{overlay}", "--wait=false", "--ignore-not-found"))
    run = scene.start_shared("test_answers", "--app-overlay", f"overlays/{overlay}", *DEPLOY_SECONDS, *options)
    run.wait_line(rf"apply {overlay} \.\.\.")
    watch = Stopwatch()
    outcome = scene.wait_for_end(run, watch)
    junit = (run.artifacts / "junit.xml").read_text()
    problems = [] if "failure_bundle" in junit else ["junit.xml does not name the evidence"]
    if "folder in the artifacts" not in run.text:
        problems.append("the terminal does not name the evidence")
    return replace(outcome, problems=tuple(problems))


def unknown_image(scene: Scene) -> Outcome:
    """An image does not exist in any registry, and --images-allow-missing leaves that to the cluster."""
    return broken_application("image", scene, "--images-allow-missing")


def refusing(scene: Scene) -> Outcome:
    """An admission webhook rejects the application."""
    with refusing_webhook(scene) as configuration:
        scene.undo.append(lambda: scene.kubectl("delete", "validatingwebhookconfiguration", "refusing", "--ignore-not-found"))
        scene.kubectl("apply", "--filename", "-", stdin=json.dumps(configuration))
        return broken_application("webhook", scene)


def silent_webhook(scene: Scene) -> Outcome:
    """An admission webhook's server is down."""
    with refusing_webhook(scene) as configuration:
        pass
    scene.undo.append(lambda: scene.kubectl("delete", "validatingwebhookconfiguration", "refusing", "--ignore-not-found"))
    scene.kubectl("apply", "--filename", "-", stdin=json.dumps(configuration))
    return broken_application("webhook", scene, "--app-timeout", "20")


def damage_node(damage: str, mend: str, scene: Scene) -> Outcome:
    """The application's node is paused, stopped or killed during a burst."""
    worker = scene.node("worker")
    run = scene.start_shared("test_burst")
    mid_burst(scene, run)
    scene.undo.append(lambda: _wait_ready(scene, worker))
    scene.undo.append(lambda: scene.engine.run(mend, worker, deadline=Deadline.after(30)))
    watch = Stopwatch()
    scene.engine.run(damage, *(("--time", "0") if damage == "stop" else ()), worker, deadline=Deadline.after(30))
    return scene.wait_for_end(run, watch)


def api_server_killed(scene: Scene) -> Outcome:
    """The API server's process is killed while the run waits for the application."""
    scene.undo.append(lambda: scene.kubectl("delete", "namespace", "fault", "--ignore-not-found", "--timeout=30s"))
    scene.kubectl("delete", "namespace", "fault", "--ignore-not-found", "--timeout=30s")
    run = scene.start_shared("test_answers", "--app-overlay", "overlays/slow")
    run.wait_line(r"wait until slow is ready \.\.\.")
    watch = Stopwatch()
    scene.engine.run("exec", scene.node(), "pkill", "--signal", "KILL", "kube-apiserver", deadline=Deadline.after(30))
    return scene.wait_for_end(run, watch)


def dns_scaled_to_zero(scene: Scene) -> Outcome:
    """CoreDNS is scaled to zero while a test needs it."""

    def scale(replicas: int) -> None:
        scene.kubectl("--namespace", "kube-system", "scale", "deployment", "coredns", f"--replicas={replicas}")
        _wait_kubectl(
            scene,
            "CoreDNS",
            rf"^{replicas or ''}$",
            "get",
            "deployment",
            "coredns",
            "-n",
            "kube-system",
            "-o",
            "jsonpath={.status.readyReplicas}",
        )

    run = scene.start_shared("test_dns")
    run.wait_file("standing")
    scene.undo.append(partial(scale, 2))
    scale(0)
    watch = Stopwatch()
    run.go("go")
    return scene.wait_for_end(run, watch)


def ingress_deleted(scene: Scene) -> Outcome:
    """The application's Ingress is deleted during a burst."""
    run = scene.start_shared("test_burst")
    mid_burst(scene, run)
    watch = Stopwatch()
    scene.kubectl("--namespace", "fault", "delete", "ingress", "foo")
    return scene.wait_for_end(run, watch)


def ingress_out_of_memory(scene: Scene) -> Outcome:
    """The kernel kills the ingress controller while objectives are judged, because it reaches its memory limit."""
    run = scene.start_shared("test_objectives", "--slo-file", "slo.yaml")
    run.wait_until("the first burst to end", lambda: any(scene.shared_state.rglob("burst-0001.json")))
    scene.undo.append(lambda: _wait_deployed(scene, "ingress", "traefik"))
    watch = Stopwatch()
    scene.engine.run("exec", scene.node(), "sh", "-c", _EXHAUST_MEMORY, deadline=Deadline.after(30))
    return scene.wait_for_end(run, watch)


_EXHAUST_MEMORY = """
pid=$(pgrep -o -x traefik) || exit 1
group=$(sed -n 's/^[0-9]*:memory://p' /proc/$pid/cgroup)
limit=/sys/fs/cgroup/memory$group/memory.limit_in_bytes
used=/sys/fs/cgroup/memory$group/memory.usage_in_bytes
if [ -z "$group" ]; then  # version 2
  limit=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$pid/cgroup)/memory.max
  used=${limit%max}current
fi
echo "lowering $limit, of which $(cat $used) bytes are used"
while kill -0 $pid 2>/dev/null; do
  echo $(($(cat $used) - 65536)) > $limit 2>/dev/null || sleep 0.01
done
"""
"""Lower the memory limit of Traefik's container below what it uses until the kernel kills it; Kubernetes restarts it unlimited.

Version 1 refuses a limit that it cannot reach by freeing caches, so the next page that Traefik needs is the last.
"""


def prometheus_killed(scene: Scene) -> Outcome:
    """Prometheus is killed during a burst, does not come back, and is queried for resource usage afterwards."""
    run = scene.start_shared("test_burst or test_resources", "--prometheus", "required", "--app-component", "prometheus", "--slo-quick")
    mid_burst(scene, run)
    watch = Stopwatch()
    scene.kubectl("--namespace", "monitoring", "scale", "deployment", "prometheus", "--replicas=0")  # the next run's apply reverts it
    scene.kubectl("--namespace", "monitoring", "delete", "pod", "--all", "--force", "--grace-period=0")
    return scene.wait_for_end(run, watch)


def stuck_namespace(scene: Scene) -> Outcome:
    """A finalizer blocks deletion of a test's namespace."""
    run = scene.start_shared("test_namespace")
    run.wait_file("namespace")
    watch = Stopwatch()

    def remove_finalizer() -> None:
        name = (scene.folder / "namespace").read_text()
        scene.kubectl("--namespace", name, "patch", "configmap", "held", "--type=merge", "--patch", '{"metadata": {"finalizers": null}}')
        scene.kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=30s")

    scene.undo.append(remove_finalizer)
    return scene.wait_for_end(run, watch)


def _wait_deployed(scene: Scene, namespace: str, name: str) -> None:
    """Wait until a Deployment is available again."""
    _wait_kubectl(
        scene,
        name,
        "True",
        "get",
        "deployment",
        name,
        "-n",
        namespace,
        "-o",
        'jsonpath={.status.conditions[?(@.type=="Available")].status}',
    )


def _wait_ready(scene: Scene, node: str) -> None:
    """Wait until a node that was down is Ready again, and its pods with it."""
    _wait_kubectl(
        scene, f"node {node} to be Ready", "True", "get", "node", node, "-o", 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
    )


def _wait_kubectl(scene: Scene, description: str, pattern: str, *arguments: str) -> None:
    def probe() -> Ready[None] | Pending:
        try:
            output = scene.kubectl(*arguments)
        except CommandError as error:
            return Pending(str(error))
        return Ready(None) if re.search(pattern, output) else Pending(output)

    wait_for(description, probe, Deadline.after(90), interval=0.5)


def _broken(name: str, overlay: str, cause_pattern: str, within: float = 45.0, inject: Callable[[Scene], Outcome] | None = None) -> Fault:
    return Fault(name, "cluster", Expected((17,), cause_pattern, within=within), inject or partial(broken_application, overlay))


def _node(name: str, damage: str, mend: str, cause_pattern: str) -> Fault:
    return Fault(f"node-{name}", "cluster", Expected((1,), cause_pattern, within=90.0), partial(damage_node, damage, mend))


FAULTS: tuple[Fault, ...] = (
    _node("paused", "pause", "unpause", "node down: .*paused"),
    _node("stopped", "stop", "start", "node down: .*exited"),
    _node("killed", "kill", "start", "node down: .*exited"),
    Fault("api-server-killed", "cluster", Expected((0,), within=90.0), api_server_killed),
    Fault("dns-scaled-to-0", "cluster", Expected((1,), "DNS: .*coredns", within=45.0), dns_scaled_to_zero),
    Fault("ingress-deleted", "cluster", Expected((1,), "Ingress fault/foo: is not there", within=60.0), ingress_deleted),
    Fault(
        "ingress-out-of-memory",
        "cluster",
        Expected((1,), "FAIL: ingress/traefik was OOM-killed: .* of requests failed", within=60.0),
        ingress_out_of_memory,
    ),
    Fault(
        "prometheus-killed",
        "cluster",
        Expected((17,), "Service monitoring/prometheus: it has no ready endpoint", within=120.0),
        prometheus_killed,
    ),
    Fault("namespace-stuck", "cluster", Expected((1,), "kindgate.dev/held", within=90.0), stuck_namespace),
    _broken("image-cannot-be-pulled", "image", "image pull|rate limit", inject=unknown_image),
    _broken("out-of-memory", "oom", "out of memory"),
    _broken("key-missing", "key", "missing Secret or ConfigMap: .*couldn't find key"),
    _broken("command-missing", "command", "container start: .*StartError"),
    _broken("crash-loop", "crash", "crash loop.*|no database is configured"),
    _broken("probe-never-passes", "probe", "Readiness probe failed", within=75.0),
    _broken("quota-blocks", "quota", "exceeded quota"),
    _broken("webhook-refuses", "webhook", "nothing is let in here", inject=refusing),
    _broken("webhook-silent", "webhook", "webhook not ready", inject=silent_webhook),
)
