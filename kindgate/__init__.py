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
    from kindgate.cluster.kind import KindCluster
    from kindgate.errors import CommandError, KindgateError, LoadError, SloError
    from kindgate.load.result import BurstResult
    from kindgate.metrics.resources import ResourceSummary
    from kindgate.model import Verdict, Window
    from kindgate.plugin.application import Application
    from kindgate.plugin.bursts import Bursts
    from kindgate.plugin.cluster import Cluster
    from kindgate.plugin.duet import Duet
    from kindgate.plugin.undecided import InconclusiveWarning
    from kindgate.plugin.ingress import Ingress
    from kindgate.plugin.prometheus import Prometheus
    from kindgate.plugin.slo import Slo
    from kindgate.settings import Settings
    from kindgate.slo.compare import Comparison
    from kindgate.slo.judgement import Judgement
    from kindgate.version import __version__
    from kindgate.waiting import Deadline, Pending, Ready, wait_for

__all__ = [
    "Application",
    "BurstResult",
    "Bursts",
    "Cluster",
    "CommandError",
    "Comparison",
    "Deadline",
    "Duet",
    "InconclusiveWarning",
    "Ingress",
    "Judgement",
    "KindCluster",
    "KindgateError",
    "LoadError",
    "Pending",
    "Prometheus",
    "Ready",
    "ResourceSummary",
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
        "Application": "plugin.application",
        "BurstResult": "load.result",
        "Bursts": "plugin.bursts",
        "Cluster": "plugin.cluster",
        "CommandError": "errors",
        "Comparison": "slo.compare",
        "Deadline": "waiting",
        "Duet": "plugin.duet",
        "InconclusiveWarning": "plugin.undecided",
        "Ingress": "plugin.ingress",
        "Judgement": "slo.judgement",
        "KindCluster": "cluster.kind",
        "KindgateError": "errors",
        "LoadError": "errors",
        "Pending": "waiting",
        "Prometheus": "plugin.prometheus",
        "Ready": "waiting",
        "ResourceSummary": "metrics.resources",
        "Settings": "settings",
        "Slo": "plugin.slo",
        "SloError": "errors",
        "Verdict": "model",
        "Window": "model",
        "__version__": "version",
        "wait_for": "waiting",
    }
)


if not TYPE_CHECKING:  # a type checker must see only the names above

    def __getattr__(name: str) -> object:
        """Import a public name on first use (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """Return the public names."""
        return sorted({*globals(), *__all__})
