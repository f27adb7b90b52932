"""Import a source in a test, and everything that an import writes or shows, as one text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kindgate.scaffold.workload_files import WORKLOAD_FILE, dropped_lines, plan_workload, summary_of
from kindgate.scaffold.workload_sources.finishing import active_workload
from kindgate.scaffold.workload_sources.imported import Imported
from kindgate.scaffold.workload_sources.importing import ImportRequest, SourceKind, import_workload
from kindgate.scaffold.workload_sources.selection import Selection
from kindgate.workload.model import Workload

SAFE = Selection()
UNSAFE = Selection(unsafe=True)


def imported(kind: SourceKind, path: Path, selection: Selection = SAFE) -> Imported:
    """The import of a file."""
    return import_workload(ImportRequest(kind, str(path), selection))


def imported_text(folder: Path, kind: SourceKind, text: str, selection: Selection = SAFE, name: str = "source") -> Imported:
    """The import of a text, written into `folder`."""
    path = folder / name
    path.write_text(text)
    return imported(kind, path, selection)


def sent(result: Imported) -> Workload:
    """The part of an import that is sent."""
    return active_workload(result)


def everything(folder: Path, kind: SourceKind, text: str) -> str:
    """Every text that `kindgate init` writes or prints for a source, with unsafe requests active."""
    result = imported_text(folder, kind, text, UNSAFE)
    request = ImportRequest(kind, str(folder / "source"), UNSAFE)
    plan = plan_workload(folder / "suite", result, request)
    assert [one.path.name for one in plan.changes].count(WORKLOAD_FILE) == 1
    files = [f"{one.path}\n{one.after}" for one in plan.changes]
    return "\n".join([*files, *plan.lines, summary_of(result), *dropped_lines(result.dropped), *result.notes])


def openapi(paths: Mapping[str, Any], **more: Any) -> str:
    """An OpenAPI 3.1 document."""
    return json.dumps({"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"}, "paths": paths, **more})


def har(*entries: Mapping[str, Any]) -> str:
    """A HAR file."""
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "test", "version": "1"}, "entries": list(entries)}})


def entry(url: str, method: str = "GET", *, second: float = 0.0, status: int = 200, page: str = "page_1", **more: Any) -> dict[str, Any]:
    """A request of a HAR file, sent `second` seconds after the first; `more` are `headers`, `body`, `media_type`, `answer`, `resource`."""
    body = {"mimeType": more.get("media_type", "application/json"), "text": more["body"]} if "body" in more else None
    answer = more.get("answer")
    content = {"mimeType": "application/json", "text": json.dumps(answer)} if answer is not None else {"mimeType": "text/html"}
    return {
        "pageref": page,
        "startedDateTime": f"2026-01-31T12:00:{second:06.3f}Z",
        "time": 10,
        "request": {
            "method": method,
            "url": url,
            "headers": [{"name": name, "value": value} for name, value in more.get("headers", {}).items()],
            **({"postData": body} if body else {}),
        },
        "response": {"status": status, "content": content},
        "_resourceType": more.get("resource", "fetch"),
    }


def log_line(
    target: str, method: str = "GET", *, client: str = "203.0.113.1", status: int = 200, second: int = 0, agent: str = "Firefox"
) -> str:
    """A line in the combined format, `second` seconds after noon."""
    time = f"31/Jan/2026:12:{second // 60:02d}:{second % 60:02d} +0000"
    return f'{client} - - [{time}] "{method} {target} HTTP/1.1" {status} 12 "-" "{agent}"\n'
