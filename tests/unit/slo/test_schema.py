"""The published schema of SLO files: current, complete, and no stricter than the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from kindgate.errors import SloError
from kindgate.slo.episode_objectives import EPISODE_METRICS, SCENARIOS
from kindgate.slo.schema import schema_text
from kindgate.slo.slo_file import parse_document
from kindgate.slo.threshold import CAPACITY, METRICS
from kindgate.workload.schema import schema_text as workload_schema_text
from tests.tools.pages import DOCS, blocks

ROOT = Path(__file__).parents[3]
SCHEMA: dict[str, Any] = json.loads(schema_text())
REGISTRY: Registry[Any] = Registry().with_resource("workload.schema.json", Resource.from_contents(json.loads(workload_schema_text())))
VALIDATOR = Draft202012Validator(SCHEMA, registry=REGISTRY)
FILES = sorted(path for folder in ("tests/e2e", "k8s") for path in (ROOT / folder).rglob("slo*.yaml"))

GOOD = """
thresholds:
  http_req_duration: ["p(95)<200", "p(99)<500"]
  http_req_duration{route:shop}:
    - {threshold: "p(95)<150", abortOnFail: true, delayAbortEval: 10s}
  http_req_failed: ["rate<0.01"]
compare:
  each: route
  p(95): {max_regression: 10%}
  http_req_duration{route:checkout}: {p(95): {max_regression: 15%}, med: {max_regression: 5 %}}
  cpu_per_request: {max_regression: 5%}
  answers: {expect: same, headers: [Cache-Control], requests: 20}
bursts: {count: 25, rate: 300, duration: 2s}
scenarios:
  rollout: {"lost{action:update}": ["count==0"], error_budget: ["rate<0.5"]}
  policy: {deny: ["stranger -> *"], allow: ["shop -> shop-database:5432"]}
workload:
  routes: [{name: checkout, path: /checkout}, {name: shop, path: /}]
"""


def problems(text: str) -> list[str]:
    """The problems that the schema finds in a document."""
    return [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))]


def accepts(text: str) -> bool:
    """Whether the reader accepts a document."""
    try:
        parse_document(text)
    except SloError:
        return False
    return True


def documents() -> list[str]:
    """The SLO files of the documentation that are complete."""
    texts = [block.text for page in sorted(DOCS.glob("*.md")) for block in blocks(page) if block.language == "yaml"]
    return [text for text in texts if text.lstrip().startswith(("thresholds:", "compare:", "# tests/e2e/slo.yaml")) and accepts(text)]


def test_the_published_schema_is_current() -> None:
    """`python -m kindgate.slo.schema > docs/slo.schema.json` writes the same text."""
    assert (ROOT / "docs" / "slo.schema.json").read_text() == schema_text()
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", [GOOD, *documents(), *(path.read_text() for path in FILES)])
def test_the_schema_accepts_what_the_reader_accepts(text: str) -> None:
    """An editor must not mark what kindgate accepts."""
    assert accepts(text)
    assert problems(text) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("abortOnFail: true", "abortOnFail: yes"),
        ("abortOnFail: true", 'abortOnFail: "Off"'),
        ("delayAbortEval: 10s", "delayAbortEval: 100"),
        ("duration: 2s", "duration: 0.5"),
        ("count: 25", 'count: "25"'),
        ("answers: {expect: same, headers: [Cache-Control], requests: 20}", "answers: report"),
    ],
)
def test_the_schema_accepts_other_spellings(old: str, new: str) -> None:
    """Numbers with and without quotes or units, and short forms."""
    assert old in GOOD
    text = GOOD.replace(old, new, 1)

    assert accepts(text)
    assert problems(text) == []


@pytest.mark.parametrize("metric", METRICS)
def test_the_schema_knows_every_metric(metric: str) -> None:
    """Those of thresholds, and those that can be compared."""
    assert problems(f"thresholds: {{{metric}: ['value>1']}}") == []
    usage = metric in {"cpu_per_request", "memory"}
    compared = f"compare: {{{metric}: {'{max_regression: 5%}' if usage else '{p(95): {max_regression: 5%}}'}}}"
    assert (problems(compared) == []) is METRICS[metric].comparable
    assert METRICS[CAPACITY].comparable is False


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("metric", EPISODE_METRICS)
def test_the_schema_knows_every_metric_of_every_scenario(scenario: str, metric: str) -> None:
    """A new one has to be in both."""
    assert problems(f"scenarios: {{{scenario}: {{{metric}: ['max<1']}}}}") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("thresholds:", "treshholds:"),
        ("http_req_failed", "http_req_fialed"),
        ('["rate<0.01"]', "[]"),
        ('["rate<0.01"]', '"rate<0.01"'),
        ("abortOnFail: true", "abortOnFail: maybe"),
        ('threshold: "p(95)<150", ', ""),
        ("each: route", "each: host"),
        ("max_regression: 10%", "max_regression: 10"),
        ("max_regression: 10%", "maximum: 10%"),
        ("cpu_per_request: {max_regression: 5%}", "cpu_per_request: {p(95): {max_regression: 5%}}"),
        ("expect: same, ", ""),
        ("requests: 20", "requests: 0"),
        ("count: 25", "count: 201"),
        ("rate: 300", "rate: 0"),
        ("rollout:", "rolout:"),
        ("error_budget", "budget"),
        ("deny:", "refuse:"),
        ("stranger -> *", "stranger"),
        ("path: /checkout", "paths: /checkout"),
    ],
)
def test_the_schema_and_the_reader_reject_the_same_mistakes(old: str, new: str) -> None:
    """A mistake is marked in the editor before a run refuses it; the workload is read by its own reader."""
    assert old in GOOD
    text = GOOD.replace(old, new, 1)

    assert problems(text) != []
    assert accepts(text) is ("paths" in new)
