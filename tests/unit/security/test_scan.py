"""A complete scan with a stand-in for Trivy."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_sarif.model import (  # type: ignore[import-untyped]  # it has types and does not say so
    StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif,
)

from kindgate.errors import SettingsError
from kindgate.model import Rendered
from kindgate.security import scan_report
from kindgate.security.scan import ScanInput, scan
from kindgate.security.scan_findings import Scan, Severity
from kindgate.waiting import Deadline

TODAY = dt.date(2026, 11, 24)
ENTRY = "misconfigurations:\n  - {id: KSV017, paths: [base/probe.yaml], statement: it probes the node, expired_at: 2026-12-31}\n"


def _scan(project: Path, rendered: Rendered, trivy: Path, locks: tuple[Path, ...] = ()) -> Scan:
    subject = ScanInput(project, (rendered,), locks, project / ".trivyignore.yaml")
    return scan(subject, trivy, today=TODAY, deadline=Deadline.after(60), progress=lambda _: None)


def test_a_privileged_pod_is_a_blocking_finding(project: Path, rendered: Rendered, stand_in: Path) -> None:
    """The finding has the line in its source where the object begins."""
    findings = _scan(project, rendered, stand_in).blocking(Severity.HIGH)

    assert [(finding.rule, finding.location.file, finding.location.line, finding.location.object) for finding in findings] == [
        ("KSV017", "base/probe.yaml", 7, "Pod echo/probe")
    ]


def test_a_higher_threshold_unblocks_the_finding(project: Path, rendered: Rendered, stand_in: Path) -> None:
    """The finding is still in the report."""
    result = _scan(project, rendered, stand_in)

    assert result.blocking(Severity.CRITICAL) == ()
    assert len(result.findings) == 1


def test_an_entry_accepts_the_finding_and_keeps_its_reason(project: Path, rendered: Rendered, stand_in: Path) -> None:
    """An accepted finding is suppressed in SARIF, not omitted."""
    (project / ".trivyignore.yaml").write_text(ENTRY)
    result = _scan(project, rendered, stand_in)

    assert result.blocking(Severity.LOW) == ()
    (suppressed,) = json.loads(scan_report.as_sarif(result, "1.0.0"))["runs"][0]["results"]
    assert suppressed["suppressions"] == [{"kind": "external", "justification": "it probes the node"}]


def test_an_entry_that_matches_nothing_is_an_error(project: Path, rendered: Rendered, stand_in: Path) -> None:
    """An entry with another path matches nothing."""
    (project / ".trivyignore.yaml").write_text(ENTRY.replace("base/probe", "base/other"))

    with pytest.raises(SettingsError, match=r"KSV017 \(base/other.yaml\) matches no finding"):
        _scan(project, rendered, stand_in)


def test_an_entry_without_a_finding_is_an_error(project: Path, rendered: Rendered, stand_in: Path) -> None:
    """An entry without a finding could hide the next one, so it is an error while its file exists."""
    (project / ".trivyignore.yaml").write_text(ENTRY)
    account = Rendered(rendered.overlay, rendered.objects[:1], rendered.origins)

    with pytest.raises(SettingsError, match=r"KSV017 \(base/probe.yaml\) matches no finding"):
        _scan(project, account, stand_in)


def test_an_entry_about_another_overlay_is_ignored(project: Path, rendered: Rendered, stand_in: Path) -> None:
    """With named overlays, only entries for their files must match; otherwise, all must."""
    (project / ".trivyignore.yaml").write_text(ENTRY.replace("base/probe", "base/other"))
    finding = ScanInput(project, (rendered,), (), project / ".trivyignore.yaml", complete=False)

    assert len(scan(finding, stand_in, today=TODAY, deadline=Deadline.after(60), progress=lambda _: None).findings) == 1

    (project / ".trivyignore.yaml").write_text(ENTRY.replace("KSV017", "KSV999"))
    with pytest.raises(SettingsError, match="KSV999"):
        scan(finding, stand_in, today=TODAY, deadline=Deadline.after(60), progress=lambda _: None)


def test_an_ignore_file_in_the_working_folder_has_no_effect(
    project: Path, rendered: Rendered, stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trivy would otherwise read the ignore file in the working folder."""
    (tmp_path / ".trivyignore.yaml").write_text(ENTRY)
    monkeypatch.chdir(tmp_path)

    assert _scan(project, rendered, stand_in).blocking(Severity.HIGH)


