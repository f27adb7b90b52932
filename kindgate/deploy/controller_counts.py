"""The bundled ingress controllers' response counts, which tell an application's 404 from the controller's own.

A controller counts a response under a Service only if a route led the request there. Neither status nor text of a
response identifies its source.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kindgate.deploy.api_client import Api, connect
from kindgate.errors import ApiError
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterator

AnswersByService = Callable[[int], float | None]
"""Returns the number of responses with a status (404) that came from Services so far; None if no controller reports it."""

_PATH = "/api/v1/namespaces/ingress/services/ingress-metrics:metrics/proxy/metrics"
"""Path to the controller's metrics, through a Service that all bundled controllers share."""

_SECONDS = 2.0
_COUNTED = re.compile(
    r"^(?:traefik_service_requests_total|nginx_ingress_controller_requests)\{(?P<labels>[^}]*)\} (?P<count>\S+)", re.MULTILINE
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def counted_answers(metrics: str, status: int) -> float:
    """Return the number of responses with `status` from Services, given a controller's metrics in Prometheus format."""
    total = 0.0
    for found in _COUNTED.finditer(metrics):
        labels = dict(_LABEL.findall(found["labels"]))
        service = labels.get("service", "")
        if service and not service.endswith("@internal") and labels.get("code", labels.get("status")) == str(status):
            total += float(found["count"])
    return total


@contextmanager
def answers_by_service(address: ClusterAddress) -> Iterator[AnswersByService]:
    """Yield a query to kindgate's own ingress controller; for an existing cluster it returns None, as its controller is unknown."""
    if address.existing:
        yield lambda _: None
        return
    with connect(address) as api:
        yield lambda status: _counted(api, status)


def _counted(api: Api, status: int) -> float | None:
    try:
        return counted_answers(api.text(_PATH, Deadline.after(_SECONDS)), status)
    except ApiError:
        return None
