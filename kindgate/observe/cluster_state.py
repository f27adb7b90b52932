"""Reads a bundle's evidence from the API server, as far as the kubeconfig's rights allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from kindgate.cluster.api_client import Api
from kindgate.errors import ApiError
from kindgate.model import Manifest, Window
from kindgate.object_status import container_statuses
from kindgate.waiting import Deadline

_LOG_BYTES = 200_000
_LOG_LINES = 1000


class ClusterState:
    """One cluster's objects and logs, read on demand; only `namespaces` if listing all namespaces is forbidden."""

    def __init__(self, api: Api, namespaces: Sequence[str], deadline: Deadline) -> None:
        self._api = api
        self._namespaces = tuple(namespaces)
        self._deadline = deadline

    def items(self, kind: str, api_version: str = "v1") -> list[dict[str, Any]]:
        """Return all objects of a kind in all readable namespaces. Raises `ApiError`."""
        try:
            return self._list(self._api.collection(api_version, kind, "", self._deadline), kind, api_version)
        except ApiError as error:
            if error.status != 403 or not self._namespaces:
                raise
        paths = (self._api.collection(api_version, kind, namespace, self._deadline) for namespace in self._namespaces)
        return [item for path in paths for item in self._list(path, kind, api_version)]

    def live(self, requested: Manifest) -> dict[str, Any] | None:
        """Return the live object with this manifest's name; None if it does not exist. Raises `ApiError`."""
        try:
            return self._api.request("GET", self._api.object_path(requested, self._deadline), self._deadline)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def log(self, pod: Manifest, container: str, *, previous: bool = False, window: Window | None = None) -> str:
        """Return the end of a container's log, or its lines in the window, each with a timestamp. Raises `ApiError`."""
        query = [("container", container), ("timestamps", "true"), ("limitBytes", str(_LOG_BYTES))]
        if previous:
            query.append(("previous", "true"))
        if window is None:
            query.append(("tailLines", str(_LOG_LINES)))
        else:
            query.append(("sinceTime", rfc3339(window.start)))
        metadata = pod["metadata"]
        text = self._api.text(f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log", self._deadline, query=query)
        return text if window is None else "".join(_until(text, rfc3339(window.end)))

    def _list(self, path: str, kind: str, api_version: str) -> list[dict[str, Any]]:
        items = self._api.request("GET", path, self._deadline).get("items") or ()
        return [{"apiVersion": api_version, "kind": kind, **item} for item in items]


def container_runs(pod: Manifest) -> Iterator[tuple[str, bool]]:
    """Yield the names of a pod's containers, and whether each has a previous run."""
    for item in container_statuses(pod):
        yield str(item["name"]), bool((item.get("lastState") or {}).get("terminated"))


def rfc3339(seconds: float) -> str:
    """Format seconds since the epoch as the API server does, to the microsecond."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _until(text: str, end: str) -> Iterator[str]:
    """Yield lines whose leading timestamp is not after `end`; to the microsecond, timestamps compare as text."""
    return (line for line in text.splitlines(keepends=True) if line[:26] <= end[:26])
