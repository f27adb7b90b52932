"""The key `answers` of `compare:` in `slo.yaml`: whether the answers of both versions must be equal.

```yaml
compare:
  p(95): {max_regression: 10%}
  answers: same                                  # or report
```

Its long form is `answers: {expect: same, headers: [Cache-Control], requests: 20}`.
"""

from __future__ import annotations

import re
from typing import Final

import yaml

from kindgate.slo.objectives import AnswersObjective
from kindgate.source_location import Source
from kindgate.yaml_document import YamlDocument

ANSWERS: Final = "answers"

REQUESTS_LIMIT: Final = 100
"""Maximum requests per route: they are sent one after the other, three times each."""

HEADERS_LIMIT: Final = 20

_MODES: Final = {"same": True, "report": False}


def read_answers(document: YamlDocument, compare: yaml.Node) -> AnswersObjective | None:
    """The objective in the section `compare`; None if it has none.

    Raises `SloError`, pointing at the bad part.
    """
    for key, value in document.pairs(compare, "compare"):
        if document.source(key).text == ANSWERS:
            return _objective(document, value, document.source(key).position)
    return None


def _objective(document: YamlDocument, node: yaml.Node, origin: str) -> AnswersObjective:
    if isinstance(node, yaml.ScalarNode):
        return AnswersObjective(same=_mode(document.source(node)), origin=origin)
    parts = document.mapping(node, ("expect", "headers", "requests"), ANSWERS)
    if "expect" not in parts:
        raise document.source(node).error("expect is missing", 0, 1, next_step="write expect: same, or expect: report")
    return AnswersObjective(
        same=_mode(document.scalar(parts["expect"], "same or report")),
        headers=_headers(document, parts["headers"]) if "headers" in parts else (),
        requests=_requests(document.scalar(parts["requests"], "a number")) if "requests" in parts else AnswersObjective.requests,
        origin=origin,
    )


def _mode(source: Source) -> bool:
    if source.text not in _MODES:
        raise source.error(f"{source.text!r} is neither same nor report", next_step="write answers: same, or answers: report")
    return _MODES[source.text]


def _headers(document: YamlDocument, node: yaml.Node) -> tuple[str, ...]:
    """Names in lowercase, sorted; a name is a token (RFC 9110, section 5.1)."""
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise document.source(node).error("headers must be a list of names", 0, 1, next_step="use a list, as in [Cache-Control]")
    if len(node.value) > HEADERS_LIMIT:
        raise document.source(node).error(f"more than {HEADERS_LIMIT} headers", 0, 1)
    names = [document.scalar(item, "a header") for item in node.value]
    for name in names:
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", name.text):
            raise name.error(f"{name.text!r} is not the name of a header")
    return tuple(sorted({name.text.lower() for name in names}))


def _requests(source: Source) -> int:
    if not re.fullmatch("[0-9]{1,3}", source.text) or not 1 <= int(source.text) <= REQUESTS_LIMIT:
        raise source.error(f"the number of requests must be an integer from 1 to {REQUESTS_LIMIT}")
    return int(source.text)
