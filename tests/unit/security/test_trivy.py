"""Trivy's JSON, and the choice of its executable."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import ToolError
from kindgate.security.scan_findings import Severity
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
"""From Trivy's own golden file for a Helm chart, shortened."""


def _program(folder: Path, text: str) -> Path:
    program = folder / "trivy"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def test_a_finding_is_read_with_its_location() -> None:
    """A finding has its location; a file without findings has none."""
    (hit,) = read_hits(RECORDED)

    assert (hit.rule, hit.alias, hit.severity) == ("KSV001", "AVD-KSV-0001", Severity.MEDIUM)
    assert (hit.target, hit.line) == ("templates/deployment.yaml", 28)
    assert hit.url == "https://avd.aquasec.com/misconfig/ksv001"


def test_an_empty_scan_has_no_results() -> None:
    """Trivy omits the key if nothing was scanned."""
    assert list(read_hits({"SchemaVersion": 2})) == []


def test_an_accepted_trivy_version_on_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A matching Trivy on PATH is used, and nothing is compiled."""
    program = _program(tmp_path, "echo 'Version: 0.67.2'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert find_trivy(seed=None, deadline=Deadline.after(30), progress=lambda _: None) == program


def test_another_trivy_version_on_path_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a cache and Go, no other Trivy is available."""
    _program(tmp_path, "echo 'Version: 0.40.0'")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("KINDGATE_CACHE_DIR", str(tmp_path / "cache"))

    with pytest.raises(ToolError, match="Go is required"):
        find_trivy(seed=None, deadline=Deadline.after(30), progress=lambda _: None)


def test_output_that_is_not_json_is_an_error(tmp_path: Path) -> None:
    """The error includes the output."""
    with pytest.raises(ToolError, match="valid JSON") as caught:
        scan_manifests(_program(tmp_path, "echo usage"), tmp_path, ignore_file=None, deadline=Deadline.after(30))
    assert "usage" in str(caught.value)
