"""A scan as a table for people, as JSON and as SARIF 2.1.0 for code scanning."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kindgate.security.scan_findings import Finding, Scan, Severity

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.UNKNOWN: "note", Severity.LOW: "note", Severity.MEDIUM: "warning", Severity.HIGH: "error", Severity.CRITICAL: "error"}
_SCORES = {Severity.UNKNOWN: "0.0", Severity.LOW: "2.0", Severity.MEDIUM: "5.5", Severity.HIGH: "8.0", Severity.CRITICAL: "9.5"}
"""Severity scores for code scanning: the middle of each CVSS 3.1 band (low to 3.9, medium to 6.9, high to 8.9)."""


def part_rows(scan: Scan) -> list[tuple[str, ...]]:
    """The parts with their number of findings, or why they were not scanned, below a header row."""
    header = ("scanned", *(severity.name.lower() for severity in reversed(Severity)), "accepted", "note")
    return [header, *(_part_row(part.name, part.findings, part.unscanned) for part in scan.parts)]


def finding_rows(findings: Iterable[Finding]) -> list[tuple[str, ...]]:
    """One row per finding: severity, rule, location, message."""
    return [
        (finding.severity.name, finding.rule, f"{finding.location.file}:{finding.location.line}", finding.message) for finding in findings
    ]


def as_json(scan: Scan) -> str:
    """Parts and findings as indented JSON."""
    document = {
        "parts": [{"name": part.name, "findings": len(part.findings), "unscanned": part.unscanned} for part in scan.parts],
        "findings": [{**asdict(finding), "severity": finding.severity.name} for finding in scan.findings],
    }
    return json.dumps(document, indent=2) + "\n"


def as_sarif(scan: Scan, version: str) -> str:
    """SARIF 2.1.0 (OASIS): one run, source files as locations, accepted findings as suppressed results."""
    rules = {finding.rule: finding for finding in reversed(scan.findings)}
    document = {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "kindgate scan",
                        "semanticVersion": version,
                        "rules": [_rule(finding) for _, finding in sorted(rules.items())],
                    }
                },
                "results": [_result(finding) for finding in scan.findings],
            }
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _part_row(name: str, findings: tuple[Finding, ...], unscanned: str) -> tuple[str, ...]:
    if unscanned:
        return (name, *("-" for _ in Severity), "-", f"not scanned: {unscanned}")
    counts = (str(sum(finding.severity is severity for finding in findings)) for severity in reversed(Severity))
    return (name, *counts, str(sum(bool(finding.accepted) for finding in findings)), "")


def _rule(finding: Finding) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": finding.rule,
        "shortDescription": {"text": finding.title or finding.rule},
        "help": {"text": finding.resolution or finding.title or finding.rule},
        "properties": {"security-severity": _SCORES[finding.severity], "tags": ["security"]},
    }
    return {**rule, "helpUri": finding.url} if finding.url else rule


def _result(finding: Finding) -> dict[str, Any]:
    location = finding.location
    identity = f"{finding.rule} {location.file} {location.object} {finding.message}"
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{location.object}: {finding.message}" if location.object else finding.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": Path(location.file).as_posix()},
                    "region": {"startLine": location.line},
                }
            }
        ],
        # a finding stays the same alert when lines move
        "partialFingerprints": {"kindgate/v1": hashlib.sha256(identity.encode()).hexdigest()},
    }
    if finding.accepted:
        result["suppressions"] = [{"kind": "external", "justification": finding.accepted}]
    return result
