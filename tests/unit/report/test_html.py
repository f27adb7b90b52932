"""report.html: self-contained, small, safe against the report's contents, and complete without JavaScript."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from kindgate.model import Verdict
from kindgate.pipeline.burst_conversion import TIMELINE_POINTS
from kindgate.report.burst_records import Distribution, SendLag, Timeline
from kindgate.report.html import report_page, summary_fragment
from kindgate.report.objective_records import EarlierLooks
from kindgate.report.run_report import RunReport, TestResult
from tests.unit.report.conftest import CAPACITY

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """A page as a browser parses it: elements, IDs, references and text; unbalanced tags are an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record the element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a self-closing SVG element."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Check that the tag closes the open element."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect the text."""
        self.text += data

    def values(self, name: str) -> list[str]:
        """Return all values of an attribute."""
        return [value for _, attributes in self.elements if (value := attributes.get(name))]


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    """Cached pages, because drawing them is slow."""
    return {}


@pytest.fixture
def failing_page(failing: RunReport, pages: dict[str, Page]) -> Page:
    """The page of a failing run, rendered once."""
    if "failing" not in pages:
        pages["failing"] = Page(report_page(failing))
    return pages["failing"]


@pytest.mark.parametrize("ending", ["inconclusive", "invalid", "setup_failed", "interrupted"])
def test_the_page_of_every_outcome_starts_with_its_verdict(ending: str, request: pytest.FixtureRequest) -> None:
    """Every page starts with its verdict, even if there is nothing to draw."""
    report: RunReport = request.getfixturevalue(ending)
    page = Page(report_page(report.model_copy(update={"bursts": (), "resources": ()})))
    assert report.outcome.value.replace("-", " ").upper()[:6] in page.text
    assert ("verdict " + report.outcome.value) in page.values("class")


def test_the_page_loads_no_external_resource(failing_page: Page) -> None:
    """No script, style, font or image is loaded; links lead only to addresses in the report or into the artifacts."""
    assert not failing_page.values("src")
    addresses = [value for tag, attributes in failing_page.elements if tag == "a" and (value := attributes["href"])]
    assert {address for address in addresses if ":" in address} == {
        "https://github.com/acme/shop/actions/runs/9001",
        "https://github.com/acme/shop/actions/runs/9001/artifacts/5",
    }
    assert not [tag for tag, _ in failing_page.elements if tag in {"link", "img", "iframe", "object", "base"}]


def test_the_policy_allows_only_the_pages_own_style_and_script(passing: RunReport) -> None:
    """The hashes match the style and script in the page, and no element has inline styles or handlers."""
    page = report_page(passing.model_copy(update={"bursts": passing.bursts[:1], "resources": ()}))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    for tag in ("style", "script"):
        part = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert part
        digest = base64.b64encode(hashlib.sha256(part[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in html.unescape(policy[1])
    parsed = Page(page)
    assert not parsed.values("style")
    assert not [name for _, attributes in parsed.elements for name in attributes if name.startswith("on")]


def test_ids_are_unique_and_every_reference_resolves(failing_page: Page) -> None:
    """Charts are drawn separately but share one page."""
    ids = failing_page.values("id")
    assert [name for name, times in Counter(ids).items() if times > 1] == []
    references = [value.removeprefix("url(#").removesuffix(")") for value in failing_page.values("clip-path")]
    references += [value.removeprefix("#") for tag, attributes in failing_page.elements if tag == "use" and (value := attributes["href"])]
    references += [name for value in failing_page.values("aria-labelledby") for name in value.split()]
    assert references
    assert set(references) <= set(ids)


def test_charts_follow_the_theme_and_have_descriptions(failing_page: Page) -> None:
    """Colors come from the page's variables, and each chart has a title and a description."""
    colours = {value for name in ("fill", "stroke") for value in failing_page.values(name)}
    assert {colour for colour in colours if not colour.startswith("var(")} <= {"none"}
    drawings = [attributes for tag, attributes in failing_page.elements if tag == "svg" and attributes.get("role") == "img"]
    assert drawings
    assert all(attributes.get("aria-labelledby") or attributes.get("aria-label") for attributes in drawings)


def test_ten_bursts_stay_below_one_and_a_half_megabytes(failing: RunReport) -> None:
    """Charts have as many points as allowed; the slowest bursts are drawn, and all are in the table."""
    wave = tuple(3 + 90 * ((step * 37) % 101) / 101 for step in range(TIMELINE_POINTS))
    times = {name: tuple(factor * value for value in wave) for name, factor in (("p50", 1), ("p90", 2.1), ("p99", 4.7), ("max", 9.3))}
    timeline = Timeline(step=0.1, sent=(31,) * TIMELINE_POINTS, failed=(1,) * TIMELINE_POINTS, **times)
    distribution = Distribution(edges=tuple(1.12**bin_ for bin_ in range(91)), counts=(1234,) * 90)
    lag = SendLag(p50=4.0, p99=180.0, max=950.0, distribution=distribution)
    largest = {"timeline": timeline, "distribution": distribution, "send_lag": lag}
    bursts = tuple(failing.bursts[place % 3].model_copy(update={"name": f"burst {place}", **largest}) for place in range(12))
    page = report_page(failing.model_copy(update={"bursts": bursts}))
    assert len(page.encode()) < 1.5e6
    assert page.count("<strong>Response time during") == 10
    assert "the 10 slowest bursts" in page


HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)>" onmouseover="x" {{ 7 * 7 }} </style></title>\u202e\x00'


def test_untrusted_text_is_escaped(failing: RunReport) -> None:
    """No name produces an element, attribute or template expression, and invisible characters are escaped."""
    assert failing.cluster is not None
    first = failing.bursts[0]
    report = failing.model_copy(
        update={
            "tests": (TestResult(node_id=HOSTILE, outcome="failed", seconds=1.0, error=HOSTILE, cause=HOSTILE, details=HOSTILE),),
            "objectives": tuple(one.model_copy(update={"metric": HOSTILE, "explanation": HOSTILE}) for one in failing.objectives),
            "bursts": (first.model_copy(update={"name": HOSTILE, "test": HOSTILE}),),
            "resources": tuple(
                window.model_copy(update={"name": HOSTILE, "workloads": (window.workloads[0].model_copy(update={"workload": HOSTILE}),)})
                for window in failing.resources
            ),
            "cluster": failing.cluster.model_copy(update={"name": HOSTILE}),
            "notes": (HOSTILE,),
        }
    )
    page = report_page(report)
    parsed = Page(page)
    assert Counter(tag for tag, _ in parsed.elements)["script"] == 1
    assert not [tag for tag, _ in parsed.elements if tag == "img"]
    assert not [name for _, attributes in parsed.elements for name in attributes if name.startswith("on")]
    assert "{{ 7 * 7 }}" in parsed.text
    assert not {"\u202e", "\x00"} & set(page)
    assert r"\u202e\u0000" in parsed.text


def test_a_fragment_is_escaped_and_links_the_report(failing: RunReport) -> None:
    """It shows the verdict, cause, objectives and a link; a hostile name stays text."""
    test = TestResult(node_id=HOSTILE, outcome="failed", seconds=1.0, error=HOSTILE, cause=HOSTILE)
    fragment = summary_fragment(failing.model_copy(update={"tests": (test,)}), "../report.html")
    parsed = Page(fragment)
    assert ("a", {"href": "../report.html"}) in parsed.elements
    assert {tag for tag, _ in parsed.elements} == {"div", "h2", "p", "strong", "code", "ul", "li", "a"}
    assert "FAIL http_req_duration: p(95)<50, measured 81.3 ms" in parsed.text
    assert "<script>alert(1)" in parsed.text
    assert not {"\u202e", "\x00"} & set(fragment)


def test_scenarios_are_listed_with_the_requests_sent_meanwhile(passing: RunReport) -> None:
    """The test's effect on the cluster is shown with the failures of the bursts sent meanwhile; other tests are not scenarios."""
    scenario = TestResult(
        node_id="tests/e2e/test_rollout.py::test_rollout",
        outcome="passed",
        seconds=30.0,
        started=passing.bursts[0].started - 1,
        scenario="A rollout loses no request.",
    )
    page = Page(
        report_page(passing.model_copy(update={"tests": (*passing.tests, scenario), "resources": (), "bursts": passing.bursts[:2]}))
    )
    text = re.sub(r"\s+", " ", page.text)
    assert "Scenarios under load" in text
    assert "A rollout loses no request.passed30 1,200 0 41 " in text
    assert "Scenarios under load" not in Page(report_page(passing.model_copy(update={"bursts": (), "resources": ()}))).text


def test_evidence_files_are_linked_with_valid_urls(failing: RunReport) -> None:
    """A link to a file whose name contains a space or `#` resolves to that file."""
    bundle = failing.failures[0].model_copy(update={"files": ("failures/test_slo_all/pod a#1.txt",)})
    page = Page(report_page(failing.model_copy(update={"failures": (bundle,), "bursts": (), "resources": ()})))
    assert "failures/test_slo_all/pod%20a%231.txt" in page.values("href")


def test_sortable_tables_are_complete_without_javascript(failing_page: Page) -> None:
    """Every table has its head and rows in the page, and numbers carry their sort value."""
    assert "sortable" in " ".join(failing_page.values("class"))
    assert "0.41" in failing_page.text
    assert "button" not in {tag for tag, _ in failing_page.elements}


def test_the_comparison_shows_the_result_before_confirmation(failing: RunReport) -> None:
    """The column appears only if a confirmation round ran."""
    looks = EarlierLooks(verdict=Verdict.FAIL, change=0.3, low=0.2, high=0.4, pairs=20)
    row = failing.comparison[0].model_copy(update={"first": looks})
    undrawn = failing.model_copy(update={"bursts": (), "resources": ()})

    assert "FAIL: +30.0 % (+20.0 % to +40.0 %) in 20 pairs" in report_page(undrawn.model_copy(update={"comparison": (row,)}))
    assert "before confirmation" not in report_page(undrawn)


def test_a_capacity_has_a_section_of_its_own(passing: RunReport) -> None:
    """Sentence and table are those of the comment."""
    page = Page(report_page(passing.model_copy(update={"capacity": (CAPACITY,)})))

    assert "800 requests and journeys per second within the objectives; at 1,000/s: too slow" in page.text
    assert "replicas for 1,900/s" in page.text
    assert "Capacity" not in Page(report_page(passing)).text
