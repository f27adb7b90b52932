"""The last readiness step: the ingress answers on every entry, and the response is the application's.

The bundled ingress controllers' response counts tell an application's 404 from the controller's own: a controller counts
a response under a Service only if a route led the request there. Neither status nor text of a response identifies its
source.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.api_retry import wait_or_raise
from kindgate.deploy.entries import PATH_ANNOTATION, Entry
from kindgate.deploy.entry_requests import entry_session, entry_url
from kindgate.errors import ApiError
from kindgate.model import ClusterAddress, Rendered
from kindgate.waiting import Clock, Deadline, Pending, PermanentFailure, Ready

if TYPE_CHECKING:
    import requests

FIRST_ATTEMPT_SECONDS, LONGEST_ATTEMPT_SECONDS = 0.25, 2.0
"""Request timeouts: the first one and the maximum; each timeout doubles the next.

Packets are dropped until a network policy lets the controller reach a new pod: one request hangs, the next succeeds.
"""

OWN_404_SECONDS = 3.0
"""Seconds before the application's own 404 is final: some applications return it during startup."""

CERTIFICATE_SECONDS = 20.0
"""Seconds before a rejected certificate is final: a controller serves its own until it has read the Secret."""

_SCALED = ("Deployment", "StatefulSet", "ReplicaSet")
_ROUTE_MISSING = frozenset({404, 502, 503, 504})

_METRICS_PATH = "/api/v1/namespaces/ingress/services/ingress-metrics:metrics/proxy/metrics"
"""Path to the controller's metrics, through a Service that all bundled controllers share."""

_METRICS_SECONDS = 2.0

