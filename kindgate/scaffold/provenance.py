"""kindgate's origin: the repository and commit whose reusable workflows fit this version."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

from kindgate.errors import SettingsError

_COMMIT = re.compile(r"[0-9a-f]{40}")
_GITHUB = re.compile(r"(?:https://|ssh://git@|git@)github\.com[/:](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?$")


@dataclass(frozen=True)
class Provenance:
    """A GitHub repository and a commit in it; `known` is false for placeholders that a person must replace."""

    repository: str
    commit: str
    known: bool = True


UNKNOWN = Provenance("OWNER/kindgate", "COMMIT", known=False)


def provenance(requested: str) -> Provenance:
    """The origin from --source, from pip's record, or `UNKNOWN`. Raises `SettingsError` for an invalid --source."""
    if not requested:
        return _installed_from(_direct_url())
    repository, _, commit = requested.partition("@")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository) or not _COMMIT.fullmatch(commit):
        raise SettingsError(
            f"--source {requested}: not of the form OWNER/REPOSITORY@COMMIT",
            next_step="use the commit's 40 digits, because a tag can be moved",
        )
    return Provenance(repository, commit)


def _installed_from(record: Mapping[str, Any]) -> Provenance:
    """The repository and commit in pip's record of a direct installation (PEP 610), if it was from a GitHub repository."""
    match = _GITHUB.match(str(record.get("url", "")))
    commit = str((record.get("vcs_info") or {}).get("commit_id", ""))
    return Provenance(match["name"], commit) if match and _COMMIT.fullmatch(commit) else UNKNOWN


def _direct_url() -> Mapping[str, Any]:
    try:
        text = distribution("kindgate").read_text("direct_url.json")
    except PackageNotFoundError:
        return {}
    record: Mapping[str, Any] = json.loads(text) if text else {}
    return record
