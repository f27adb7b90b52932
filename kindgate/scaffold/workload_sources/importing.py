"""Import a workload from one of the supported sources."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kindgate.scaffold.workload_sources.access_log import import_access_log
from kindgate.scaffold.workload_sources.finishing import finished
from kindgate.scaffold.workload_sources.har import import_har
from kindgate.scaffold.workload_sources.imported import Imported
from kindgate.scaffold.workload_sources.k6 import import_k6
from kindgate.scaffold.workload_sources.openapi import import_openapi
from kindgate.scaffold.workload_sources.privacy import private_reason
from kindgate.scaffold.workload_sources.selection import Selection
from kindgate.scaffold.workload_sources.source_text import is_address, read_source


class SourceKind(enum.StrEnum):
    """A kind of source, by the option that names one."""

    OPENAPI = "--from-openapi"
    HAR = "--from-har"
    K6 = "--from-k6"
    ACCESS_LOG = "--from-access-log"


@dataclass(frozen=True)
class ImportRequest:
    """A source to import: `name` is a file, or the address of an OpenAPI document."""

    kind: SourceKind
    name: str
    selection: Selection

    @property
    def command(self) -> str:
        """The command that imports it, for its result: with the file's own name, or an address without credentials and query."""
        name = Path(self.name).name
        if is_address(self.name):
            parts = urlsplit(self.name)
            name = f"{parts.scheme}://{parts.hostname}{parts.path}"
        return f"kindgate init {self.kind} {'FILE' if private_reason('', name, recorded=False) else name}"


def import_workload(request: ImportRequest) -> Imported:
    """Read the source.

    Raises `SettingsError` for one that cannot be read or has nothing to send, and `SloError`, pointing at the text, for one that
    is not of its kind.
    """
    if request.kind is SourceKind.ACCESS_LOG:
        return finished(import_access_log(Path(request.name), request.selection), request.selection)
    readers = {SourceKind.OPENAPI: import_openapi, SourceKind.HAR: import_har, SourceKind.K6: import_k6}
    source = read_source(request.name, request.kind)
    return finished(readers[request.kind](source, request.selection), request.selection)
