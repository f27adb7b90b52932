"""The fate of a test's namespace."""

from __future__ import annotations

import pytest

from kindgate.plugin.namespaces import Ending, ending
from kindgate.settings import Keep

PASSED = {"setup": "passed", "call": "passed"}
FAILED = {"setup": "passed", "call": "failed"}


@pytest.mark.parametrize(
    ("outcomes", "keep", "expected"),
    [
        (PASSED, "never", Ending.DELETE),
        (PASSED, "on-failure", Ending.DELETE),
        (PASSED, "always", Ending.DELETE),
        (FAILED, "never", Ending.DELETE),
        (FAILED, "on-failure", Ending.KEEP),
        (FAILED, "always", Ending.KEEP),
        ({"setup": "failed"}, "on-failure", Ending.KEEP),
        ({"setup": "passed", "call": "skipped"}, "always", Ending.DELETE),
        ({"setup": "passed"}, "never", Ending.ABANDON),
        ({}, "always", Ending.ABANDON),
    ],
)
def test_only_a_failed_tests_namespace_is_kept(outcomes: dict[str, str], keep: Keep, expected: Ending) -> None:
    """It is kept only if the cluster may be kept; an interrupted test's namespace is left until the cluster is deleted."""
    assert ending(outcomes, keep) is expected
