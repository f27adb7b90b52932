"""A burst from load generators in the cluster: the bundled component, applied for one burst and then deleted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.api_retry import request_if_exists, wait_or_raise
from kindgate.deploy.apply import apply
from kindgate.deploy.manifest_images import with_loaded_images
from kindgate.deploy.removal import delete_run_objects
from kindgate.deploy.render import render_component
from kindgate.errors import DeployError, LoadError
from kindgate.host.container_engine import find_engine
from kindgate.images.node_import import load_archive
from kindgate.load.burst_duration import max_duration
from kindgate.load.plan import BurstPlan
from kindgate.load.program import K6Script
from kindgate.load.recorded_requests import with_known_names
from kindgate.load.result import BurstResult
from kindgate.load.result_log import parse_result
from kindgate.model import ClusterAddress, Manifest, Rendered
from kindgate.object_status import app_container_statuses
from kindgate.pipeline.environment import RunningCluster
from kindgate.pipeline.image_supply import find_image_supply
from kindgate.pipeline.in_cluster_users import UserPods, user_pods
from kindgate.pipeline.phases import new_run_id
from kindgate.progress import Progress
from kindgate.settings import Settings
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready

COMPONENT = "load-generators"
MASTER = "load-master"
_PLAN_FOLDER, _TRUSTED = "/plan", "trusted.pem"
"""Mount point of the component's Secret, and the key with the CA certificates, next to the plan."""

PLAN_LIMIT = 1_000_000
"""Bytes of a plan: Kubernetes takes a little more in one Secret."""

IMAGE_SECONDS = 1800.0
"""Timeout for the image; building it needs Debian's Python and 120 MB of wheels."""

START_SECONDS = 180.0
"""Timeout for pods to unpack the image and for every worker to find the master."""

END_SECONDS = 120.0


def run_in_cluster(
    settings: Settings, cluster: RunningCluster, plan: BurstPlan, workers: int, progress: Progress, *, image: str = ""
) -> BurstResult:
    """Send `plan` from `workers` pods of the cluster, each with one generator; `image` overrides the bundled image.

    The users of a plan's locustfile are divided between the pods. The share of a lost worker is missing from the result,
    which states how much. Raises `LoadError` if no worker reports, and the `KindgateError` of any earlier failure.
    """
    if workers < 1:
        raise LoadError(f"a burst from the cluster needs at least one worker, not {workers}", next_step="add --workers 2")
    if isinstance(plan.program, K6Script):
        raise LoadError("pods of the cluster do not run k6 scripts", next_step="send the load from this machine: remove --in-cluster")
    users = None if plan.program is None else user_pods(plan, plan.program, workers, _PLAN_FOLDER, own_image=bool(image))
    bundled = render_component(COMPONENT, kubectl=cluster.kubectl, deadline=Deadline.after(START_SECONDS))
    rendered = replace(bundled, objects=tuple(_filled_in(item, plan, workers, image, users) for item in bundled.objects))
    run = new_run_id()
    if not cluster.address.existing:
        rendered = _with_image(settings, rendered, cluster.address, progress)
    progress(f"starting {workers} load generators in the cluster")
    try:
        apply(rendered, cluster.address, run=run, deadline=Deadline.after(START_SECONDS))
        result = _result(cluster.address, Deadline.after(START_SECONDS + max_duration(plan) + END_SECONDS), progress)
        return result if users is None else with_known_names(plan, result)
    finally:
        delete_run_objects(rendered, cluster.address, run=run, deadline=Deadline.after(END_SECONDS))


def ingress_in_cluster(address: ClusterAddress) -> ClusterAddress:
    """`address` with the ingress URL for pods: the control-plane node's address, on which the controller has ports 80 and 443.

    Raises `LoadError` on a cluster that kindgate did not create: only its owner knows the address.
    """
    if not address.nodes:
        raise LoadError("the ingress's address inside an existing cluster is unknown", next_step="set it with --url http://...")
    with connect(address) as api:
        node = request_if_exists(api, "GET", f"/api/v1/nodes/{address.nodes[0]}", Deadline.after(START_SECONDS)) or {}
    addresses = [one["address"] for one in node.get("status", {}).get("addresses", ()) if one.get("type") == "InternalIP"]
    if not addresses:
        raise LoadError(f"node {address.nodes[0]} has no address", next_step="set the ingress's address with --url http://...")
    return replace(address, ingress_url=f"http://{addresses[0]}", ingress_tls_url=f"https://{addresses[0]}")


