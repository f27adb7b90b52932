"""A stand-in for Trivy: it reports `privileged: true` as rule KSV017, honors the ignore file, and cannot reach a database."""

import json
import os
import sys
from pathlib import Path

import yaml

arguments = sys.argv[1:]
if "--download-db-only" in arguments:
    if os.environ.get("STAND_IN_DATABASE") != "reachable":
        sys.exit("FATAL\tdatabase error: no such host")
    sys.exit(0)
subject = Path(arguments[-1])
ignore = Path(arguments[arguments.index("--ignorefile") + 1])
if not ignore.exists():
    sys.exit(f"FATAL\tFatal error\tflag error: unable to convert flags to options: ignore file not found: {ignore}")
entries = (yaml.safe_load(ignore.read_text()) or {}).get("misconfigurations", [])
results = []
if "vuln" in arguments:
    found = {"VulnerabilityID": "CVE-2026-1", "PkgName": "six", "InstalledVersion": "1.0", "FixedVersion": "1.1", "Severity": "CRITICAL"}
    name = "requirements.txt" if (subject / "requirements.txt").is_file() else str(subject)
    results.append({"Target": name, "Vulnerabilities": [found]})
else:
    for file in sorted(subject.rglob("*.yaml")):
        target = str(file.relative_to(subject))
        reasons = {entry["id"]: entry["statement"] for entry in entries if target in entry["paths"]}
        for rule, reason in reasons.items():  # Trivy also suppresses results of objects that pass
            well = {"ID": rule, "Message": "No issues found", "Severity": "HIGH", "Status": "PASS", "CauseMetadata": {}}
            modified = {"Type": "misconfiguration", "Status": "ignored", "Statement": reason, "Finding": well}
            results.append({"Target": target, "ExperimentalModifiedFindings": [modified]})
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if "privileged: true" not in line:
                continue
            hit = {
                "ID": "KSV017",
                "AVDID": "AVD-KSV-0017",
                "Title": "Privileged",
                "Message": "should not be privileged",
                "Severity": "HIGH",
                "Status": "FAIL",
                "CauseMetadata": {"StartLine": number, "EndLine": number},
            }
            if (reason := reasons.get("KSV017")) is None:
                results.append({"Target": target, "Misconfigurations": [hit]})
            else:
                modified = {"Type": "misconfiguration", "Status": "ignored", "Statement": reason, "Finding": hit}
                results.append({"Target": target, "ExperimentalModifiedFindings": [modified]})
sys.stdout.write(json.dumps({"SchemaVersion": 2, "Results": results}))
