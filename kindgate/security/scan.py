"""The security scan: each overlay's manifests, then images and locked dependencies if a database is available."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import CommandError
from kindgate.images.image_plan import plan_images
from kindgate.model import Rendered
from kindgate.progress import Progress
from kindgate.security.manifest_files import write_manifests
from kindgate.security.scan_findings import Finding, Location, Part, Scan
from kindgate.security.trivy import Hit, fetch_database, scan_image, scan_manifests, scan_requirements
from kindgate.security.trivyignore import read_accepted_findings, refuse_unused
from kindgate.waiting import Deadline

_DATABASE_SECONDS = 180.0


@dataclass(frozen=True)
class ScanInput:
    """The input of a scan. Source files in `rendered` and `locks` are relative to `root`; `exceptions` need not exist.

    `complete` means that `rendered` covers all manifests, so every exception must match something in it.
    """

    root: Path
    rendered: tuple[Rendered, ...]
    locks: tuple[Path, ...]
    exceptions: Path
    complete: bool = True


def scan(scan_input: ScanInput, trivy: Path, *, today: dt.date, deadline: Deadline, progress: Progress) -> Scan:
    """Everything that Trivy finds, with the reason for findings accepted in `.trivyignore.yaml`.

    Raises `SettingsError` if an entry there has no reason, has expired or matches nothing (checked only for entries
    about what was scanned: files of these overlays, and vulnerabilities if there is a database), and `CommandError` or
    `ToolError` if Trivy fails.
    """
    entries = read_accepted_findings(scan_input.exceptions, today)
    ignore_file = scan_input.exceptions if scan_input.exceptions.exists() else None
    parts = [_manifests(rendered, scan_input.root, trivy, ignore_file, deadline) for rendered in scan_input.rendered]
    no_database = fetch_database(trivy, deadline.at_most(_DATABASE_SECONDS))
    if no_database:
        progress(no_database)
        parts += [Part(name, unscanned=no_database) for name in (*_images(scan_input.rendered), *map(str, scan_input.locks))]
    else:
        parts += _vulnerabilities(scan_input, trivy, ignore_file, deadline)
    result = Scan(tuple(parts))
    scanned = {file for rendered in scan_input.rendered for file in rendered.origins.values()}
    checked_entries = [entry for entry in entries.misconfigurations if scan_input.complete or scanned.intersection(entry.paths)]
    checked_entries += entries.vulnerabilities if scan_input.complete and not no_database else ()
    refuse_unused(scan_input.exceptions, checked_entries, result.findings)
    return result


def _manifests(rendered: Rendered, root: Path, trivy: Path, ignore_file: Path | None, deadline: Deadline) -> Part:
    with tempfile.TemporaryDirectory(prefix="kindgate-scan-") as folder:
        written = write_manifests(rendered, Path(folder))
        hits = scan_manifests(trivy, Path(folder), ignore_file=ignore_file, deadline=deadline)
    return Part(str(rendered.overlay), tuple(_finding(hit, written.locate(hit.target, hit.line, root)) for hit in hits))


def _vulnerabilities(scan_input: ScanInput, trivy: Path, ignore_file: Path | None, deadline: Deadline) -> Iterator[Part]:
    for image, file in _images(scan_input.rendered).items():
        try:
            hits = scan_image(trivy, image, ignore_file=ignore_file, deadline=deadline)
        except CommandError as error:
            yield Part(image, unscanned=error.message)
        else:
            yield Part(image, _at(hits, Location(file, object=image)))
    for lock in scan_input.locks:
        with tempfile.TemporaryDirectory(prefix="kindgate-scan-") as folder:
            # Trivy recognizes a pip lock file only by this name
            shutil.copy(scan_input.root / lock, Path(folder) / "requirements.txt")
            hits = scan_requirements(trivy, Path(folder), ignore_file=ignore_file, deadline=deadline)
        yield Part(str(lock), _at(hits, Location(str(lock))))


def _images(rendered: Sequence[Rendered]) -> dict[str, str]:
    """Each image in the manifests, and the first file that uses it."""
    plan = plan_images(rendered)
    return {str(image.reference): image.uses[0].file for image in plan.wanted}


def _at(hits: Iterable[Hit], location: Location) -> tuple[Finding, ...]:
    return tuple(_finding(hit, location) for hit in hits)


def _finding(hit: Hit, location: Location) -> Finding:
    return Finding(
        rule=hit.rule,
        alias=hit.alias,
        severity=hit.severity,
        title=hit.title,
        message=hit.message,
        resolution=hit.resolution,
        url=hit.url,
        location=location,
        accepted=hit.statement,
    )