def _filled_in(manifest: Manifest, plan: BurstPlan, workers: int, image: str, users: UserPods | None) -> Manifest:
    """The component's object with this plan, number of workers and locustfile filled in."""
    if manifest["kind"] == "Secret":
        return {**manifest, "stringData": _plan_data(plan) if users is None else {**users.files, **_plan_data(users.plan)}}
    if manifest["kind"] != "Job":
        return manifest
    spec: dict[str, Any] = json.loads(json.dumps(manifest["spec"]))
    container = spec["template"]["spec"]["containers"][0]
    container["image"] = image or container["image"]
    if manifest["metadata"]["name"] == MASTER:
        for variable in container["env"]:
            variable["value"] = str(workers) if variable["name"] == "WORKERS" else variable["value"]
    else:
        spec["parallelism"] = spec["completions"] = workers
    if users is not None:
        started = users.master(container) if manifest["metadata"]["name"] == MASTER else users.worker(container)
        spec["template"]["spec"]["containers"] = [started]
    return {**manifest, "spec": spec}


def _plan_data(plan: BurstPlan) -> dict[str, str]:
    """The Secret's data of the plan, with the certificates that it refers to; raises `LoadError` if it is too large."""
    mounted = replace(plan, ca_file=f"{_PLAN_FOLDER}/{_TRUSTED}") if plan.ca_file else plan
    text = json.dumps(mounted.to_json())
    if len(text) > PLAN_LIMIT:
        raise LoadError(
            f"the plan has {len(text):,} bytes, but pods can be given {PLAN_LIMIT:,}: its data files are part of it",
            next_step="use fewer rows or smaller bodies, or send from this machine, without --in-cluster",
        )
    return {"plan.json": text, **({_TRUSTED: Path(plan.ca_file).read_text(encoding="utf-8")} if plan.ca_file else {})}


def _with_image(settings: Settings, rendered: Rendered, address: ClusterAddress, progress: Progress) -> Rendered:
    """Load the component's image into the nodes; return the component adapted to the image's name there."""
    deadline = Deadline.after(IMAGE_SECONDS)
    engine = find_engine(deadline)
    with TemporaryDirectory(prefix="kindgate-") as folder:
        supply = find_image_supply(settings, engine, (rendered,), folder=Path(folder), deadline=deadline, progress=progress)
        supply = supply.with_resolved_source(deadline, progress)
        archive = supply.archive(deadline, progress)
        if archive is not None:
            load_archive(engine, address.nodes, archive, supply.names, deadline)
        return with_loaded_images(rendered, supply.loaded)


def _result(address: ClusterAddress, deadline: Deadline, progress: Progress) -> BurstResult:
    """Wait until the master's Job has ended, successfully or not, and read the result from its log."""
    reported = ""
    with connect(address) as api:

        def probe() -> Ready[None] | Pending | PermanentFailure:
            nonlocal reported
            job = request_if_exists(api, "GET", f"/apis/batch/v1/namespaces/load/jobs/{MASTER}", deadline) or {}
            status = job.get("status") or {}
            if status.get("succeeded") or status.get("failed"):
                return Ready(None)
            if (states := _pod_states(api, deadline)) != reported:
                reported = states
                progress(f"load generators: {states}")
            return Pending(f"load generators: {states}")

        try:
            wait_or_raise("the load generators did not finish", probe, deadline)
        except DeployError as error:
            raise LoadError(error.message, waited=error.waited, last_state=f"{error.last_state}\n{_log(api)}") from error
        progress("the load generators have finished")
        return parse_result(_log(api))


def _pod_states(api: Api, deadline: Deadline) -> str:
    """Each generator pod with its phase, or the reason why its container is waiting."""
    pods = (request_if_exists(api, "GET", "/api/v1/namespaces/load/pods", deadline) or {}).get("items", ())
    return (
        ", ".join(f"{pod['metadata']['name']} {_waiting_reason(pod) or pod.get('status', {}).get('phase', '')}" for pod in pods)
        or "no pod yet"
    )


def _waiting_reason(pod: Manifest) -> str:
    states = (container.get("state", {}).get("waiting") or {} for container in app_container_statuses(pod))
    return next((str(state["reason"]) for state in states if state.get("reason")), "")


def _log(api: Api) -> str:
    """The master's output; empty if it never had a pod."""
    deadline = Deadline.after(END_SECONDS)
    query = [("labelSelector", f"app.kubernetes.io/name={MASTER}")]
    pods = (request_if_exists(api, "GET", "/api/v1/namespaces/load/pods", deadline, query=query) or {}).get("items", ())
    return "".join(api.text(f"/api/v1/namespaces/load/pods/{pod['metadata']['name']}/log", deadline) for pod in pods)
