"""What a test does about verdicts that are no PASS: the rule is the same for objectives and comparisons."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import pytest

from kindgate.model import Verdict
from kindgate.settings import SloSettings


class InconclusiveWarning(UserWarning):
    """An objective was neither confirmed nor refuted, and --slo-inconclusive is `warn`."""


def settle(verdict: Verdict, explanations: Iterable[str], settings: SloSettings) -> None:
    """Fail the test for FAIL and INVALID; what is undecided warns, fails or passes as --slo-inconclusive says."""
    told = "\n".join(explanations)
    if verdict in (Verdict.FAIL, Verdict.INVALID):
        pytest.fail(told, pytrace=False)
    if verdict is Verdict.INCONCLUSIVE and settings.inconclusive == "fail":
        pytest.fail(told, pytrace=False)
    if verdict is Verdict.INCONCLUSIVE and settings.inconclusive == "warn":
        # the test's own line: above it stand this function and the fixture's check()
        warnings.warn(told, InconclusiveWarning, stacklevel=3)
