"""The folder of evidence about one failure: limited in size, redacted before writing, and explicit about what is missing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from kindgate.deploy.diagnosis.cause import Cause
from kindgate.errors import KindgateError
from kindgate.redaction.redactor import Redactor

MAX_FILE_BYTES = 512 * 1024
MAX_BUNDLE_BYTES = 8 * 1024 * 1024
MAX_FILES = 150

SUMMARY = "bundle.json"

_READABLE_LENGTH = 100
_DIGEST_LENGTH = 10
_SAFE_NAME = re.compile(rf"(?!.*-[0-9a-f]{{{_DIGEST_LENGTH}}}$)[a-z0-9_](?:[a-z0-9._-]{{0,98}}[a-z0-9_])?")
"""Valid on every file system, lowercase because some ignore case, and without a trailing digest."""


@dataclass(frozen=True)
class Bundle:
    """A collected bundle: file names relative to `folder`, the known causes, and the reason for each missing piece."""

    folder: Path
    files: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def cause(self) -> str:
        """The most likely cause on one line; empty if none is known."""
        return self.causes[0].finding if self.causes else ""


def bundle_folder(artifacts: Path, name: str) -> Path:
    """Return the bundle folder of a test or phase: `failures/NAME`, unique to each name.

    A name that is unsafe, too long or ambiguous on some file system gets its digest as a suffix.
    """
    if _SAFE_NAME.fullmatch(name):
        return artifacts / "failures" / name
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", name.replace("::", "--")).strip("-.")
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    return artifacts / "failures" / f"{readable[-_READABLE_LENGTH:].strip('-.') or 'failure'}-{digest}"


class BundleWriter:
    """Writes a bundle's files. Everything passes through the redactor before it reaches the disk."""

    def __init__(self, folder: Path, redactor: Redactor) -> None:
        self.folder = folder
        self.redactor = redactor
        self.missing: dict[str, str] = {}
        self._files: list[str] = []
        self._bytes = 0

    @contextmanager
    def piece(self, name: str) -> Iterator[None]:
        """Collect one piece of evidence: any error is recorded under its name, and collection continues."""
        try:
            yield
        except KindgateError as error:
            self.missing[name] = str(error)
        except Exception as error:  # noqa: BLE001 - one piece that cannot be had must not lose the others
            self.missing[name] = f"{type(error).__name__}: {error}"

    def write(self, name: str, text: str) -> None:
        """Write a file, cut in the middle to `MAX_FILE_BYTES`; if the bundle is full, record it as missing."""
        data = _cut(self.redactor.text(text).encode(errors="replace"))
        if self._bytes + len(data) > MAX_BUNDLE_BYTES or len(self._files) >= MAX_FILES:
            self.missing[name] = "the bundle is full"
            return
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self._files.append(name)
        self._bytes += len(data)

    def finish(self, causes: tuple[Cause, ...]) -> Bundle:
        """Write the summary and return the bundle."""
        clean = tuple(
            replace(cause, message=self.redactor.text(cause.message), reported=self.redactor.text(cause.reported)) for cause in causes
        )
        cause_records = [{"kind": cause.kind.value, "object": str(cause.object), "proof": cause.proof} for cause in clean]
        missing = {name: self.redactor.text(reason) for name, reason in self.missing.items()}
        summary = {"causes": cause_records, "files": self._files, "missing": missing}
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / SUMMARY).write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
        return Bundle(self.folder, (SUMMARY, *self._files), clean, missing)


def _cut(data: bytes) -> bytes:
    """Cut the middle out of long data: a third of what is kept is the beginning, two thirds are the end."""
    if len(data) <= MAX_FILE_BYTES:
        return data
    note = f"\n[... {len(data) - MAX_FILE_BYTES} bytes cut ...]\n".encode()
    kept = MAX_FILE_BYTES - len(note)
    return data[: kept // 3] + note + data[len(data) - (kept - kept // 3) :]
