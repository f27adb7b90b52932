"""The Kubernetes API over HTTP, as plain dictionaries: requests with a deadline, and watches that can be interrupted."""

from __future__ import annotations

import http.client
import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from kindgate.call_log import logged_call
from kindgate.cluster.connection import Connection
from kindgate.errors import ApiError, ClusterError
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_LOG = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
REQUEST_SECONDS = 30.0
"""Timeout of one request, unless its deadline is sooner."""

WATCH_SECONDS = 240
"""The server ends a watch after this time, and it is reopened."""

LONG_MESSAGE, LONG_CAUSE = 500, 200
"""In characters: a longer error message is shown field by field, and a longer cause is cut in the middle."""

JSON = "application/json"
Query = Sequence[tuple[str, str]]


class Api:
    """One cluster's API server. Thread-safe; `close` it, or use `connect`."""

    def __init__(self, address: ClusterAddress) -> None:
        self._connection = Connection(address)
        self._kinds: dict[str, dict[str, tuple[str, bool]]] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all connections."""
        self._connection.close()

    def request(
        self, method: str, path: str, deadline: Deadline, *, query: Query = (), body: object = None, content_type: str = JSON
    ) -> dict[str, Any]:
        """Send one request and return the decoded response.

        `body` is sent as JSON, which is valid YAML: server-side apply accepts it as `application/apply-patch+yaml`.
        Raises `ApiError`, with status 0 if no response of an API server arrived in time. Never retries: `retried` does.
        """
        data = self._call(method, path, deadline, query, body=body, content_type=content_type)
        try:
            response = json.loads(data)
        except ValueError:
            response = None
        if not isinstance(response, dict):
            answer = _shortened(data.decode(errors="replace"))
            raise ApiError(f"{self._connection.server} is not an API server: it answers {method} {path} with {answer!r}")
        return response

    def text(self, path: str, deadline: Deadline, *, query: Query = ()) -> str:
        """Return a response as text, such as a container's log. Raises `ApiError`."""
        return self._call("GET", path, deadline, query).decode(errors="replace")

    def open_watch(self, path: str, resource_version: str) -> BaseHTTPResponse:
        """Open a watch on a collection, starting at `resource_version`, for `watch_events`; the caller closes it.

        Another thread can end it with `shutdown`. Raises `ApiError`.
        """
        query = [("watch", "true"), ("resourceVersion", resource_version), ("allowWatchBookmarks", "true")]
        query += [("timeoutSeconds", str(WATCH_SECONDS))]
        with logged_call(_LOG, f"WATCH {path}") as call:
            response = self._open("GET", path, query, read_seconds=WATCH_SECONDS + CONNECT_SECONDS)
            call.outcome = response.status
        if response.status != 200:
            data = response.read()
            response.close()
            raise _rejection("GET", path, response.status, data)
        return response

    def object_path(self, manifest: Manifest, deadline: Deadline) -> str:
        """Return the path of one object: `/apis/apps/v1/namespaces/echo/deployments/foo`. Raises the same errors as `collection`."""
        ref = ObjectRef.of(manifest)
        return f"{self.collection(str(manifest['apiVersion']), str(manifest['kind']), ref.namespace or 'default', deadline)}/{ref.name}"

    def collection(self, api_version: str, kind: str, namespace: str, deadline: Deadline) -> str:
        """Return the path of a kind's collection: in `namespace`, or in all namespaces if it is empty.

        Raises `ApiError`, with status 404 if the server does not know the kind (yet).
        """
        plural, namespaced = self._resource(api_version, kind, deadline)
        return f"{_base(api_version)}/namespaces/{namespace}/{plural}" if namespaced and namespace else f"{_base(api_version)}/{plural}"

    def is_namespaced(self, manifest: Manifest, deadline: Deadline) -> bool:
        """Return whether the kind is namespaced. Raises the same errors as `collection`."""
        return self._resource(str(manifest["apiVersion"]), str(manifest["kind"]), deadline)[1]

    def _resource(self, api_version: str, kind: str, deadline: Deadline) -> tuple[str, bool]:
        """Return a kind's plural and whether it is namespaced, according to the server's discovery."""
        with self._lock:
            if kind not in self._kinds.get(api_version, {}):
                resources = self.request("GET", _base(api_version), deadline).get("resources", ())
                self._kinds[api_version] = {
                    item["kind"]: (item["name"], item["namespaced"]) for item in resources if "/" not in item["name"]
                }
            known = self._kinds[api_version]
        if kind not in known:
            raise ApiError(f"the cluster does not know the kind {kind} of {api_version}", status=404, reason="NotFound")
        return known[kind]

    def _call(self, method: str, path: str, deadline: Deadline, query: Query, *, body: object = None, content_type: str = JSON) -> bytes:
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - comes with the kubernetes package

        read_seconds = min(REQUEST_SECONDS, max(deadline.remaining, 0.1))
        with logged_call(_LOG, f"{method} {_target(path, query)}") as call:
            response = self._open(method, path, query, body=body, content_type=content_type, read_seconds=read_seconds)
            call.outcome = response.status
            try:
                data = response.read()
            except HTTPError as error:
                raise ApiError(f"the response to {method} {path} was cut off: {error}") from error
            finally:
                response.release_conn()
        if not 200 <= response.status < 300:
            raise _rejection(method, path, response.status, data)
        return data

    def _open(
        self, method: str, path: str, query: Query, *, read_seconds: float, body: object = None, content_type: str = JSON
    ) -> BaseHTTPResponse:
        from urllib3 import Timeout  # noqa: PLC0415 - comes with the kubernetes package
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - as above

        try:
            return self._connection.pool.request(
                method,
                self._connection.server + _target(path, query),
                body=None if body is None else json.dumps(body),
                headers={"Accept": JSON, "Content-Type": content_type, **self._connection.headers()},
                preload_content=False,
                timeout=Timeout(connect=min(CONNECT_SECONDS, read_seconds), read=read_seconds),
            )
        except HTTPError as error:
            raise ApiError(f"the API server at {self._connection.server} does not respond to {method} {path}: {error}") from error


