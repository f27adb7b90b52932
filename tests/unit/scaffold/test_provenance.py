"""Workflows refer to a known repository and commit, or the error states that none is known."""

from __future__ import annotations

import pytest

from kindgate.errors import SettingsError
from kindgate.scaffold.provenance import UNKNOWN, Provenance, _installed_from, provenance

COMMIT = "0123456789" * 4


def test_a_requested_source_is_used() -> None:
    """An explicit repository with a full commit is used."""
    assert provenance(f"acme/kindgate@{COMMIT}") == Provenance("acme/kindgate", COMMIT)


@pytest.mark.parametrize("requested", ["acme/kindgate", "acme/kindgate@v1", f"kindgate@{COMMIT}", f"a/b/c@{COMMIT}"])
def test_a_movable_reference_is_refused(requested: str) -> None:
    """A tag or a missing version is an error, because a tag can be moved."""
    with pytest.raises(SettingsError, match="--source"):
        provenance(requested)


@pytest.mark.parametrize(
    "url", ["https://github.com/acme/kindgate.git", "https://github.com/acme/kindgate", "ssh://git@github.com/acme/kindgate.git"]
)
def test_pips_record_gives_repository_and_commit(url: str) -> None:
    """The source comes from PEP 610's record of `pip install git+https://...@v1`."""
    assert _installed_from({"url": url, "vcs_info": {"vcs": "git", "commit_id": COMMIT}}) == Provenance("acme/kindgate", COMMIT)


@pytest.mark.parametrize(
    "record", [{}, {"url": "file:///wheel.whl", "archive_info": {}}, {"url": "https://example.org/x", "vcs_info": {"commit_id": COMMIT}}]
)
def test_an_unknown_origin_gives_placeholders(record: dict[str, object]) -> None:
    """A wheel has no record of its repository, so none is invented."""
    assert _installed_from(record) == UNKNOWN
