"""Live copies of API collections: listed once, then updated by watches that survive a restart of the server."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kindgate.cluster.api_client import Api, watch_events
from kindgate.deploy.snapshot import Snapshot
from kindgate.errors import ApiError
from kindgate.model import Manifest
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

RETRY_SECONDS = 0.5
"""Delay before a broken watch lists again."""

REFUSALS = 10
"""After this many consecutive refusals a list has failed: an API server that has just started refuses at first."""


class Informer:
    """Copies of the collections `(kind, path)`, as a context manager that runs one watch thread per collection.

    `snapshot` is the current state. `wait` pauses until something changes, and is suitable as the pause of `wait_for`.
    """

    def __init__(self, api: Api, collections: Iterable[tuple[str, str]], deadline: Deadline) -> None:
        self._deadline = deadline
        self._copies = [_CollectionCopy(api, kind, path, self) for kind, path in collections]
        self._changed = threading.Event()
        self.stopped = threading.Event()

    def __enter__(self) -> Self:
        for copy in self._copies:
            copy.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stopped.set()
        for copy in self._copies:
            copy.interrupt()
        for copy in self._copies:
            copy.join()

    @property
    def deadline(self) -> Deadline:
        """The deadline for listing the collections."""
        return self._deadline

    def notify(self) -> None:
        """Signal a change."""
        self._changed.set()

    def wait(self, seconds: float) -> None:
        """Pause until something changes, for at most `seconds`."""
        if self._changed.wait(seconds):
            self._changed.clear()

    @property
    def watch_error(self) -> str:
        """The error that keeps a collection from being watched; empty if none."""
        return next((copy.watch_error for copy in self._copies if copy.watch_error), "")

    @property
    def all_listed(self) -> bool:
        """Whether every collection has been listed at least once."""
        return all(copy.listed for copy in self._copies)

    @property
    def list_refusal(self) -> str:
        """The reason why the server refuses to list a collection, after `REFUSALS` consecutive refusals; otherwise empty."""
        return next((copy.watch_error for copy in self._copies if copy.refusals >= REFUSALS), "")

    def snapshot(self) -> Snapshot:
        """Return the current objects, and those deleted since the start."""
        return Snapshot(
            [manifest for copy in self._copies for manifest in copy.objects()],
            deleted=[manifest for copy in self._copies for manifest in copy.deleted()],
        )


class _CollectionCopy(threading.Thread):
    """A copy of one collection, by object uid."""

    def __init__(self, api: Api, kind: str, path: str, informer: Informer) -> None:
        super().__init__(name=f"watch {path}", daemon=True)
        self._api, self._kind, self._path, self._informer = api, kind, path, informer
        self._lock = threading.Lock()
        self._objects: dict[str, Manifest] = {}
        self._deleted: dict[str, Manifest] = {}
        self._response: BaseHTTPResponse | None = None
        self.watch_error = ""
        self.refusals = 0
        self.listed = False

    def objects(self) -> list[Manifest]:
        with self._lock:
            return list(self._objects.values())

    def deleted(self) -> list[Manifest]:
        """Return the last known state of deleted objects, in the order of their deletion."""
        with self._lock:
            return list(self._deleted.values())

    def interrupt(self) -> None:
        """Unblock the thread that reads from the watch."""
        # a watch that ends by itself at this moment cannot be shut down
        with self._lock, suppress(ValueError, RuntimeError, OSError):
            if self._response is not None:
                self._response.shutdown()

    def run(self) -> None:
        version = ""
        while not self._informer.stopped.is_set():
            try:
                version = version or self._list()
                self.watch_error, self.refusals = "", 0
                version = self._watch(version)
            except ApiError as error:
                version, self.watch_error = "", error.message
                self.refusals = self.refusals + 1 if error.status in {401, 403} else 0
                self._informer.notify()
                self._informer.stopped.wait(RETRY_SECONDS)

    def _list(self) -> str:
        response = self._api.request("GET", self._path, self._informer.deadline)
        listed = {str(item["metadata"]["uid"]): {**item, "kind": self._kind} for item in response.get("items") or ()}
        with self._lock:
            self._deleted |= {uid: item for uid, item in self._objects.items() if uid not in listed}
            self._objects = dict(listed)
        self.listed = True
        self._informer.notify()
        return str(response["metadata"]["resourceVersion"])

    def _watch(self, version: str) -> str:
        """Process the events of one watch; return the version to resume from, or an empty one if a new list is needed."""
        response = self._api.open_watch(self._path, version)
        with self._lock:
            self._response = response
        try:
            if self._informer.stopped.is_set():
                return ""
            for event in watch_events(response):
                if event["type"] == "ERROR":
                    return ""
                version = self._store_event(event["type"], event["object"])
            return version
        finally:
            with self._lock:
                self._response = None
            response.close()

    def _store_event(self, change: str, item: dict[str, Any]) -> str:
        metadata = item["metadata"]
        if change != "BOOKMARK":
            with self._lock:
                if change == "DELETED":
                    self._objects.pop(metadata["uid"], None)
                    self._deleted[metadata["uid"]] = {**item, "kind": self._kind}
                else:
                    self._objects[metadata["uid"]] = {**item, "kind": self._kind}
            self._informer.notify()
        return str(metadata["resourceVersion"])