@contextmanager
def connect(address: ClusterAddress) -> Iterator[Api]:
    """Yield the cluster's API client and close it on exit."""
    api = Api(address)
    try:
        yield api
    finally:
        api.close()


def watch_events(response: BaseHTTPResponse) -> Iterator[dict[str, Any]]:
    """Yield the events of an open watch, one JSON document per line, until it ends for any reason; the caller reopens it."""
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - comes with the kubernetes package

    rest = b""
    try:
        for chunk in response.stream():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line:
                    yield json.loads(line)
    except (HTTPError, ValueError):  # a dying server sends half a document, or closes the file while it is read
        return


def server_version(address: ClusterAddress, deadline: Deadline) -> str:
    """Return the Kubernetes version that the server at `address` reports, such as `v1.37.2`.

    Raises `ClusterError` if the kubeconfig is unusable, or the server does not respond or refuses the kubeconfig's user.
    """
    try:
        with connect(address) as api:
            return str(api.request("GET", "/version", deadline).get("gitVersion", ""))
    except ApiError as error:
        phrase = f"{error.status} {http.client.responses.get(error.status, '')}".strip()
        refused = error.status in {401, 403}
        raise ClusterError(
            f"cannot use context {address.context} of {address.kubeconfig}: "
            + (f"the API server returned {phrase} for GET /version" if error.status else error.message),
            waited=deadline.waited,
            last_state=error.message if error.status else "",
            next_step="check the credentials of the context's user"
            if refused
            else "check that the cluster is running and reachable from this machine",
        ) from error


def is_worth_retrying(error: ApiError) -> bool:
    """Return whether a retry might succeed: no response, overload, or 5xx (a webhook that is not up yet gives a 500)."""
    return error.status in {0, 429} or error.status >= 500


def _target(path: str, query: Query) -> str:
    return path + (f"?{urlencode(query)}" if query else "")


def _base(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _rejection(method: str, path: str, status: int, data: bytes) -> ApiError:
    """Return the error for a response with a status other than 2xx, in the server's words."""
    try:
        response = json.loads(data)
    except ValueError:
        response = None
    if not isinstance(response, Mapping):
        return ApiError(f"{method} {path}: {status}: {data[:200].decode(errors='replace')}", status=status)
    details = (response.get("details") or {}).get("causes") or ()
    causes = tuple((str(cause.get("field") or ""), str(cause.get("message") or "")) for cause in details)
    message = str(response.get("message") or f"{method} {path}: {status} {response.get('reason') or ''}".strip())
    if len(message) > LONG_MESSAGE and causes:
        start = message.partition(": ")[0]
        message = f"{start}: " + "; ".join(f"{field}: {_shortened(cause_message)}" for field, cause_message in causes)
    return ApiError(message, status=status, reason=str(response.get("reason") or ""), causes=causes)


def _shortened(text: str) -> str:
    """Cut the middle out of a long text: a rejected value can fill pages, and field and reason are at the ends."""
    return text if len(text) <= LONG_CAUSE else f"{text[: LONG_CAUSE // 3]} [...] {text[-2 * LONG_CAUSE // 3 :]}"
