"""The secrets known to this process, to be redacted from its records and terminal and masked by the runner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest

from kindgate.credentials import without_credentials
from kindgate.pipeline.environment import cluster_of
from kindgate.plugin.requested_tests import wants_cluster
from kindgate.plugin.session_state import ENVIRONMENT

if TYPE_CHECKING:
    from kindgate.pipeline.provisioner import Pipeline
    from kindgate.pipeline.run_secrets import RunSecrets, SecretSources
    from kindgate.redaction.known_values import KnownValue
    from kindgate.redaction.redactor import Redactor


class KnownSecrets:
    """The run's secrets known so far; nothing is imported for a run without e2e tests.

    `sources` returns where the run's secrets are; None for a run without a cluster.
    """

    def __init__(self, sources: Callable[[], SecretSources | None]) -> None:
        self._sources = sources
        self._secrets: RunSecrets | None = None

    def redactor(self) -> Redactor | None:
        """A redactor for them; None in a run of other tests."""
        sources = self._sources()
        return self._run_secrets().redactor(sources) if sources is not None else None

    def values(self) -> Sequence[KnownValue]:
        """All known secrets; none in a run of other tests."""
        sources = self._sources()
        return self._run_secrets().values(sources) if sources is not None else ()

    def clean(self, line: str) -> str:
        """Redact a line for the terminal."""
        redactor = self.redactor()
        cleaned = without_credentials(line)
        return redactor.text(cleaned) if redactor is not None else cleaned

    def _run_secrets(self) -> RunSecrets:
        if self._secrets is None:
            from kindgate.pipeline.run_secrets import RunSecrets  # noqa: PLC0415  # see the class

            self._secrets = RunSecrets()
        return self._secrets


def controller_secrets(config: pytest.Config, pipeline: Callable[[], Pipeline | None]) -> KnownSecrets:
    """The secrets known to the process that owns the pipeline."""

    def sources() -> SecretSources | None:
        created = pipeline()
        if created is None and not wants_cluster(config):
            return None
        from kindgate.pipeline.run_secrets import sources_of_pipeline  # noqa: PLC0415  # see `KnownSecrets`

        return sources_of_pipeline(created)

    return KnownSecrets(sources)


def worker_secrets(config: pytest.Config) -> KnownSecrets:
    """The secrets known to an xdist worker, from the environment that the controller sent it."""

    def sources() -> SecretSources | None:
        environment = config.stash.get(ENVIRONMENT, None)
        if environment is None and not wants_cluster(config):
            return None
        from kindgate.pipeline.run_secrets import SecretSources, sources_of_cluster  # noqa: PLC0415  # see `KnownSecrets`

        if environment is None:
            return SecretSources()
        return sources_of_cluster(cluster_of(environment))

    return KnownSecrets(sources)
