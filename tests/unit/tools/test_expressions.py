"""The evaluator follows GitHub's documentation and refuses anything unknown."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tools.expressions import Contexts, condition, evaluate, interpolate

GITHUB = Contexts({"github": {"event_name": "push", "event": {"pull_request": None}, "run_attempt": 2}, "inputs": {"run-id": ""}})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'it''s'", "it's"),
        ("true && 'a' || 'b'", "a"),
        ("false && 'a' || 'b'", "b"),
        ("'' || 'b'", "b"),
        ("github.event_name == 'PUSH'", True),
        ("github.event_name != 'push' && 'x' || ''", ""),
        ("github.event.pull_request.number || 'none'", "none"),
        ("github['event_name']", "push"),
        ("inputs.run-id == ''", True),
        ("!(true && false) && !false", True),
        ("1 == '1'", True),
        ("null == ''", True),
        ("null == 0", True),
        ("true == 1", True),
        ("'a' == 0", False),
        ("contains('Hello', 'ell')", True),
        ("contains(fromJSON('[\"a\", \"b\"]'), 'B')", True),
        ("contains(fromJSON('[\"ab\"]'), 'a')", False),
        ("startsWith('refs/tags/v1', 'refs/tags')", True),
        ("fromJSON('{}') && 'objects are true'", "objects are true"),
    ],
)
def test_values_are_githubs(expression: str, value: Any) -> None:
    """Operators return an operand, strings compare case-insensitively, and other types compare as numbers."""
    assert evaluate(f"${{{{ {expression} }}}}", GITHUB) == value


@pytest.mark.parametrize("expression", ["unknown.x", "unknown('a')", "'a' ~ 'b'", "github.event_name ==", "(true", "true true", ""])
def test_what_is_not_known_is_an_error(expression: str) -> None:
    """A partial answer would be worse than none."""
    with pytest.raises((ValueError, KeyError)):
        evaluate(expression, GITHUB)


@pytest.mark.parametrize(
    ("expression", "fine", "failed", "cancelled"),
    [
        (None, True, False, False),
        ("${{ github.event_name == 'push' }}", True, False, False),
        ("${{ always() }}", True, True, True),
        ("${{ !cancelled() }}", True, True, False),
        ("${{ failure() }}", False, True, False),
    ],
)
def test_success_is_asked_unless_the_condition_asks_itself(expression: str | None, *, fine: bool, failed: bool, cancelled: bool) -> None:
    """A step without a condition, or with one that has no status function, runs only after success."""
    went = [Contexts(GITHUB.values), Contexts(GITHUB.values, failed=True), Contexts(GITHUB.values, cancelled=True)]

    assert [condition(expression, contexts) for contexts in went] == [fine, failed, cancelled]


def test_a_text_gets_its_values() -> None:
    """All expressions are replaced, including their braces."""
    assert interpolate("a-${{ github.event_name }}-${{ github.run_attempt }}-${{ inputs.run-id }}", GITHUB) == "a-push-2-"
