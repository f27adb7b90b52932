"""The part `policy` of `scenarios:` in `slo.yaml`: which connections must be possible, and which must not.

```yaml
scenarios:
  policy:
    deny: ["* -> shop-database:5432", "stranger -> *"]
    allow: ["shop -> shop-database:5432"]        # takes precedence
```
"""

from __future__ import annotations

from typing import Final

import yaml

from kindgate.slo.connections import RULES_LIMIT, ConnectionRule, Required, parse_rule
from kindgate.yaml_document import YamlDocument

POLICY: Final = "policy"

_KINDS: Final[tuple[Required, ...]] = ("allow", "deny")


def read_policy(document: YamlDocument, scenarios: yaml.Node) -> tuple[ConnectionRule, ...]:
    """The rules in the section `scenarios`; empty without the part. Raises `SloError`, pointing at the bad part."""
    for key, value in document.pairs(scenarios, "scenarios"):
        if document.source(key).text == POLICY:
            return _rules(document, value)
    return ()


def _rules(document: YamlDocument, node: yaml.Node) -> tuple[ConnectionRule, ...]:
    parts = document.mapping(node, _KINDS, POLICY)
    rules = tuple(rule for kind in _KINDS if kind in parts for rule in _of_kind(document, parts[kind], kind))
    if not rules:
        raise document.source(node).error("no rule found", 0, 1, next_step='add one, as in deny: ["stranger -> *"]')
    if len(rules) > RULES_LIMIT:
        raise document.source(node).error(f"more than {RULES_LIMIT} rules about connections", 0, 1)
    return rules


def _of_kind(document: YamlDocument, node: yaml.Node, kind: Required) -> list[ConnectionRule]:
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise document.source(node).error(f"{kind} must be a list of rules", 0, 1, next_step='use a list, as in ["stranger -> *"]')
    return [parse_rule(kind, document.scalar(item, "a rule")) for item in node.value]
