"""Trivy: located or compiled, run without a network, its JSON parsed."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kindgate import assets
from kindgate.errors import CommandError, ToolError
from kindgate.host.binaries import is_available_locally, provide_binary
from kindgate.host.command import run
from kindgate.host.paths import cache_dir
from kindgate.images.build.catalogue import read_catalogue
from kindgate.progress import Progress
from kindgate.security.scan_findings import Severity
from kindgate.waiting import Deadline

_VERSION_SECONDS = 20.0
_ACCEPTED_VERSION = re.compile(r"^Version: v?(0\.67\.\d+)", re.MULTILINE)
"""Versions accepted from PATH, whose checks and JSON have been tested."""

_COMMON_OPTIONS = ("--quiet", "--format", "json", "--disable-telemetry", "--skip-version-check")
_SECONDS = 600.0
"""Time limit of one scan; manifests take about a second, a large image minutes."""


@dataclass(frozen=True)
class Hit:
    """One finding from Trivy's JSON. `line` is 0 if it has none; `statement` is that of the entry that suppressed it."""

    target: str
    line: int
    rule: str
    alias: str
    severity: Severity
    title: str
    message: str
    resolution: str
    url: str
    statement: str = ""


def find_trivy(*, seed: Path | None, deadline: Deadline, progress: Progress) -> Path:
    """Trivy from PATH if its version is accepted, otherwise from the cache or seed folder, otherwise compiled from its Go module.

    Raises `ToolError` if all of them fail.
    """
    on_path = shutil.which("trivy")
    if on_path is not None and _is_accepted_version(Path(on_path), deadline):
        return Path(on_path)
    folder = assets.manifests() / "images"
    recipe = read_catalogue(folder / "catalogue.yaml").recipe("trivy", folder)
    binaries = cache_dir() / "binaries"
    if not is_available_locally(recipe, cache=binaries, seed=seed):
        progress(f"{recipe.title}: not available; compiling it once takes ten minutes or more")
    try:
        return provide_binary(recipe, cache=binaries, seed=seed, deadline=deadline, progress=progress)
    except CommandError as error:
        raise ToolError("Trivy is not available", last_state=str(error), next_step=f"install Trivy {recipe.version} on PATH") from error


def scan_manifests(trivy: Path, folder: Path, *, ignore_file: Path | None, deadline: Deadline) -> tuple[Hit, ...]:
    """The findings of Trivy's embedded checks for the files below `folder`, including suppressed ones; uses no network."""
    # `trivy config` does the same but omits suppressed findings
    options = ["--scanners", "misconfig", "--misconfig-scanners", "kubernetes", "--skip-check-update", "--offline-scan"]
    return _scan(trivy, ["fs", *options], str(folder), ignore_file, deadline)


def scan_image(trivy: Path, image: str, *, ignore_file: Path | None, deadline: Deadline) -> tuple[Hit, ...]:
    """Known vulnerabilities of an image from the engine or its registry, according to the local database."""
    return _scan(trivy, ["image", "--scanners", "vuln", "--skip-db-update"], image, ignore_file, deadline)


def scan_requirements(trivy: Path, folder: Path, *, ignore_file: Path | None, deadline: Deadline) -> tuple[Hit, ...]:
    """Known vulnerabilities of the packages pinned by a `requirements.txt` in `folder`."""
    return _scan(trivy, ["fs", "--scanners", "vuln", "--skip-db-update"], str(folder), ignore_file, deadline)


def fetch_database(trivy: Path, deadline: Deadline) -> str:
    """Update the vulnerability database; return an empty string, or a one-line reason if that failed."""
    try:
        run([trivy, "image", "--quiet", "--download-db-only", "--disable-telemetry"], deadline=deadline)
    except CommandError as error:
        lines = [line for line in error.last_state.splitlines() if line.strip()]
        return f"no vulnerability database: {lines[-1].strip()[:160] if lines else error.message}"
    return ""


def read_hits(document: Mapping[str, Any]) -> Iterator[Hit]:
    """The findings in Trivy's JSON, suppressed ones last.

    Suppressed entries of rules without a finding are skipped.
    """
    for result in document.get("Results") or ():
        target = str(result.get("Target", ""))
        for finding in (*(result.get("Misconfigurations") or ()), *(result.get("Vulnerabilities") or ())):
            yield _hit(target, finding)
        for modified in result.get("ExperimentalModifiedFindings") or ():
            if modified["Finding"].get("Status") != "PASS":
                yield _hit(target, modified["Finding"], str(modified.get("Statement", "")))


def _scan(trivy: Path, command: Sequence[str], target: str, ignore_file: Path | None, deadline: Deadline) -> tuple[Hit, ...]:
    """Run Trivy once. The ignore file is always passed, so one in the working directory has no effect."""
    ignore_options = ["--ignorefile", str(ignore_file) if ignore_file else os.devnull, "--show-suppressed"]  # it must exist
    output = run([trivy, *command, *_COMMON_OPTIONS, *ignore_options, target], deadline=deadline.at_most(_SECONDS)).stdout
    try:
        return tuple(read_hits(json.loads(output)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError(f"{trivy} did not write valid JSON", last_state=output, next_step="use the catalogue's version") from error


def _hit(target: str, finding: Mapping[str, Any], statement: str = "") -> Hit:
    package = finding.get("PkgName", "")
    installed, fixed = finding.get("InstalledVersion", ""), finding.get("FixedVersion", "")
    return Hit(
        target=target,
        line=int((finding.get("CauseMetadata") or {}).get("StartLine") or 0),
        rule=str(finding.get("ID") or finding.get("VulnerabilityID") or ""),
        alias=str(finding.get("AVDID") or ""),
        severity=Severity[str(finding.get("Severity") or "UNKNOWN")],
        title=str(finding.get("Title") or ""),
        message=str(finding.get("Message") or f"{package} {installed}"),
        resolution=str(finding.get("Resolution") or (f"upgrade {package} to {fixed}" if fixed else "")),
        url=str(finding.get("PrimaryURL") or ""),
        statement=statement,
    )


def _is_accepted_version(program: Path, deadline: Deadline) -> bool:
    try:
        output = run([program, "--version"], deadline=deadline.at_most(_VERSION_SECONDS)).stdout
    except CommandError:
        return False
    return _ACCEPTED_VERSION.search(output) is not None
