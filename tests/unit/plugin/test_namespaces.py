"""The fate of a test's namespace."""

from __future__ import annotations

import pytest

from kindgate.plugin.namespaces import Cleanup, cleanup_after
from kindgate.settings import Keep

PASSED = {"setup": "passed", "call": "passed"}
FAILED = {"setup": "passed", "call": "failed"}


@pytest.mark.parametrize(
    ("outcomes", "keep", "expected"),
    [
        (PASSED, "never", Cleanup.DELETE),
        (PASSED, "on-failure", Cleanup.DELETE),
        (PASSED, "always", Cleanup.DELETE),
        (FAILED, "never", Cleanup.DELETE),
        (FAILED, "on-failure", Cleanup.KEEP),
        (FAILED, "always", Cleanup.KEEP),
        ({"setup": "failed"}, "on-failure", Cleanup.KEEP),
        ({"setup": "passed", "call": "skipped"}, "always", Cleanup.DELETE),
        ({"setup": "passed"}, "never", Cleanup.ABANDON),
        ({}, "always", Cleanup.ABANDON),
    ],
)
def test_only_a_failed_tests_namespace_is_kept(outcomes: dict[str, str], keep: Keep, expected: Cleanup) -> None:
    """It is kept only if the cluster may be kept; an interrupted test's namespace is left until the cluster is deleted."""
    assert cleanup_after(outcomes, keep) is expected
