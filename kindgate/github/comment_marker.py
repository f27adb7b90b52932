"""The first line of a kindgate comment: its suite, the run that wrote it, and a digest of its content.

    <!-- kindgate:ID v1 head=SHA run=N attempt=M digest=D -->

A marker counts only as the whole first line, so a quoted one does not.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import SettingsError
from kindgate.report.policy_records import policy_rows
from kindgate.report.run_report import RunReport

ID_LIMIT = 60

_ID = r"[a-z0-9](?:[a-z0-9._-]{0,58}[a-z0-9])?"
_MARKER = re.compile(
    rf"<!-- kindgate:(?P<id>{_ID}) v1 head=(?P<head>[0-9a-f]{{40,64}})?"
    r" run=(?P<run>[0-9]{1,15}) attempt=(?P<attempt>[0-9]{1,15}) digest=(?P<digest>[0-9a-f]{16}) -->",
    re.ASCII,
)


@dataclass(frozen=True)
class Marker:
    """The content of the first line. Markers of one `id` are ordered by run and attempt: GitHub increments both."""

    id: str
    head: str
    run: int
    attempt: int
    digest: str

    def __str__(self) -> str:
        """The line itself, without a newline."""
        return f"<!-- kindgate:{self.id} v1 head={self.head} run={self.run} attempt={self.attempt} digest={self.digest} -->"

    @property
    def age(self) -> tuple[int, int]:
        """Increases with every run and attempt."""
        return (self.run, self.attempt)


def parse_marker(body: str) -> Marker | None:
    """Parse the marker of a comment's body; `None` if its first line is anything else."""
    first = body.split("\n", 1)[0].removesuffix("\r")
    match = _MARKER.fullmatch(first)
    if match is None:
        return None
    return Marker(match["id"], match["head"] or "", int(match["run"]), int(match["attempt"]), match["digest"])


def digest_of(report: RunReport) -> str:
    """16 hex digits over outcome, verdicts, thresholds and failing tests: the news for a reviewer, without times."""
    content = {
        "outcome": report.outcome,
        "setup": report.setup_error.message if report.setup_error else "",
        "objectives": sorted([row.test, row.metric, row.expression, row.verdict] for row in report.objectives),
        "comparison": sorted([row.metric, row.verdict] for row in report.comparison),
        "answers": sorted([row.route, row.verdict or "", *map(str, row.changes)] for row in report.answers if row.changes or row.verdict),
        "scenarios": sorted([row.test, record.name, str(row), row.verdict] for record in report.scenarios for row in record.objectives),
        "policy": sorted([row.test, row.explanation, row.verdict] for row in policy_rows(report.policy)),
        "gate": [
            *report.gate_changes.files,
            *((row.file, row.metric, row.old, row.new) for row in report.gate_changes.thresholds),
            *report.gate_changes.no_longer,
            *report.gate_changes.notes,
            report.gate_changes.approved_by,
            report.gate_changes.not_approved,
        ],
        "failing": sorted(test.node_id for test in report.tests if test.outcome in {"failed", "error"}),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def comment_id(requested: str, workflow: str, root: Path, workspace: str) -> str:
    """The id that distinguishes this suite's comment: `requested`, or a slug of the workflow and of the root folder in the checkout.

    If a slug cannot hold the whole name, it ends with a digest of the name, so two suites do not share an id. Raises
    `SettingsError` if `requested` is not valid in a marker.
    """
    if requested:
        if not re.fullmatch(_ID, requested) or "--" in requested:
            rule = f"use lowercase letters, digits, dots, underscores and single dashes, at most {ID_LIMIT} characters"
            raise SettingsError(f"--github-id {requested!r}: {rule}")
        return requested
    name = "/".join(part for part in (workflow, _root_in_checkout(root, workspace)) if part) or "kindgate"
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if slug == name.lower().replace(" ", "-") and len(slug) <= ID_LIMIT:
        return slug
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return "-".join(part for part in (slug[: ID_LIMIT - 7].rstrip("-"), digest) if part)


def _root_in_checkout(root: Path, workspace: str) -> str:
    """The root folder relative to the checkout; empty for the checkout itself or a folder outside of it."""
    if not workspace:
        return ""
    try:
        relative = root.resolve().relative_to(Path(workspace).resolve()).as_posix()
    except ValueError:
        return ""
    return "" if relative == "." else relative
