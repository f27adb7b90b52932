"""API calls that are retried within a deadline while a retry is safe and can help."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from kindgate.cluster.api_client import Api, Query, is_worth_retrying
from kindgate.errors import ApiError, DeployError, WaitFailed, WaitTimeout
from kindgate.model import ObjectRef
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready, wait_for

T = TypeVar("T")


def request_if_exists(
    api: Api, method: str, path: str, deadline: Deadline, *, query: Query = (), body: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """Return the response to an idempotent request (GET, DELETE); None if the object does not exist.

    Raises `DeployError`.
    """

    def send() -> dict[str, Any] | None:
        try:
            return api.request(method, path, deadline, query=query, body=body)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    return retried(send, f"{method} {path}", deadline)


def retried(send: Callable[[], T], subject: str, deadline: Deadline) -> T:
    """Return the result of `send`, retrying while the server is unreachable or returns 5xx. Raises `DeployError` about `subject`."""

    def attempt() -> Ready[T] | Pending | PermanentFailure:
        try:
            return Ready(send())
        except ApiError as error:
            return Pending(error.message) if is_worth_retrying(error) else PermanentFailure(error.message)

    return wait_or_raise(subject, attempt, deadline)


def wait_or_raise(subject: str, probe: Callable[[], Ready[T] | Pending | PermanentFailure], deadline: Deadline) -> T:
    """Wait for the result of `probe`. Raises `DeployError` about `subject` for a permanent failure or a timeout."""
    try:
        return wait_for(subject, probe, deadline)
    except WaitFailed as error:
        raise DeployError(error.message, waited=error.waited, next_step=error.next_step) from error
    except WaitTimeout as error:
        raise DeployError(f"{subject}: timed out", waited=error.waited, last_state=error.last_state) from error


def wait_deleted(api: Api, path: str, ref: ObjectRef, uid: str, deadline: Deadline) -> None:
    """Wait until the object with that uid is deleted. Raises `DeployError` that names the finalizers that block it."""

    def probe() -> Ready[None] | Pending | PermanentFailure:
        live = request_if_exists(api, "GET", path, deadline)
        if live is None or live["metadata"]["uid"] != uid:
            return Ready(None)
        holders = ", ".join(live["metadata"].get("finalizers") or ()) or "none"
        return Pending(f"{ref} is being deleted; finalizers: {holders}")

    wait_or_raise(f"{ref} was not deleted", probe, deadline)
