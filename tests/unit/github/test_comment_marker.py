"""`kindgate.github.comment_marker`: the first line of a comment."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import SettingsError
from kindgate.github.comment_marker import Marker, comment_id, digest_of, parse_marker
from kindgate.report.run_report import RunReport, SetupError
from kindgate.slo.episode import Requests
from tests.unit.github.standin import HEAD
from tests.unit.report.played import judged, played_run
from tests.unit.slo.episodes import restart

MARKER = Marker("ci", HEAD, 9001, 2, "0123456789abcdef")
LINE = f"<!-- kindgate:ci v1 head={HEAD} run=9001 attempt=2 digest=0123456789abcdef -->"


def test_the_line_contains_the_whole_marker() -> None:
    """The marker's format is public: other tools can search for it."""
    assert str(MARKER) == LINE


@given(
    st.builds(
        Marker,
        id=st.from_regex(r"[a-z0-9](?:[a-z0-9._-]{0,58}[a-z0-9])?", fullmatch=True),
        head=st.sampled_from([HEAD, "", "a" * 64]),
        run=st.integers(0, 10**15 - 1),
        attempt=st.integers(1, 1000),
        digest=st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
    ),
    st.sampled_from(["", "\n", "\r\nbody", "\nbody <!-- kindgate:x -->"]),
)
def test_a_marker_survives_a_round_trip(marker: Marker, rest: str) -> None:
    """Parsing returns the formatted marker, whatever follows the first line."""
    assert parse_marker(f"{marker}{rest}") == marker


@pytest.mark.parametrize(
    "body",
    [
        "",
        f"> {LINE}",
        f"\n{LINE}",
        f" {LINE}",
        f"{LINE} and more",
        f"look:\n{LINE}\n",
        LINE.replace("v1", "v2"),
        LINE.replace("kindgate:ci", "kindgate:CI"),
        LINE.replace("run=9001", "run=٣"),
        LINE.replace("run=9001", "run="),
        LINE.replace("9001", "9" * 16),
    ],
)
def test_only_the_whole_first_line_is_a_marker(body: str) -> None:
    """A quoted, indented, later or different line is not a marker."""
    assert parse_marker(body) is None


@given(st.text())
def test_an_arbitrary_body_does_not_crash_the_parser(body: str) -> None:
    """Any comment body is parsed without an error."""
    assert parse_marker(body) is None


def test_the_digest_ignores_times_and_figures(failing: RunReport) -> None:
    """A second run with the same verdicts has the same digest, whatever its times and test order."""
    other = failing.tests[1].model_copy(update={"node_id": "tests/e2e/test_a.py::test_a"})
    failing = failing.model_copy(update={"tests": (*failing.tests, other)})
    slower = failing.model_copy(
        update={
            "run": failing.run.model_copy(update={"seconds": 500.0, "id": "9002-1"}),
            "objectives": tuple(row.model_copy(update={"measured": 90.0}) for row in failing.objectives),
            "tests": tuple(reversed(failing.tests)),
        }
    )

    assert digest_of(slower) == digest_of(failing)


def test_the_digest_depends_on_verdicts_thresholds_and_failing_tests(passing: RunReport, failing: RunReport) -> None:
    """A different verdict, threshold or failing test changes the digest."""
    looser = failing.model_copy(update={"objectives": (failing.objectives[0].model_copy(update={"expression": "p(95)<60"}),)})
    other_test = failing.model_copy(update={"tests": (failing.tests[1].model_copy(update={"node_id": "tests/e2e/test_x.py::test_x"}),)})
    no_setup = failing.model_copy(update={"setup_error": SetupError(phase="deploy", message="no image")})

    kept, lost = (played_run(judged(restart(losses))).scenarios for losses in ({}, {6: Requests(failed=1)}))
    scenarios = [passing.model_copy(update={"scenarios": records}) for records in (kept, lost)]

    assert len({digest_of(report) for report in (passing, failing, looser, other_test, no_setup, *scenarios)}) == 7


@pytest.mark.parametrize(("workflow", "folder", "expected"), [("CI", ".", "ci"), ("Build test", ".", "build-test"), ("", ".", "kindgate")])
def test_the_default_id_is_the_workflows_name(tmp_path: Path, workflow: str, folder: str, expected: str) -> None:
    """With one suite in one workflow, the id is the workflow's name."""
    assert comment_id("", workflow, tmp_path / folder, str(tmp_path)) == expected


def test_suites_of_one_repository_have_different_ids(tmp_path: Path) -> None:
    """Names with the same slug get different ids, and every id is valid in a marker."""
    suites = [
        ("ci", "services/a"),
        ("ci", "services-a"),
        ("ci-services", "a"),
        ("ci", "services/a-b"),
        ("...", "."),
        ("x" * 200, "."),
        ("x" * 201, "."),
    ]

    found = {comment_id("", workflow, tmp_path / folder, str(tmp_path)) for workflow, folder in suites}

    assert len(found) == len(suites)
    assert all(parse_marker(str(Marker(identity, "", 1, 1, "0" * 16))) for identity in found)


def test_a_folder_outside_of_the_checkout_is_not_part_of_the_id(tmp_path: Path) -> None:
    """Only a folder inside the repository is part of the id."""
    assert comment_id("", "ci", tmp_path, str(tmp_path / "checkout")) == "ci"
    assert comment_id("", "ci", tmp_path, "") == "ci"


def test_a_requested_id_is_used_unchanged(tmp_path: Path) -> None:
    """`--github-id` takes precedence over workflow and folder."""
    assert comment_id("shop-e2e", "ci", tmp_path, str(tmp_path)) == "shop-e2e"


@pytest.mark.parametrize("requested", ["-x", "a b", "a--b", "A", "x" * 61, "a\n", "a->"])
def test_an_id_invalid_in_a_marker_is_an_error(tmp_path: Path, requested: str) -> None:
    """The error for an invalid id names the option."""
    with pytest.raises(SettingsError, match="--github-id"):
        comment_id(requested, "ci", tmp_path, "")
