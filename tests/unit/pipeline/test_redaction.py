"""A run's output contains no secrets, and its figures stay as measured."""

from __future__ import annotations

import json
from pathlib import Path

from kindgate.histogram import Histogram
from kindgate.model import Rendered
from kindgate.pipeline.finish import copy_bursts
from kindgate.pipeline.redaction import redacted_burst
from kindgate.pipeline.run_secrets import RunSecrets, SecretSources
from kindgate.redaction.known_values import KnownValue
from kindgate.redaction.redactor import Redactor

CANARY = "canary-of-a-secret"
REDACTOR = Redactor([KnownValue(CANARY, "CANARY")])


def test_a_copied_burst_contains_no_secret(tmp_path: Path) -> None:
    """A burst's plan has URLs, bodies and headers from a test."""
    times = Histogram.of(range(0, 5000, 3)).to_text()
    burst = {
        "plan": {"routes": [{"url": f"http://h/?t={CANARY}", "headers": [["X-Api-Key", "k3y"], ["Accept", "*/*"]]}]},
        "response": times,
    }
    (tmp_path / "measured" / "a").mkdir(parents=True)
    (tmp_path / "measured" / "a" / "burst-0001.json").write_text(json.dumps(burst))
    (tmp_path / "measured" / "a" / ".2.part").write_text(CANARY)

    assert copy_bursts(tmp_path / "measured", tmp_path / "kept", REDACTOR) == []

    (kept,) = (file for file in (tmp_path / "kept").rglob("*") if file.is_file())
    clean = {"url": "http://h/?t=[redacted]", "headers": [["X-Api-Key", "[redacted]"], ["Accept", "*/*"]]}
    assert json.loads(kept.read_text()) == {"plan": {"routes": [clean]}, "response": times}


def test_a_histogram_containing_a_secret_by_chance_is_kept() -> None:
    """Changing one character would change the measurement."""
    assert redacted_burst({"response": CANARY, "host": CANARY}, REDACTOR) == {"response": CANARY, "host": "[redacted]"}


def test_a_run_learns_secrets_as_it_progresses(tmp_path: Path) -> None:
    """Secrets in manifests and the kubeconfig are known once read; a kubeconfig that changes is read again."""
    secrets = RunSecrets({"A_TOKEN": "of-the-environment"})
    kubeconfig = tmp_path / "kubeconfig"
    rendered = Rendered(Path("o"), ({"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"key": "of-a-secret"}},))

    assert [value.text for value in secrets.values(SecretSources())] == ["of-the-environment"]
    assert [value.text for value in secrets.values(SecretSources((rendered,), kubeconfig))] == ["of-the-environment", "of-a-secret"]
    kubeconfig.write_text("users: [{name: u, user: {token: of-the-kubeconfig}}]")
    assert secrets.redactor(SecretSources((rendered,), kubeconfig)).text("of-the-kubeconfig of-a-secret") == "[redacted] [redacted]"
    assert secrets.redactor(SecretSources((rendered,), kubeconfig)) is secrets.redactor(SecretSources((rendered,), kubeconfig))
