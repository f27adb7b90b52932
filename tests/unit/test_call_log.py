"""Records of calls: outcome, duration, and no work if nobody listens."""

from __future__ import annotations

import logging
import re
from contextlib import suppress

import pytest

from kindgate.call_log import logged_call

LOGGER = logging.getLogger("kindgate.test")


class Expensive:
    """Counts how often it is formatted."""

    def __init__(self) -> None:
        self.formatted = 0

    def __str__(self) -> str:
        """A text that takes long to make."""
        self.formatted += 1
        return "call"


def test_a_call_is_logged_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    """The record has the outcome that the block sets, and points to the block's function."""
    with caplog.at_level(logging.DEBUG, logger="kindgate"), logged_call(LOGGER, "GET /version") as call:
        assert caplog.messages == []
        call.outcome = 200

    (record,) = caplog.records
    assert re.fullmatch(r"GET /version: 200 in \d+\.\d{3} s", record.getMessage())
    assert record.funcName == "test_a_call_is_logged_when_it_ends"


def test_a_failed_call_is_logged_by_the_errors_class(caplog: pytest.LogCaptureFixture) -> None:
    """The error itself is unchanged."""
    with caplog.at_level(logging.DEBUG, logger="kindgate"), pytest.raises(KeyError), logged_call(LOGGER, "call"):
        raise KeyError("x")

    assert caplog.messages[0].startswith("call: KeyError in ")


def test_nothing_is_formatted_without_a_listener(caplog: pytest.LogCaptureFixture) -> None:
    """Calls cost next to nothing in runs that do not show DEBUG records."""
    subject = Expensive()
    with caplog.at_level(logging.INFO, logger="kindgate"), logged_call(LOGGER, subject):
        pass

    assert subject.formatted == 0


def test_an_error_after_the_outcome_is_added_to_it(caplog: pytest.LogCaptureFixture) -> None:
    """A response that arrives but is rejected or cut off has both."""
    with caplog.at_level(logging.DEBUG, logger="kindgate"), suppress(OSError), logged_call(LOGGER, "GET /") as call:
        call.outcome = 200
        raise OSError("cut off")

    assert caplog.messages[0].startswith("GET /: 200, then OSError in ")
