"""A loopback server that implements the parts of the Kubernetes API that kindgate.deploy uses: discovery, apply, lists, watches."""

from __future__ import annotations

import itertools
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.unit.deploy.json_patch import PatchRejected, counted

RESOURCES: dict[str, list[tuple[str, str, bool]]] = {
    "v1": [
        ("Namespace", "namespaces", False),
        ("Node", "nodes", False),
        ("Pod", "pods", True),
        ("Event", "events", True),
        ("Service", "services", True),
        ("ConfigMap", "configmaps", True),
        ("Secret", "secrets", True),
        ("ServiceAccount", "serviceaccounts", True),
        ("PersistentVolumeClaim", "persistentvolumeclaims", True),
        ("PersistentVolume", "persistentvolumes", False),
    ],
    "apps/v1": [
        ("Deployment", "deployments", True),
        ("ReplicaSet", "replicasets", True),
        ("StatefulSet", "statefulsets", True),
        ("DaemonSet", "daemonsets", True),
    ],
    "autoscaling/v2": [("HorizontalPodAutoscaler", "horizontalpodautoscalers", True)],
    "metrics.k8s.io/v1beta1": [],
    "batch/v1": [("Job", "jobs", True)],
    "discovery.k8s.io/v1": [("EndpointSlice", "endpointslices", True)],
    "networking.k8s.io/v1": [("NetworkPolicy", "networkpolicies", True)],
    "admissionregistration.k8s.io/v1": [
        ("ValidatingAdmissionPolicy", "validatingadmissionpolicies", False),
        ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", False),
    ],
    "rbac.authorization.k8s.io/v1": [("ClusterRole", "clusterroles", False)],
}
"""The discovery response: kind, plural name, and whether the kind is namespaced."""

END = object()


@dataclass
class Refusal:
    """A canned response for the first `times` requests that match the method and the end of the path.

    `causes` are the rejected fields, each with its message.
    """

    method: str
    path_end: str
    status: int
    message: str
    reason: str = ""
    times: int = 1_000_000
    causes: tuple[tuple[str, str], ...] = ()


@dataclass
class ApiServer:
    """The server's objects by path, the requests it received, its configured faults, and who is `granted` which verb and resource."""

    url: str = ""
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    finalizers: tuple[str, ...] = ()
    granted: set[tuple[str, str, str]] = field(default_factory=set)
    logs: dict[str, str] = field(default_factory=dict)
    versions: Iterator[int] = field(default_factory=lambda: itertools.count(10))
    watches: dict[int, tuple[str, queue.Queue[Any]]] = field(default_factory=dict)
    lock: threading.Condition = field(default_factory=threading.Condition)

    def put(self, path: str, manifest: dict[str, Any]) -> None:
        """Store an object at `path` as a controller would, and notify the watches."""
        with self.lock:
            exists = path in self.objects
            metadata = {"uid": path, **manifest.get("metadata", {}), "resourceVersion": str(next(self.versions))}
            metadata.setdefault("name", path.rpartition("/")[2])
            parts = path.split("/")
            if "namespaces" in parts[:-2]:
                metadata.setdefault("namespace", parts[parts.index("namespaces") + 1])
            self.objects[path] = {**manifest, "metadata": metadata}
            self._notify("MODIFIED" if exists else "ADDED", path, self.objects[path])

    def remove(self, path: str) -> None:
        """Remove the object at `path` and notify the watches."""
        with self.lock:
            removed = self.objects.pop(path)
            removed["metadata"]["resourceVersion"] = str(next(self.versions))
            self._notify("DELETED", path, removed)

    def was_requested_twice(self, method: str, path_end: str) -> bool:
        """Return whether a request that was answered was sent again."""
        return sum(path.endswith(path_end) for path in self.paths(method)) >= 2

    def wait_watched(self, path_end: str) -> None:
        """Wait until a collection is watched."""
        with self.lock:
            assert self.lock.wait_for(lambda: any(path.endswith(path_end) for path, _ in self.watches.values()), 20)

    def end_watches(self) -> None:
        """Break every open watch, as a server restart does."""
        with self.lock:
            for _, events in self.watches.values():
                events.put(END)

    def paths(self, method: str) -> list[str]:
        """Return the paths requested with `method`, in order."""
        return [path for requested_method, path, _ in self.requests if requested_method == method]

    def _notify(self, change: str, path: str, item: dict[str, Any]) -> None:
        for collection, events in self.watches.values():
            if covers(collection, path):
                events.put({"type": change, "object": item})


def covers(collection: str, path: str) -> bool:
    """Return whether the object at `path` is in `collection`, which covers one namespace or all of them."""
    parent = path.rpartition("/")[0]
    base, _, plural = collection.rpartition("/")
    in_any = parent.startswith(base + "/namespaces/") and parent.endswith("/" + plural) and "/namespaces/" not in collection
    return parent == collection or in_any


@contextmanager
def serving() -> Iterator[ApiServer]:
    """Serve an API with the namespace `default` and no other objects."""
    state = ApiServer()
    state.put("/api/v1/namespaces/default", {})
    server = _Server(state)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield state
    state.end_watches()
    server.shutdown()
    thread.join()
    server.server_close()


def discovery(path: str) -> dict[str, Any] | None:
    """Return the resources of the group and version in `path`, or None if `path` names none."""
    version = path.removeprefix("/apis/").removeprefix("/api/")
    if version not in RESOURCES:
        return None
    return {"resources": [{"kind": kind, "name": name, "namespaced": spaced} for kind, name, spaced in RESOURCES[version]]}


