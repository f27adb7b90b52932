"""kindgate judges a pull request by running it for real on a throw-away Kubernetes cluster.

The names in `__all__` are the public API: the types of the fixtures, of what they return, and the errors they raise. Each is
imported on first use, because pytest imports this package in every run of a project that has kindgate installed.
Everything else is private and can change in any release.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kindgate.errors import CommandError, KindgateError, LoadError, SloError
    from kindgate.load.result import BurstResult
    from kindgate.model import Verdict, Window
    from kindgate.observe.resource_summary import ResourceSummary
    from kindgate.plugin.application import Application
    from kindgate.plugin.burst import Bursts
    from kindgate.plugin.chaos import Chaos
    from kindgate.plugin.cluster import Cluster
    from kindgate.plugin.duet import Duet
    from kindgate.plugin.inconclusive import InconclusiveWarning
    from kindgate.plugin.ingress import Ingress
    from kindgate.plugin.kind_cluster import KindCluster
    from kindgate.plugin.policy import Policies
    from kindgate.plugin.prometheus import Prometheus
    from kindgate.plugin.rollout import Rollouts
    from kindgate.plugin.scaling import Scaling
    from kindgate.plugin.slo import Slo
    from kindgate.settings import Settings
    from kindgate.slo.compare import Comparison
    from kindgate.slo.connections import Connection
    from kindgate.slo.episode import Episode
    from kindgate.slo.episode_judge import EpisodeJudgement
    from kindgate.slo.judgement import Judgement
    from kindgate.slo.policy_judge import PolicyJudgement
    from kindgate.version import __version__
    from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready, wait_for

__all__ = [
    "Application",
    "BurstResult",
    "Bursts",
    "Chaos",
    "Cluster",
    "CommandError",
    "Comparison",
    "Connection",
    "Deadline",
    "Duet",
    "Episode",
    "EpisodeJudgement",
    "InconclusiveWarning",
    "Ingress",
    "Judgement",
    "KindCluster",
    "KindgateError",
    "LoadError",
    "Pending",
    "PermanentFailure",
    "Policies",
    "PolicyJudgement",
    "Prometheus",
    "Ready",
    "ResourceSummary",
    "Rollouts",
    "Scaling",
    "Settings",
    "Slo",
    "SloError",
    "Verdict",
    "Window",
    "__version__",
    "wait_for",
]

_MODULES = MappingProxyType(
    {
        "Application": "kindgate.plugin.application",
        "BurstResult": "kindgate.load.result",
        "Bursts": "kindgate.plugin.burst",
        "Chaos": "kindgate.plugin.chaos",
        "Cluster": "kindgate.plugin.cluster",
        "CommandError": "kindgate.errors",
        "Comparison": "kindgate.slo.compare",
        "Connection": "kindgate.slo.connections",
        "Deadline": "kindgate.waiting",
        "Duet": "kindgate.plugin.duet",
        "Episode": "kindgate.slo.episode",
        "EpisodeJudgement": "kindgate.slo.episode_judge",
        "InconclusiveWarning": "kindgate.plugin.inconclusive",
        "Ingress": "kindgate.plugin.ingress",
        "Judgement": "kindgate.slo.judgement",
        "KindCluster": "kindgate.plugin.kind_cluster",
        "KindgateError": "kindgate.errors",
        "LoadError": "kindgate.errors",
        "Pending": "kindgate.waiting",
        "PermanentFailure": "kindgate.waiting",
        "Policies": "kindgate.plugin.policy",
        "PolicyJudgement": "kindgate.slo.policy_judge",
        "Prometheus": "kindgate.plugin.prometheus",
        "Ready": "kindgate.waiting",
        "ResourceSummary": "kindgate.observe.resource_summary",
        "Rollouts": "kindgate.plugin.rollout",
        "Scaling": "kindgate.plugin.scaling",
        "Settings": "kindgate.settings",
        "Slo": "kindgate.plugin.slo",
        "SloError": "kindgate.errors",
        "Verdict": "kindgate.model",
        "Window": "kindgate.model",
        "__version__": "kindgate.version",
        "wait_for": "kindgate.waiting",
    }
)


if not TYPE_CHECKING:  # a type checker must see only the names above

    def __getattr__(name: str) -> object:
        """Import a public name on first use (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """Return the public names."""
        return sorted({*globals(), *__all__})
