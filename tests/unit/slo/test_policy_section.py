"""The part `policy` of the SLO file's scenarios."""

from __future__ import annotations

import pytest

from kindgate.errors import SloError
from kindgate.slo.slo_file import parse_document

DOCUMENT = """
scenarios:
  policy:
    deny: ["* -> db:5432"]
    allow: ["shop -> db:5432"]
"""


def test_rules_are_read_with_their_positions() -> None:
    """A document may have nothing else."""
    allow, deny = parse_document(DOCUMENT).policy
    assert (str(allow), allow.origin) == ("allow shop -> db:5432", "slo.yaml:5:14")
    assert (str(deny), deny.origin) == ("deny * -> db:5432", "slo.yaml:4:13")


def test_rules_are_next_to_objectives_of_other_scenarios() -> None:
    """Neither reads the other's."""
    objectives = parse_document(DOCUMENT + '  rollout: {lost: ["count==0"]}\n')
    assert (len(objectives.policy), len(objectives.scenarios)) == (2, 1)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{}", "no rule found"),
        ("{deny: []}", "deny must be a list of rules"),
        ("{deny: '* -> db'}", "deny must be a list of rules"),
        ("{forbid: ['* -> db']}", "policy has no key 'forbid'"),
        ("{deny: ['db']}", "is not of the form"),
        (f"{{deny: [{', '.join(['a -> b'] * 101)}]}}", "more than 100 rules"),
    ],
)
def test_a_mistake_is_an_error(section: str, message: str) -> None:
    """Before anything is created."""
    with pytest.raises(SloError, match=message):
        parse_document(f"scenarios: {{policy: {section}}}")