def test_skipped_images_and_lock_report_the_reason(project: Path, rendered: Rendered, stand_in: Path) -> None:
    """Without a database, the report gives the reason, and the scan does not fail."""
    (project / "requirements.lock").write_text("six==1.0\n")
    result = _scan(project, rendered, stand_in, (Path("requirements.lock"),))

    unscanned = {part.name: part.unscanned for part in result.parts if part.unscanned}
    assert set(unscanned) == {"docker.io/library/probe:1.0", "requirements.lock"}
    assert all("no such host" in reason for reason in unscanned.values())
    assert [row for row in scan_report.part_rows(result) if row[0] == "requirements.lock" and "not scanned" in row[-1]]


def test_with_a_database_images_and_lock_are_scanned(
    project: Path, rendered: Rendered, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vulnerability is reported at the manifest that names the image, and at the lock file."""
    monkeypatch.setenv("STAND_IN_DATABASE", "reachable")
    (project / "requirements.lock").write_text("six==1.0\n")
    result = _scan(project, rendered, stand_in, (Path("requirements.lock"),))

    critical = [(finding.rule, finding.location.file, finding.resolution) for finding in result.blocking(Severity.CRITICAL)]
    assert critical == [
        ("CVE-2026-1", "base/probe.yaml", "upgrade six to 1.1"),
        ("CVE-2026-1", "requirements.lock", "upgrade six to 1.1"),
    ]


def test_findings_of_a_shared_base_are_reported_once(project: Path, rendered: Rendered, stand_in: Path) -> None:
    """Each overlay has a row, but the finding has one entry."""
    other = Rendered(Path("other"), rendered.objects, rendered.origins)
    subject = ScanInput(project, (rendered, other), (), project / ".trivyignore.yaml")
    result = scan(subject, stand_in, today=TODAY, deadline=Deadline.after(60), progress=lambda _: None)

    assert len(result.findings) == 1
    assert [part.name for part in result.parts] == ["overlay", "other", "docker.io/library/probe:1.0"]


def test_sarif_names_source_files_and_rules(project: Path, rendered: Rendered, stand_in: Path) -> None:
    """As SARIF 2.1.0 requires (3.27.5, 3.30.5), every result's rule is described, and lines count from 1."""
    document = json.loads(scan_report.as_sarif(_scan(project, rendered, stand_in), "1.0.0"))

    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["KSV017"]
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("KSV017", "error")
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "base/probe.yaml"}, "region": {"startLine": 7}}


@pytest.mark.parametrize("accepted", [False, True])
def test_sarif_is_valid_by_its_schema(
    project: Path, rendered: Rendered, stand_in: Path, monkeypatch: pytest.MonkeyPatch, *, accepted: bool
) -> None:
    """Code scanning rejects invalid SARIF: the classes are generated from the OASIS schema and accept no other fields."""
    monkeypatch.setenv("STAND_IN_DATABASE", "reachable")
    (project / "requirements.lock").write_text("six==1.0\n")
    if accepted:
        (project / ".trivyignore.yaml").write_text(ENTRY)
    text = scan_report.as_sarif(_scan(project, rendered, stand_in, (Path("requirements.lock"),)), "1.0.0")

    document = Sarif.model_validate_json(text)

    assert [len(run.results or ()) for run in document.runs] == [3]
    with pytest.raises(ValidationError, match="startLine"):
        Sarif.model_validate_json(text.replace('"startLine": 7', '"startLine": 0'))


def test_the_json_report_names_severities(project: Path, rendered: Rendered, stand_in: Path) -> None:
    """The JSON also states which parts were scanned."""
    document = json.loads(scan_report.as_json(_scan(project, rendered, stand_in)))

    assert [finding["severity"] for finding in document["findings"]] == ["HIGH"]
    assert document["parts"][0] == {"name": "overlay", "findings": 1, "unscanned": ""}
