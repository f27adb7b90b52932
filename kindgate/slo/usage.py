"""Resources that the application used: CPU time per request, and memory, one figure per burst.

CPU time is that of the selected workloads of one version, divided by the requests sent to that version in the same burst:
which request caused it is not known, so tags of routes do not apply.
"""

from __future__ import annotations

from collections.abc import Sequence

from kindgate.slo.sample import BurstSample, WorkloadUsage
from kindgate.slo.threshold import Selector

MEBIBYTE = 2**20

USAGE_TAGS = frozenset({"workload", "arm"})
"""The tags of usage."""


def usage_of(selector: Selector, sample: BurstSample) -> float | None:
    """The figure of one burst, in milliseconds per request or in mebibytes; None if it is not known."""
    return pooled_usage(selector, [sample])


def pooled_usage(selector: Selector, samples: Sequence[BurstSample]) -> float | None:
    """The figure over all bursts: total CPU time per request sent, or mean memory; None if it is not known for all of them."""
    parts = [(_matching(selector, sample), sent_to(selector, sample)) for sample in samples]
    if not parts or any(not usages for usages, _ in parts):
        return None
    if selector.metric.name == "memory":
        memory = [usage.memory for usages, _ in parts for usage in usages]
        return None if None in memory else sum(value for value in memory if value is not None) / len(parts) / MEBIBYTE
    requests = sum(sent for _, sent in parts)
    return 1000 * sum(usage.cpu_seconds for usages, _ in parts for usage in usages) / requests if requests else None


def sent_to(selector: Selector, sample: BurstSample) -> int:
    """Number of requests sent to the selected version in a burst."""
    return sum(series.sent for series in sample.matching(request_tags(selector)))


def request_tags(selector: Selector) -> dict[str, str]:
    """The tags of the requests that the selected workloads serve."""
    return {key: value for key, value in selector.tags if key == "arm"}


def _matching(selector: Selector, sample: BurstSample) -> tuple[WorkloadUsage, ...]:
    return tuple(usage for usage in sample.usage if usage.has_tags(selector.tag_map))
