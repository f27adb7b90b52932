"""The whole scan: each overlay's manifests, then images and locked dependencies if a database is available."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import CommandError
from kindgate.host.binaries import Progress
from kindgate.images.image_plan import plan_images
from kindgate.model import Rendered
from kindgate.security.manifest_files import write_layout
from kindgate.security.scan_findings import Finding, Location, Part, Scan
from kindgate.security.trivy import Hit, fetch_database, scan_image, scan_manifests, scan_requirements
from kindgate.security.trivyignore import read_exceptions, refuse_unused
from kindgate.waiting import Deadline

_DATABASE_SECONDS = 180.0


@dataclass(frozen=True)
class Subject:
    """The input of a scan. Source files in `rendered` and `locks` are relative to `root`; `exceptions` need not exist.

    `whole` is true if `rendered` is complete, so every exception must match something in it.
    """

    root: Path
    rendered: tuple[Rendered, ...]
    locks: tuple[Path, ...]
    exceptions: Path
    whole: bool = True


def scan(subject: Subject, trivy: Path, *, today: dt.date, deadline: Deadline, progress: Progress) -> Scan:
    """Everything that Trivy finds, with the reason for findings accepted in `.trivyignore.yaml`.

    Raises `SettingsError` if an entry there has no reason, has expired or matches nothing (checked only for entries
    about what was scanned: files of these overlays, and vulnerabilities if there is a database), and `CommandError` or
    `ToolError` if Trivy fails.
    """
    entries = read_exceptions(subject.exceptions, today)
    ignored = subject.exceptions if subject.exceptions.exists() else None
    parts = [_manifests(rendered, subject.root, trivy, ignored, deadline) for rendered in subject.rendered]
    missing = fetch_database(trivy, deadline.at_most(_DATABASE_SECONDS))
    if missing:
        progress(missing)
        parts += [Part(name, unscanned=missing) for name in (*_images(subject.rendered), *map(str, subject.locks))]
    else:
        parts += _vulnerabilities(subject, trivy, ignored, deadline)
    result = Scan(tuple(parts))
    scanned = {file for rendered in subject.rendered for file in rendered.origins.values()}
    held = [entry for entry in entries.misconfigurations if subject.whole or scanned.intersection(entry.paths)]
    held += entries.vulnerabilities if subject.whole and not missing else ()
    refuse_unused(subject.exceptions, held, result.findings)
    return result


def _manifests(rendered: Rendered, root: Path, trivy: Path, ignored: Path | None, deadline: Deadline) -> Part:
    with tempfile.TemporaryDirectory(prefix="kindgate-scan-") as folder:
        layout = write_layout(rendered, Path(folder))
        hits = scan_manifests(trivy, Path(folder), ignored=ignored, deadline=deadline)
    return Part(str(rendered.overlay), tuple(_finding(hit, layout.locate(hit.target, hit.line, root)) for hit in hits))


def _vulnerabilities(subject: Subject, trivy: Path, ignored: Path | None, deadline: Deadline) -> Iterator[Part]:
    for image, file in _images(subject.rendered).items():
        try:
            hits = scan_image(trivy, image, ignored=ignored, deadline=deadline)
        except CommandError as error:
            yield Part(image, unscanned=error.message)
        else:
            yield Part(image, _at(hits, Location(file, object=image)))
    for lock in subject.locks:
        with tempfile.TemporaryDirectory(prefix="kindgate-scan-") as folder:
            # Trivy recognizes a pip lock file only by this name
            shutil.copy(subject.root / lock, Path(folder) / "requirements.txt")
            hits = scan_requirements(trivy, Path(folder), ignored=ignored, deadline=deadline)
        yield Part(str(lock), _at(hits, Location(str(lock))))


def _images(rendered: Sequence[Rendered]) -> dict[str, str]:
    """Each image in the manifests, and the first file that uses it."""
    plan = plan_images(rendered)
    return {str(wanted.reference): wanted.uses[0].file for wanted in plan.wanted}


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
