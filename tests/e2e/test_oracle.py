"""The API server is the oracle for validation: both reject the same objects."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from kindgate import CommandError
from tests.unit.deploy.mutants import MUTANTS, Mutant, mutated, sound_application

if TYPE_CHECKING:
    from kindgate import Cluster
    from tests.unit.deploy.objects import Object

pytestmark = pytest.mark.e2e


def refusal(cluster: Cluster, item: Object, namespace: str) -> str:
    """The server's objection to an object; empty if it accepts it."""
    placed = {**item, "metadata": {**item["metadata"], "namespace": namespace}}
    try:
        cluster.kubectl("apply", "--dry-run=server", "--filename", "-", stdin=json.dumps(placed))
    except CommandError as error:
        return str(error)
    return ""


def test_the_server_rejects_what_validation_rejects(cluster: Cluster, namespace: str) -> None:
    """The server meets the expectations of validation's unit tests."""

    def surprise(mutant: Mutant) -> str:
        _, changed = mutated(mutant)
        message = refusal(cluster, changed, namespace)
        return "" if bool(message) == mutant.rejected else f"{mutant.name}: {message or 'accepted'}"

    with ThreadPoolExecutor(4) as pool:
        sound = list(pool.map(lambda item: refusal(cluster, item, namespace), sound_application()))
        surprises = list(pool.map(surprise, MUTANTS))

    assert [message for message in (*sound, *surprises) if message] == []
