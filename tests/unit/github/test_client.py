"""Requests to GitHub are logged; the client's results are tested with the code that uses it."""

from __future__ import annotations

import logging

import pytest

from kindgate.errors import GitHubRefused
from tests.unit.github.standin import REPOSITORY, TOKEN, StandIn


def test_requests_are_logged_with_method_path_and_status(github: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    """A rejected request has its status too. Neither the token nor a comment's text is logged."""
    with caplog.at_level(logging.DEBUG, logger="kindgate"), github.api() as api:
        api.create(17, "canary-of-a-comment")
        with pytest.raises(GitHubRefused):
            api.pull(404)

    assert [message.rpartition(" in ")[0] for message in caplog.messages] == [
        f"GET /repos/{REPOSITORY}/pulls/17: 200",
        f"POST /repos/{REPOSITORY}/issues/17/comments: 201",
        f"GET /repos/{REPOSITORY}/pulls/404: 404",
    ]
    assert TOKEN not in caplog.text
    assert "canary-of-a-comment" not in caplog.text
