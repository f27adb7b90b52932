"""The candidate rules from which kindgate's was chosen."""

from __future__ import annotations

import numpy as np
import pytest

from bench.serial import KINDGATE, RULES, Case, batches, between, outcomes, table
from kindgate.model import Verdict
from kindgate.slo.intervals import Proportion
from kindgate.slo.judge import ALPHA, LOOKS

VERDICTS = {Verdict.PASS: 1, Verdict.FAIL: -1, Verdict.INCONCLUSIVE: 0}


def test_the_compared_rule_is_kindgates() -> None:
    """The table's last column matches `judge`, look by look, for few and many bad requests."""
    rng = np.random.default_rng(1)
    spread = np.cumsum(rng.normal(0, 0.15, (80, 30)), axis=1)
    bad = rng.binomial(1000, np.clip(rng.uniform(0, 0.12, (80, 1)) * np.exp(spread), 0, 0.9)).astype(np.float64)
    sizes = np.full(bad.shape, 1000.0)
    expected = []
    for run in bad.astype(int).tolist():
        looks = [Proportion.of(run[:bursts], [1000] * bursts).verdict(0.05, ALPHA / LOOKS) for bursts in (10, 20, 30)]
        expected.append(next((VERDICTS[verdict] for verdict in looks if verdict is not Verdict.INCONCLUSIVE), 0))

    assert outcomes(RULES[KINDGATE], bad, sizes, 0.05, bursts=10).tolist() == expected
    assert set(expected) == {-1, 0, 1}


def test_batches_are_sums_of_neighbors() -> None:
    """Twenty bursts in five batches of four, each treated as one burst."""
    bad = np.arange(20.0).reshape(1, 20)
    spread = batches(4)(bad, np.full((1, 20), 100.0))
    sums = between(bad.reshape(1, 5, 4).sum(axis=2), np.full((1, 5), 400.0))

    assert spread.variance == pytest.approx(sums.variance)
    assert spread.freedom == 4


def test_the_table_has_a_row_for_each_kind_of_run() -> None:
    """Shares of PASS and FAIL are in percent."""
    case = Case("clearly good", np.full((4, 75), 10.0), np.full((4, 75), 1000.0))
    *_, row = table(iter([case]))

    assert row == "| clearly good |" + " 100.0 / 0.0 |" * len(RULES)
