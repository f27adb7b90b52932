"""Classify a container registry's refusals, and check whether any registry is reachable."""

from __future__ import annotations

import enum
import logging
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import requests

from kindgate.call_log import logged_call
from kindgate.errors import (
    DigestMismatch,
    RegistryError,
    RegistryForbidden,
    RegistryRateLimited,
    RegistryUnauthorized,
    RegistryUnreachable,
)

_LOG = logging.getLogger(__name__)

_LOOPBACK = ("localhost", "127.", "[::1]")


class Failure(enum.Enum):
    """The reason why an engine could not pull or inspect an image."""

    MISSING = "missing"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate limited"
    WRONG_DIGEST = "wrong digest"
    UNREACHABLE = "unreachable"
    OTHER = "other"


# Only after the word: digests, ports and tags are full of such numbers.
_STATUS = re.compile(r"status(?: code)?:? (\d{3})")
_BY_STATUS = {401: Failure.UNAUTHORIZED, 403: Failure.FORBIDDEN, 404: Failure.MISSING, 429: Failure.RATE_LIMITED}

# The first row with a matching phrase wins. Docker Hub gives the same response for a repository that does not exist and for
# a private one ("pull access denied, repository does not exist or may require ..."): it counts as missing.
_PHRASES: tuple[tuple[Failure, tuple[str, ...]], ...] = (
    (Failure.RATE_LIMITED, ("toomanyrequests", "too many requests")),
    (Failure.WRONG_DIGEST, ("verification failed", "digest mismatch", "does not match provided manifest digest", "did not match digest")),
    (Failure.MISSING, ("manifest unknown", "name unknown", "repository does not exist", "no such manifest", "not found: manifest")),
    (Failure.UNAUTHORIZED, ("unauthorized", "authentication required", "no basic auth credentials")),
    (Failure.FORBIDDEN, ("denied", "forbidden")),
    (
        Failure.UNREACHABLE,
        ("no such host", "connection refused", "i/o timeout", "handshake timeout", "deadline exceeded", "server misbehaving",
         "network is unreachable", "connection reset", "no route to host", "http response to https", "x509", "proxyconnect", ": eof"),
    ),
    (Failure.MISSING, ("not found",)),
)  # fmt: skip

_ERRORS: dict[Failure, tuple[type[RegistryError], str, str]] = {
    Failure.UNAUTHORIZED: (RegistryUnauthorized, "requires credentials, or rejected the given ones (401)", "log in with `docker login`"),
    Failure.FORBIDDEN: (RegistryForbidden, "denied access (403)", "request access to the repository, or log in as a user who has it"),
    Failure.RATE_LIMITED: (RegistryRateLimited, "is rate limiting requests (429)", "log in, wait, or pull through --registry-mirror HOST"),
    Failure.WRONG_DIGEST: (DigestMismatch, "returned an image other than the locked one", "check the mirror and the lock before using it"),
    Failure.UNREACHABLE: (RegistryUnreachable, "does not respond", "check the network, or set --registry-mirror or --image-source"),
    Failure.OTHER: (RegistryError, "did not return it", "try to pull it by hand"),
    Failure.MISSING: (RegistryError, "does not have it", "correct the name"),
}  # fmt: skip


def classify_failure(output: str) -> Failure:
    """The reason why a pull failed, from Docker's or Podman's output."""
    lowered = output.lower()
    by_status = _STATUS.search(lowered)
    if by_status and int(by_status[1]) in _BY_STATUS:
        return _BY_STATUS[int(by_status[1])]
    return next((failure for failure, phrases in _PHRASES if any(phrase in lowered for phrase in phrases)), Failure.OTHER)


def registry_error(failure: Failure, image: str, output: str) -> RegistryError:
    """The error to raise for a failed pull or inspection of an image."""
    error_type, problem, next_step = _ERRORS[failure]
    return error_type(f"{image}: the registry {problem}", last_state=output.strip(), next_step=next_step)


def any_reachable(hosts: Iterable[str], timeout: float = 4.0) -> bool:
    """Whether any of the registries responds within `timeout` seconds with anything but a refusal.

    A 401 is the usual challenge for a token. Raises `RegistryForbidden` or `RegistryRateLimited` if refusals are the
    only responses.
    """
    hosts = tuple(hosts)
    with ThreadPoolExecutor(max_workers=max(1, len(hosts))) as pool:
        codes = dict(zip(hosts, pool.map(lambda host: _status(host, timeout), hosts), strict=True))
    refusals = {code: _BY_STATUS[code] for code in (403, 429)}
    if any(code not in {0, *refusals} for code in codes.values()):
        return True
    for host, code in codes.items():
        if code in refusals:
            raise registry_error(refusals[code], host, f"HTTP {code} for /v2/")
    return False


def is_loopback(host: str) -> bool:
    """Whether a registry is on this machine: engines use plain HTTP only for those."""
    return host.startswith(_LOOPBACK)


def _status(host: str, timeout: float) -> int:
    """The HTTP status of the registry's base path (distribution-spec, end-1); 0 for no response."""
    url = f"{'http' if is_loopback(host) else 'https'}://{host}/v2/"
    try:
        with logged_call(_LOG, f"GET {url}") as call, requests.get(url, timeout=timeout, allow_redirects=False, stream=True) as response:
            call.outcome = response.status_code
            return response.status_code
    except requests.RequestException:
        return 0
