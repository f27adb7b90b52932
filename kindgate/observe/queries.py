"""PromQL queries for a burst's window. Pure functions from names to text.

The kubelet's cAdvisor samples a container every 10 to 20 seconds and stamps each sample with its own time (seen on
Kubernetes 1.37: gaps of 10.5 to 19.5 s at a scrape interval of 5 s). `rate()` over a short range therefore sees one
sample or none, so the stored samples are read with their own times and evaluated exactly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

CPU = "container_cpu_usage_seconds_total"
MEMORY = "container_memory_working_set_bytes"
RECEIVED = "container_network_receive_bytes_total"
SENT = "container_network_transmit_bytes_total"
PERIODS = "container_cpu_cfs_periods_total"
THROTTLED = "container_cpu_cfs_throttled_periods_total"
STARTED = "container_start_time_seconds"
SEEN = "container_last_seen"

SEEN_AGE = 15
"""Seconds after which a container that cAdvisor has not seen again counts as gone: three scrapes."""


def of_namespaces(metric: str, namespaces: Iterable[str]) -> str:
    """Select a cAdvisor metric's pod series in these namespaces.

    The kubelet's `/metrics/resource` shares some of the names; only cAdvisor's series have an `id`.
    """
    names = "|".join(re.escape(name).replace("\\", "\\\\") for name in sorted(namespaces))
    return f'{metric}{{namespace=~"{names}",pod!="",id!=""}}'


def stored(metric: str, namespaces: Iterable[str], seconds: float) -> str:
    """Select every stored sample of the last `seconds`."""
    return f"{of_namespaces(metric, namespaces)}[{math.ceil(seconds)}s]"


def oldest_look(namespaces: Iterable[str]) -> str:
    """Query the oldest of the running containers' latest cAdvisor samples, in seconds since 1970."""
    names = tuple(namespaces)
    running = f"{of_namespaces(SEEN, names)} > time() - {SEEN_AGE}"
    return f"min(timestamp({of_namespaces(CPU, names)}) and on (namespace, pod, id) ({running}))"
