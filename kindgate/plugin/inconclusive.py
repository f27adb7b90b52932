"""Effects of verdicts other than PASS on a test; the rule is the same for objectives and comparisons."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import pytest

from kindgate.model import Verdict
from kindgate.settings import SloSettings


class InconclusiveWarning(UserWarning):
    """An objective was neither confirmed nor refuted, and --slo-inconclusive is `warn`."""


def apply_policy(verdict: Verdict, explanations: Iterable[str], settings: SloSettings) -> None:
    """Apply the verdict to the test: fail it, warn, or do nothing."""
    from kindgate.report.decision import Effect, effect_of  # noqa: PLC0415  # pytest imports this module in every run, for its warning

    message = "\n".join(explanations)
    effect = effect_of(verdict, settings.inconclusive)
    if effect is Effect.FAIL:
        pytest.fail(message, pytrace=False)
    if effect is Effect.WARN:
        # points at the test's own line, above this function and the fixture's check()
        warnings.warn(message, InconclusiveWarning, stacklevel=3)
