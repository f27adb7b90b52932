"""report.html: self-contained, safe against what stands in a report, whole without JavaScript, and small."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from kindgate.report.html import report_page
from kindgate.report.run import RunReport, TestResult

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """What a browser would find: elements, ids, references, text; unbalanced tags are an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element of SVG that closes itself."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Every end belongs to the element that is open."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect what is read."""
        self.text += data

    def values(self, name: str) -> list[str]:
        """The values of an attribute, over all elements."""
        return [value for _, attributes in self.elements if (value := attributes.get(name))]


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    """Pages made so far: drawing takes a moment."""
    return {}


@pytest.fixture
def failing_page(failing: RunReport, pages: dict[str, Page]) -> Page:
    """The page of a failing run, made once."""
    if "failing" not in pages:
        pages["failing"] = Page(report_page(failing))
    return pages["failing"]


@pytest.mark.parametrize("ending", ["inconclusive", "invalid", "setup_failed", "interrupted"])
def test_every_ending_has_a_page_that_leads_with_its_verdict(ending: str, request: pytest.FixtureRequest) -> None:
    """Also where there is nothing to draw."""
    report: RunReport = request.getfixturevalue(ending)
    page = Page(report_page(report.model_copy(update={"bursts": report.bursts[:1], "resources": ()})))
    assert report.outcome.value.replace("-", " ").upper()[:6] in page.text
    assert ("verdict " + report.outcome.value) in page.values("class")


def test_the_page_loads_nothing_from_anywhere(failing_page: Page) -> None:
    """No script, style, font or picture has an address; links lead only where the report says, or into the artifacts."""
    assert not failing_page.values("src")
    addresses = [value for tag, attributes in failing_page.elements if tag == "a" and (value := attributes["href"])]
    assert {address for address in addresses if ":" in address} == {
        "https://github.com/acme/shop/actions/runs/9001",
        "https://github.com/acme/shop/actions/runs/9001/artifacts/5",
    }
    assert not [tag for tag, _ in failing_page.elements if tag in {"link", "img", "iframe", "object", "base"}]


def test_the_policy_allows_the_pages_own_style_and_script_alone(passing: RunReport) -> None:
    """The hashes are those of what stands in the page, and no element has a style or handler of its own."""
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


def test_ids_are_unique_and_every_reference_leads_to_one(failing_page: Page) -> None:
    """Charts drawn one by one share a page."""
    ids = failing_page.values("id")
    assert [name for name, times in Counter(ids).items() if times > 1] == []
    references = [value.removeprefix("url(#").removesuffix(")") for value in failing_page.values("clip-path")]
    references += [value.removeprefix("#") for tag, attributes in failing_page.elements if tag == "use" and (value := attributes["href"])]
    references += [name for value in failing_page.values("aria-labelledby") for name in value.split()]
    assert references
    assert set(references) <= set(ids)


def test_charts_follow_the_theme_and_say_what_they_show(failing_page: Page) -> None:
    """Colours are the page's variables, and each drawing has a title and a description."""
    colours = {value for name in ("fill", "stroke") for value in failing_page.values(name)}
    assert {colour for colour in colours if not colour.startswith("var(")} <= {"none"}
    drawings = [attributes for tag, attributes in failing_page.elements if tag == "svg" and attributes.get("role") == "img"]
    assert drawings
    assert all(attributes.get("aria-labelledby") or attributes.get("aria-label") for attributes in drawings)


def test_ten_bursts_stay_below_one_and_a_half_megabytes(failing: RunReport) -> None:
    """A browser and an artifact store take the page at once; the slowest bursts are drawn, all are in the table."""
    bursts = tuple(failing.bursts[place % 3].model_copy(update={"name": f"burst {place}"}) for place in range(12))
    page = report_page(failing.model_copy(update={"bursts": bursts}))
    assert len(page.encode()) < 1.5e6
    assert page.count("Response time during") == 2 * 10
    assert "The 10 slowest bursts are drawn" in page


HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)>" onmouseover="x" {{ 7 * 7 }} </style></title>\u202e\x00'


def test_foreign_text_stays_text(failing: RunReport) -> None:
    """No element, attribute or template expression comes out of a name, and hidden characters are written out."""
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


def test_what_javascript_sorts_is_whole_without_it(failing_page: Page) -> None:
    """Every table has its head and its rows in the page itself, and numbers carry the value to sort by."""
    assert "sortable" in " ".join(failing_page.values("class"))
    assert "0.41" in failing_page.text
    assert "button" not in {tag for tag, _ in failing_page.elements}
