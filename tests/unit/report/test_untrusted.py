"""A report with anything in any field is refused or harmless: reader and renderers fuzzed together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kindgate.report.decision import decide
from kindgate.report.markdown import COMMENT_LIMIT, Leg, comment, job_summary, matrix_comment
from kindgate.report.run_report import RunReport
from kindgate.slo.episode import Requests
from tests.unit.report.played import judged, played_run
from tests.unit.report.test_markdown import assert_harmless
from tests.unit.slo.episodes import restart

Path = tuple[str | int, ...]

HOSTILE = st.text(st.sampled_from("`|<>@#:/[]()!-\u202e\u200b\x00\n\\aé"), max_size=40)
NO_REQUIREMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | HOSTILE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HOSTILE, inner, max_size=3),
    max_leaves=6,
)
UNDRAWN = re.compile(r"[\x00-\x08\x0b-\x1f\u200b-\u200f\u202a-\u202e\u2060-\u2069]")


@pytest.fixture
def full(failing: RunReport) -> RunReport:
    """A failing run that also judged scenarios."""
    played = played_run(judged(restart({6: Requests(failed=3)}, error="not rolled out")), judged(restart(action="update")))
    return failing.model_copy(update={"scenarios": played.scenarios, "episodes": played.episodes})


def _string_paths(node: Any, path: Path = ()) -> Iterator[Path]:
    """Return every path in a JSON document, outermost first."""
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from _string_paths(child, (*path, key))


def _changed(document: Any, path: Path, value: Any) -> Any:
    """Return a copy with `value` at `path`."""
    if not path:
        return value
    copy = document.copy()
    copy[path[0]] = _changed(copy[path[0]], path[1:], value)
    return copy


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_a_report_with_any_value_anywhere_is_refused_or_rendered_completely(full: RunReport, data: st.DataObject) -> None:
    """With one to three unexpected values in a full report, the only possible exception is `ValidationError`."""
    document = json.loads(full.model_dump_json())
    for _ in range(data.draw(st.integers(1, 3))):
        document = _changed(document, data.draw(st.sampled_from(list(_string_paths(document)))), data.draw(NO_REQUIREMENTS))

    with suppress(ValidationError):
        report = RunReport.model_validate_json(json.dumps(document))
        for conclusion in ("", "success", "failure"):
            page = comment(report, decide(report, conclusion=conclusion))
            assert len(page.encode()) <= COMMENT_LIMIT
            assert not UNDRAWN.search(page)
            assert page.count("<details>") == page.count("</details>")
        matrix_comment([Leg("a", report, decide(report, conclusion="failure")), Leg("b", report, decide(report))], {"c": "there is none"})
        job_summary(report)


@given(HOSTILE, st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_hostile_text_in_any_field_is_refused_or_harmless(full: RunReport, text: str, data: st.DataObject) -> None:
    """Hostile text is placed in all text fields that the schema allows, at once."""
    document = json.loads(full.model_dump_json())
    texts = [path for path in _string_paths(document) if isinstance(_at(document, path), str)]
    for path in data.draw(st.lists(st.sampled_from(texts), min_size=1, max_size=10, unique=True)):
        changed = _changed(document, path, text)
        with suppress(ValidationError):
            RunReport.model_validate_json(json.dumps(changed))
            document = changed

    page = comment(RunReport.model_validate_json(json.dumps(document)))

    assert_harmless(page)
    assert all(line.endswith("|") for line in page.splitlines() if line.startswith("| "))
    assert len(re.findall(r"^`{3,}", page, re.MULTILINE)) % 2 == 0


def _at(document: Any, path: Path) -> Any:
    for key in path:
        document = document[key]
    return document
