"""`kindgate scan`: scan everything that would be deployed, with Trivy."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from kindgate.cli.command_options import with_settings
from kindgate.cli.console import stopwatch_progress
from kindgate.errors import SettingsError
from kindgate.security.scan_findings import Scan, Severity
from kindgate.settings import Settings

SCAN_SECONDS = 7200.0
"""Includes compiling Trivy in a machine's first scan, which takes most of an hour if the machine is busy."""

FOUND = 1
"""Exit code for findings without an exception."""

EXCEPTIONS = Path(".trivyignore.yaml")
LOCK = Path("requirements.lock")


@with_settings("cluster", "images", "deploy", "report")
def scan(
    settings: Settings,
    overlays: Annotated[list[Path] | None, typer.Argument(help="Overlays to scan; default: --app-overlay and its sibling folders")] = None,
    fail_on: Annotated[
        str, typer.Option(help="Lowest severity that fails the scan: LOW, MEDIUM, HIGH or CRITICAL", metavar="SEVERITY")
    ] = "HIGH",
) -> None:
    """Scan manifests with Trivy, and images and requirements.lock if a vulnerability database is reachable.

    Writes scan.json and scan.sarif to the folder scan among the artifacts. Exits with 1 if a finding of --fail-on severity or
    higher has no entry in .trivyignore.yaml. Example: `kindgate scan --fail-on CRITICAL`
    """
    import importlib.metadata  # noqa: PLC0415  # keeps --help quick

    from kindgate.report.plain_text import aligned  # noqa: PLC0415  # the same
    from kindgate.security import scan_report  # noqa: PLC0415  # the same

    threshold = _severity(fail_on)
    result = _scan(settings, overlays)
    blocking = result.blocking(threshold)
    folder = settings.path(settings.report.artifacts) / "scan"
    written: Mapping[str, str] = {
        "scan.json": scan_report.as_json(result),
        "scan.sarif": scan_report.as_sarif(result, importlib.metadata.version("kindgate")),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in written.items():
        (folder / name).write_text(text)
    for line in aligned(scan_report.part_rows(result)):
        print(line)
    for line in aligned(scan_report.finding_rows(blocking)):
        print(line)
    print(f"{len(blocking)} findings of severity {threshold.name} or higher without an entry in {EXCEPTIONS}; all findings: {folder}")
    if blocking:
        sys.exit(FOUND)


def _severity(name: str) -> Severity:
    if name.upper() not in Severity.__members__:
        raise SettingsError(f"--fail-on {name}: unknown severity", next_step=f"use one of {', '.join(Severity.__members__)}")
    return Severity[name.upper()]


def _sibling_overlays(overlay: Path) -> list[Path]:
    """All overlays in the parent folder of this one, itself included."""
    from kindgate.deploy.render import KUSTOMIZATION_NAMES  # noqa: PLC0415  # keeps --help quick

    siblings = sorted(folder for folder in overlay.parent.glob("*/") if any((folder / name).is_file() for name in KUSTOMIZATION_NAMES))
    return siblings or [overlay]


def _scan(settings: Settings, requested: list[Path] | None) -> Scan:
    import datetime as dt  # noqa: PLC0415  # keeps --help quick

    from kindgate.pipeline.run_tools import find_kubectl, renderer  # noqa: PLC0415  # the same
    from kindgate.security.scan import ScanInput  # noqa: PLC0415  # the same
    from kindgate.security.scan import scan as scan_subject  # noqa: PLC0415  # the same
    from kindgate.security.trivy import find_trivy  # noqa: PLC0415  # the same
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    progress = stopwatch_progress()
    deadline = Deadline.after(SCAN_SECONDS)
    kubectl = find_kubectl(settings, deadline, progress)
    overlays = requested or _sibling_overlays(settings.deploy.overlay)
    rendered = tuple(renderer(settings, kubectl, deadline, progress).render(overlay) for overlay in overlays)
    seed = settings.path(settings.images.seed) if settings.images.seed is not None else None
    subject = ScanInput(
        root=settings.root,
        rendered=rendered,
        locks=tuple(lock for lock in (LOCK,) if settings.path(lock).is_file()),
        exceptions=settings.path(EXCEPTIONS),
        complete=not requested,
    )
    trivy = find_trivy(seed=seed, deadline=deadline, progress=progress)
    return scan_subject(subject, trivy, today=dt.datetime.now(dt.UTC).date(), deadline=deadline, progress=progress)
