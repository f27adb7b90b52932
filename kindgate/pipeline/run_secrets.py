"""The secrets known to a run so far: from its environment, its manifests and its kubeconfig."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from kindgate.model import Rendered
from kindgate.observe.secret_objects import environment_secrets, kubeconfig_secrets, secret_values
from kindgate.redaction.known_values import KnownValue
from kindgate.redaction.redactor import Redactor

if TYPE_CHECKING:
    from kindgate.pipeline.environment import RunningCluster
    from kindgate.pipeline.provisioner import Pipeline


@dataclass(frozen=True)
class SecretSources:
    """Sources of a run's secrets: rendered manifests, the kubeconfig of its cluster, and the workload's secret values."""

    rendered: tuple[Rendered, ...] = ()
    kubeconfig: Path | None = None
    workload: tuple[str, ...] = ()


class RunSecrets:
    """The redactor of a run, rebuilt only when the run has learned more secrets."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._rendered: tuple[Rendered, ...] = ()
        self._key: tuple[object, ...] = ()
        self._values: tuple[KnownValue, ...] = ()
        self._redactor = Redactor(())
        self._lock = threading.RLock()  # a signal handler that prints interrupts the redaction of a log record

    def values(self, sources: SecretSources) -> tuple[KnownValue, ...]:
        """Every value known to be secret."""
        with self._lock:
            self._refresh(sources)
            return self._values

    def redactor(self, sources: SecretSources) -> Redactor:
        """A redactor for these values and for text that looks like a secret."""
        with self._lock:
            self._refresh(sources)
            return self._redactor

    def _refresh(self, sources: SecretSources) -> None:
        rendered, kubeconfig = sources.rendered, sources.kubeconfig
        from_environment = tuple(environment_secrets(self._environment))
        manifests = tuple(map(id, rendered))  # by identity, which is cheap
        key = (from_environment, manifests, kubeconfig, _modified(kubeconfig), sources.workload)
        if key != self._key:
            self._values = (*from_environment, *_values_of(sources))
            self._redactor = Redactor(self._values)
            self._rendered, self._key = rendered, key


def sources_of_pipeline(pipeline: Pipeline | None) -> SecretSources:
    """The sources of a run's secrets so far."""
    inputs = pipeline.inputs if pipeline is not None else None
    address = pipeline.address if pipeline is not None else None
    parts = tuple(rendered for _, rendered in inputs.parts) if inputs is not None else ()
    workload = inputs.workload.data.secrets if inputs is not None and inputs.workload is not None else ()
    return SecretSources(parts, address.kubeconfig if address is not None else None, workload)


def sources_of_cluster(cluster: RunningCluster) -> SecretSources:
    """The same for a process that received the environment from another one."""
    base = (cluster.base.rendered,) if cluster.base is not None else ()
    workload = cluster.workload.data.secrets if cluster.workload is not None else ()
    return SecretSources((cluster.rendered, *base), cluster.address.kubeconfig, workload)


def _values_of(sources: SecretSources) -> Iterator[KnownValue]:
    kubeconfig = sources.kubeconfig
    yield from (KnownValue(value, "a secret of the workload") for value in sources.workload)
    for rendered in sources.rendered:
        yield from secret_values(rendered.objects)
    if kubeconfig is not None and kubeconfig.is_file():
        yield from kubeconfig_secrets(yaml.safe_load(kubeconfig.read_text()) or {})


def _modified(file: Path | None) -> int:
    """Modification time of the file; 0 if it is missing."""
    try:
        return file.stat().st_mtime_ns if file is not None else 0
    except OSError:
        return 0
