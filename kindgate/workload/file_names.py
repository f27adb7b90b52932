"""The files that a workload reads, by the names in its document: they decide what is judged, as the document does."""

from __future__ import annotations

import ast
import re
import sys
from typing import Final

from kindgate.workload.model import FileBody, FileRows, Workload
from kindgate.workload.names import written_requests

_JAVASCRIPT_FILE: Final = re.compile(r"""(?:\bfrom|\bimport|\bopen|\brequire)\s*\(?\s*["'](\.{1,2}/[^"'\s]+)["']""")
"""A file that a k6 script imports, or opens."""


def files_of(workload: Workload) -> tuple[str, ...]:
    """The names of rows, bodies, schemas and programs, sorted, relative to the document's folder."""
    rows = {source.file for source in workload.data if isinstance(source, FileRows)}
    requests = [request for request, _ in written_requests(workload)]
    bodies = {request.body.file for request in requests if isinstance(request.body, FileBody)}
    schemas = {request.expect.schema for request in requests if isinstance(request.expect.schema, str)}
    programs = {program.file for program in (workload.locust, workload.k6) if program is not None}
    return tuple(sorted(rows | bodies | schemas | programs))


def imported_files(name: str, text: str) -> tuple[str, ...]:
    """The files that a program with this name and text may import, sorted, relative to its folder; not all of them need exist.

    A text that is no program imports nothing.
    """
    if not name.endswith(".py"):
        return tuple(sorted(set(_JAVASCRIPT_FILE.findall(text))))
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return ()
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    first = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names
    return tuple(sorted([*(f"{module}.py" for module in first), *first]))