def listing(state: ApiServer, collection: str, selector: str) -> dict[str, Any]:
    """Return the objects of a collection that have the one label in `selector`."""
    key, _, value = selector.partition("=")
    with state.lock:
        items = [item for path, item in state.objects.items() if covers(collection, path)]
        kind = next(kind for kinds in RESOURCES.values() for kind, plural, _ in kinds if collection.endswith("/" + plural))
        items = [item for item in items if not key or (item["metadata"].get("labels") or {}).get(key) == value]
        bare = [{name: part for name, part in item.items() if name not in {"kind", "apiVersion"}} for item in items]
        return {"kind": f"{kind}List", "metadata": {"resourceVersion": str(next(state.versions))}, "items": bare}


def kubeconfig(folder: Path, url: str, user: dict[str, Any] | None = None) -> Path:
    """Write a kubeconfig for the server at `url`, with one context `test`."""
    path = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": user or {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    path.write_text(yaml.safe_dump(content))
    return path


class _Server(ThreadingHTTPServer):
    """Passes the state to the request handlers."""

    daemon_threads = True

    def __init__(self, state: ApiServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state


class _Handler(BaseHTTPRequestHandler):
    """Handles the requests of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the head and the body are two packets: with Nagle's algorithm, the second would wait 40 ms

    @property
    def state(self) -> ApiServer:
        """The state shared by all connections."""
        assert isinstance(self.server, _Server)
        return self.server.state

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionResetError, BrokenPipeError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass

    def do_GET(self) -> None:
        path, query = self._asked()
        if self._refused(path):
            return
        if query.get("watch") == "true":
            self._watch(path, int(query["resourceVersion"]))
        elif path.endswith("/log"):
            self._reply_text(self.state.logs.get(path, ""))
        elif (found := discovery(path)) is not None:
            self._reply(200, found)
        elif path in self.state.objects:
            self._reply(200, self.state.objects[path])
        elif any(path.endswith("/" + plural) for kinds in RESOURCES.values() for _, plural, _ in kinds):
            self._reply(200, listing(self.state, path, query.get("labelSelector", "")))
        else:
            self._fail(404, f"{path} not found", "NotFound")

    def do_PATCH(self) -> None:
        path, _ = self._asked()
        manifest = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._refused(path):
            return
        try:
            is_patch = self.headers["Content-Type"] == "application/json-patch+json"
            self.state.put(path, counted(self.state.objects[path], manifest) if is_patch else manifest)
        except PatchRejected:
            self._fail(422, "the server rejected our request due to an error in our request", "Invalid")
            return
        self._reply(200, self.state.objects[path])

    def do_POST(self) -> None:
        path, _ = self._asked()
        manifest = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if path.endswith("/subjectaccessreviews"):
            asked = manifest["spec"]["resourceAttributes"]
            allowed = (manifest["spec"]["user"], asked["verb"], asked["resource"]) in self.state.granted
            self._reply(201, {**manifest, "status": {"allowed": allowed}})
        elif not self._refused(path):
            created = f"{path}/{manifest['metadata']['name']}"
            self.state.put(created, manifest)
            if path == "/api/v1/namespaces":  # its controller does this a moment later
                self.state.put(f"{created}/serviceaccounts/default", {"kind": "ServiceAccount", "metadata": {"name": "default"}})
            self._reply(201, self.state.objects[created])

    def do_DELETE(self) -> None:
        path, _ = self._asked()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._refused(path):
            return
        if path not in self.state.objects:
            self._fail(404, f"{path} not found", "NotFound")
        elif self.state.finalizers:
            self.state.objects[path]["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": list(self.state.finalizers)}
            self._reply(200, self.state.objects[path])
        else:
            gone = self.state.objects[path]
            self.state.remove(path)
            self._reply(200, gone)

    def _asked(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.state.requests.append((self.command, parts.path, query))
        self.state.headers.append(dict(self.headers))
        return parts.path, query

    def _refused(self, path: str) -> bool:
        for refusal in self.state.refusals:
            if refusal.times > 0 and refusal.method == self.command and path.endswith(refusal.path_end):
                refusal.times -= 1
                self._fail(refusal.status, refusal.message, refusal.reason, refusal.causes)
                return True
        return False

    def _fail(self, status: int, message: str, reason: str, causes: tuple[tuple[str, str], ...] = ()) -> None:
        details = {"causes": [{"field": field, "message": text} for field, text in causes]}
        body = {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "details": details, "code": status}
        self._reply(status, body)

    def _reply(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _reply_text(self, text: str) -> None:
        self._send(200, text.encode(), "text/plain")

    def _send(self, status: int, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _watch(self, path: str, version: int) -> None:
        events: queue.Queue[Any] = queue.Queue()
        with self.state.lock:
            for known, item in self.state.objects.items():
                if covers(path, known) and int(item["metadata"]["resourceVersion"]) > version:
                    events.put({"type": "MODIFIED", "object": item})
            self.state.watches[id(events)] = (path, events)
            self.state.lock.notify_all()
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while (event := events.get()) is not END:
                line = (event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n"
                # In two pieces: the reader must reassemble split lines.
                for part in (line[:7], line[7:]):
                    self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                    self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        finally:
            with self.state.lock:
                del self.state.watches[id(events)]
