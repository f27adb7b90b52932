"""A cause: the one type that readiness errors and failure bundles share, and the order of the kinds of causes."""

from __future__ import annotations

import enum
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from kindgate.model import ObjectRef

NO_GRACE = 0.0

SHORT_GRACE = 5.0
"""For problems that the cluster can still resolve: a terminating pod frees quota, a Secret arrives a moment later."""

PULL_RETRY_GRACE = 12.0
"""For pulls from an overloaded registry: the kubelet retries after 10 s."""

VOLUME_BINDING_GRACE = 20.0
"""For volumes created by hand: the controller that binds them checks every 15 s."""

UNLIMITED_GRACE = math.inf


class CauseKind(enum.StrEnum):
    """The kinds of causes in order of explanatory power: of two causes for one object, the first explains more."""

    ENGINE = "engine"
    NODE_DOWN = "node down"
    FIREWALL = "firewall of the host"
    MISSING = "object missing"
    DNS = "DNS"
    HOST_LIMIT = "limit of the host"
    RATE_LIMIT = "rate limit"
    DISK_PRESSURE = "disk pressure"
    OUT_OF_MEMORY = "out of memory"
    EVICTION = "eviction"
    IMAGE_PULL = "image pull"
    WEBHOOK = "webhook not ready"
    ADMISSION = "admission denied"
    QUOTA = "quota"
    CNI = "CNI"
    SANDBOX = "pod sandbox"
    MOUNT = "mount"
    VOLUME = "volume"
    SCHEDULING = "scheduling"
    MISSING_VALUES = "missing Secret or ConfigMap"
    CONFIGURATION = "container configuration"
    START = "container start"
    CRASH_LOOP = "crash loop"
    DEADLINE = "deadline exceeded"
    PROBE = "probe"
    NODE = "node not ready"
    UNKNOWN = "not known"
    """The object is in a bad state that nothing explains; never reported as the cause of a failure."""


@dataclass(frozen=True)
class Cause:
    """One reason for a failure: its kind, its object, Kubernetes' `reason` (empty for a line of text), and the message.

    `reported` is the line as its source reports it, if that is not `reason: message`. After `grace` seconds a cause is
    final; it is infinite if the problem can pass and only the deadline ends the wait. `container` is the one whose log
    shows more, `previous` selects the log of its previous run, and `pod` names its pod if `object` is not one. `restarts`
    counts the restarts of a crashing container; None for other causes.
    """

    kind: CauseKind
    object: ObjectRef
    reason: str
    message: str
    grace: float = UNLIMITED_GRACE
    reported: str = ""
    container: str = ""
    previous: bool = False
    pod: str = ""
    restarts: int | None = None

    @property
    def proof(self) -> str:
        """The line that proves the cause, as its source reports it."""
        return self.reported or ": ".join(part for part in (self.reason, self.message) if part)

    @property
    def finding(self) -> str:
        """One line for a report: kind, object, proof."""
        return f"{self.kind}: {self.object}: {self.proof}"

    def __str__(self) -> str:
        """One line for an error: object, reason, message."""
        return ": ".join(part for part in (str(self.object), self.reason, self.message) if part)


def ranked(causes: Iterable[Cause], namespaces: Collection[str] = ()) -> tuple[Cause, ...]:
    """Return the known causes, the best explanation first; an object appears once per kind, with its first proof.

    `namespaces` are those whose objects can explain the failure, empty if unknown: causes in others, of another test or
    another application on the same cluster, come last.
    """
    order = list(CauseKind)
    first: dict[tuple[CauseKind, ObjectRef], Cause] = {}
    for cause in causes:
        if cause.kind is not CauseKind.UNKNOWN:
            first.setdefault((cause.kind, cause.object), cause)

    def rank(cause: Cause) -> tuple[bool, int]:
        is_foreign = bool(namespaces and cause.object.namespace) and cause.object.namespace not in namespaces
        return is_foreign, order.index(cause.kind)

    return tuple(sorted(first.values(), key=rank))
