"""The secrets known to a run so far: from its environment, its manifests and its kubeconfig."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from kindgate.model import Rendered
from kindgate.observe.known_values import KnownValue
from kindgate.observe.redact import Redactor
from kindgate.observe.secret_objects import environment_secrets, kubeconfig_secrets, secret_values

if TYPE_CHECKING:
    from kindgate.pipeline.environment import Environment
    from kindgate.pipeline.provisioner import Pipeline

SecretSources = tuple[tuple[Rendered, ...], Path | None]
"""Sources of a run's secrets: rendered manifests, and the kubeconfig of its cluster."""


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
            self._refresh(*sources)
            return self._values

    def redactor(self, sources: SecretSources) -> Redactor:
        """A redactor for these values and for text that looks like a secret."""
        with self._lock:
            self._refresh(*sources)
            return self._redactor

    def _refresh(self, rendered: tuple[Rendered, ...], kubeconfig: Path | None) -> None:
        from_environment = tuple(environment_secrets(self._environment))
        key = (from_environment, tuple(map(id, rendered)), kubeconfig, _modified(kubeconfig))  # manifests by identity, which is cheap
        if key != self._key:
            self._values = (*from_environment, *_values_of(rendered, kubeconfig))
            self._redactor = Redactor(self._values)
            self._rendered, self._key = rendered, key


def sources_of_pipeline(pipeline: Pipeline | None) -> SecretSources:
    """The sources of a run's secrets so far."""
    inputs = pipeline.inputs if pipeline is not None else None
    address = pipeline.address if pipeline is not None else None
    parts = tuple(rendered for _, rendered in inputs.parts) if inputs is not None else ()
    return parts, address.kubeconfig if address is not None else None


def sources_of_environment(env: Environment) -> SecretSources:
    """The same for a process that received the environment from another one."""
    base = (env.base.rendered,) if env.base is not None else ()
    return (env.rendered, *base), env.address.kubeconfig


def _values_of(parts: Iterable[Rendered], kubeconfig: Path | None) -> Iterator[KnownValue]:
    for rendered in parts:
        yield from secret_values(rendered.objects)
    if kubeconfig is not None and kubeconfig.is_file():
        yield from kubeconfig_secrets(yaml.safe_load(kubeconfig.read_text()) or {})


def _modified(file: Path | None) -> int:
    """Modification time of the file; 0 if it is missing."""
    try:
        return file.stat().st_mtime_ns if file is not None else 0
    except OSError:
        return 0