_COUNTER_LINE = re.compile(
    r"^(?:traefik_service_requests_total|nginx_ingress_controller_requests)\{(?P<labels>[^}]*)\} (?P<count>\S+)", re.MULTILINE
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

ServiceResponseCounter = Callable[[int], float | None]
"""Returns the number of responses with a status (404) that came from Services so far; None if no controller reports it."""


@dataclass(frozen=True)
class EntryResponse:
    """An entry's response once it is ready: the status, and the target of a redirect."""

    entry: Entry
    status: int
    location: str = ""

    @property
    def note(self) -> str:
        """The note about a redirect, which is not the application's page; empty for any other response."""
        if not 300 <= self.status < 400:
            return ""
        return f"{self.entry.label} answers {self.status} with a redirect to {self.location or 'nowhere'}, which is not followed"


def wait_for_responses(
    entries: Sequence[Entry],
    address: ClusterAddress,
    deadline: Deadline,
    *,
    times: int,
    count_responses: ServiceResponseCounter = lambda _: None,
) -> tuple[EntryResponse, ...]:
    """Wait until every entry answers `times` times through the ingress, and return the last responses.

    No response, 404, 502, 503 and 504 mean not ready, except a 404 that the controller counts as the application's. Every
    other status is the application's own. Raises `DeployError` with the last response.
    """
    with entry_session(address) as session:
        return tuple(
            wait_or_raise(
                f"{entry.host}{entry.path} through the ingress at {entry_url(address, entry.path, tls=entry.tls)}",
                _EntryProbe(session, entry, address, deadline, times=times, count_responses=count_responses).attempt,
                deadline,
            )
            for entry in entries
        )


def required_responses(rendered: Rendered) -> int:
    """Return how many consecutive responses an entry must give: two for each pod that can be behind it.

    A controller sends requests to the pods in turn, and one response proves one pod. Another pod, on a node that does not
    know the controller's address yet, might still refuse.
    """
    replicas = [int(workload["spec"].get("replicas", 1)) for workload in rendered.of_kind(*_SCALED)]
    return 2 * max([1, *replicas])


@contextmanager
def service_response_counter(address: ClusterAddress) -> Iterator[ServiceResponseCounter]:
    """Yield a query to kindgate's own ingress controller; for an existing cluster it returns None, as its controller is unknown."""
    if address.existing:
        yield lambda _: None
        return
    with connect(address) as api:
        yield lambda status: _current_count(api, status)


def service_responses(metrics: str, status: int) -> float:
    """Return the number of responses with `status` from Services, given a controller's metrics in Prometheus format."""
    total = 0.0
    for line in _COUNTER_LINE.finditer(metrics):
        labels = dict(_LABEL.findall(line["labels"]))
        service = labels.get("service", "")
        if service and not service.endswith("@internal") and labels.get("code", labels.get("status")) == str(status):
            total += float(line["count"])
    return total


class _EntryProbe:
    """Requests one entry until it has answered `times` times in a row."""

    def __init__(
        self,
        session: requests.Session,
        entry: Entry,
        address: ClusterAddress,
        deadline: Deadline,
        *,
        times: int,
        count_responses: ServiceResponseCounter,
    ) -> None:
        self._session = session
        self._entry = entry
        self._url = entry_url(address, entry.path, tls=entry.tls)
        self._times = times
        self._count_responses = count_responses
        self._deadline = deadline
        self._clock: Clock = deadline.clock
        self._timeout = FIRST_ATTEMPT_SECONDS
        self._own_404_since = math.inf
        self._rejected_since = math.inf

    def attempt(self) -> Ready[EntryResponse] | Pending | PermanentFailure:
        """Send one round of requests."""
        import requests  # noqa: PLC0415 - 0.1 s to import, and not every run deploys

        for answered_count in range(self._times):
            progress = f"{answered_count} of {self._times} consecutive requests were answered, then"
            try:
                response = self._request()
            except requests.exceptions.SSLError as error:
                return self._judge_certificate(error)
            except requests.RequestException as error:
                if isinstance(error, requests.Timeout):
                    self._timeout = min(2 * self._timeout, LONGEST_ATTEMPT_SECONDS)
                return Pending(f"{progress} no response: {error}")
            if response.status_code in _ROUTE_MISSING:
                description = f"{response.status_code} {response.reason}: {response.text[:200].strip()}"
                return (
                    self._judge_own_404(description)
                    if response.status_code == 404 and self._is_own_404()
                    else Pending(f"{progress} {description}")
                )
        return Ready(EntryResponse(self._entry, response.status_code, response.headers.get("Location", "")))

    def _request(self) -> requests.Response:
        headers: Mapping[str, str] = {"Connection": "close", **({"Host": self._entry.host} if self._entry.host else {})}
        timeout = max(0.1, min(self._timeout, self._deadline.remaining))
        return self._session.get(self._url, headers=headers, timeout=timeout, allow_redirects=False)

    def _is_own_404(self) -> bool:
        """Return whether one more request raises the controller's count of 404s from Services."""
        import requests  # noqa: PLC0415 - see above

        count_before = self._count_responses(404)
        if count_before is None:
            return False
        try:
            response = self._request()
        except requests.RequestException:
            return False
        count_after = self._count_responses(404)
        return response.status_code == 404 and count_after is not None and count_after > count_before

    def _judge_certificate(self, error: requests.exceptions.SSLError) -> Pending | PermanentFailure:
        """Tolerate an untrusted or wrong certificate for as long as a controller needs to read its Secret."""
        self._rejected_since = min(self._rejected_since, self._clock())
        description = f"the certificate of {self._entry.host} was rejected: {error}"
        if self._clock() - self._rejected_since < CERTIFICATE_SECONDS:
            return Pending(description)
        return PermanentFailure(
            description, f"correct the TLS Secret that {self._entry.object} names, or remove it so that kindgate creates one for the run"
        )

    def _judge_own_404(self, description: str) -> Pending | PermanentFailure:
        """Tolerate the application's own 404 briefly; after that, waiting does not help."""
        self._own_404_since = min(self._own_404_since, self._clock())
        if self._clock() - self._own_404_since < OWN_404_SECONDS:
            return Pending(f"the application itself answered {description}")
        return PermanentFailure(
            f"the application itself answers {description.partition(':')[0]}",
            f"set a path that it serves with the annotation {PATH_ANNOTATION}: /PATH on {self._entry.object}",
        )


def _current_count(api: Api, status: int) -> float | None:
    try:
        return service_responses(api.text(_METRICS_PATH, Deadline.after(_METRICS_SECONDS)), status)
    except ApiError:
        return None
