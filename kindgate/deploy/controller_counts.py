"""The bundled ingress controllers' own counts of answers: what tells an application's 404 from one of the controller.

A controller counts an answer under a Service only when a route led the request there. Neither the status nor the text
of an answer tells whose it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kindgate.deploy.api import Api, connect
from kindgate.errors import ApiError
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterator

AnswersByService = Callable[[int], float | None]
"""How many answers of a status (404) came from Services so far; None where no controller says."""

_PATH = "/api/v1/namespaces/ingress/services/ingress-metrics:metrics/proxy/metrics"
"""Every bundled controller has its metrics behind this Service."""

_SECONDS = 2.0
_COUNTED = re.compile(
    r"^(?:traefik_service_requests_total|nginx_ingress_controller_requests)\{(?P<labels>[^}]*)\} (?P<count>\S+)", re.MULTILINE
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def counted_answers(metrics: str, status: int) -> float:
    """The answers of `status` that came from Services, in a controller's metrics as Prometheus reads them."""
    total = 0.0
    for found in _COUNTED.finditer(metrics):
        labels = dict(_LABEL.findall(found["labels"]))
        service = labels.get("service", "")
        if service and not service.endswith("@internal") and labels.get("code", labels.get("status")) == str(status):
            total += float(found["count"])
    return total


@contextmanager
def answers_by_service(address: ClusterAddress) -> Iterator[AnswersByService]:
    """Asks the controller of a cluster of our own; on an existing cluster it is not known which one answers."""
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
