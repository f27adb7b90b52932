"""Trivy's JSON, and which Trivy is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import ToolError
from kindgate.security.findings import Severity
from kindgate.security.trivy import find_trivy, read_hits, scan_manifests
from kindgate.waiting import Deadline

RECORDED = {
    "SchemaVersion": 2,
    "Results": [
        {
            "Target": "templates/deployment.yaml",
            "Class": "config",
            "Type": "helm",
            "MisconfSummary": {"Successes": 78, "Failures": 1},
            "Misconfigurations": [
                {
                    "Type": "Helm Security Check",
                    "ID": "KSV001",
                    "AVDID": "AVD-KSV-0001",
                    "Title": "Can elevate its own privileges",
                    "Message": "Container 'testchart' should set 'securityContext.allowPrivilegeEscalation' to false",
                    "Namespace": "builtin.kubernetes.KSV001",
                    "Resolution": "Set 'set containers[].securityContext.allowPrivilegeEscalation' to 'false'.",
                    "Severity": "MEDIUM",
                    "PrimaryURL": "https://avd.aquasec.com/misconfig/ksv001",
                    "Status": "FAIL",
                    "Layer": {},
                    "CauseMetadata": {"Provider": "Kubernetes", "Service": "general", "StartLine": 28, "EndLine": 57},
                }
            ],
        },
        {"Target": "templates/service.yaml", "Class": "config"},
    ],
}
"""From Trivy's own golden file of a Helm chart, shortened."""


def _program(folder: Path, text: str) -> Path:
    program = folder / "trivy"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def test_a_finding_is_read_with_its_place() -> None:
    """A file without findings gives none."""
    (hit,) = read_hits(RECORDED)

    assert (hit.rule, hit.alias, hit.severity) == ("KSV001", "AVD-KSV-0001", Severity.MEDIUM)
    assert (hit.target, hit.line) == ("templates/deployment.yaml", 28)
    assert hit.url == "https://avd.aquasec.com/misconfig/ksv001"


def test_a_scan_of_nothing_has_no_results() -> None:
    """Trivy leaves the key out."""
    assert list(read_hits({"SchemaVersion": 2})) == []


def test_a_fitting_trivy_on_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled then."""
    program = _program(tmp_path, "echo 'Version: 0.67.2'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert find_trivy(seed=None, deadline=Deadline.after(30), progress=lambda _: None) == program


def test_another_trivy_on_path_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here neither cache nor Go is there, so that none can be had."""
    _program(tmp_path, "echo 'Version: 0.40.0'")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("KINDGATE_CACHE_DIR", str(tmp_path / "cache"))

    with pytest.raises(ToolError, match="Go is required"):
        find_trivy(seed=None, deadline=Deadline.after(30), progress=lambda _: None)


def test_an_answer_that_is_no_json_is_told(tmp_path: Path) -> None:
    """With what was written instead."""
    with pytest.raises(ToolError, match="valid JSON") as caught:
        scan_manifests(_program(tmp_path, "echo usage"), tmp_path, ignored=None, deadline=Deadline.after(30))
    assert "usage" in str(caught.value)
