"""`kindgate.github.gate_diff`: what a pull request changes about its own gate, in real git repositories."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.errors import CommandError
from kindgate.github.context import PullRequest
from kindgate.github.gate_diff import changes_in_checkout, gate_files, threshold_changes
from kindgate.waiting import Deadline

OLD = 'thresholds:\n  http_req_duration: ["p(95)<200", "p(99)<500"]\n  http_req_failed: ["rate<0.01"]\n'
NEW = 'thresholds:\n  http_req_duration: ["p(95)<900", "p(99)<500"]\n  checks: ["rate>0.9"]\n'
IDENTITY = ["-c", "user.name=mona", "-c", "user.email=mona@example.com", "-c", "commit.gpgsign=false"]


def rows(old: str, new: str) -> list[tuple[str, str, str]]:
    """Return the changes between two objectives files, without the file name."""
    return [(change.metric, change.old, change.new) for change in threshold_changes("slo.yaml", old, new)]


def test_a_changed_rule_about_connections_is_listed() -> None:
    """All rules are one row."""
    old, new = (f"scenarios: {{policy: {{deny: ['{rule}']}}}}" for rule in ("* -> db", "stranger -> db"))
    assert rows(old, new) == [("scenarios: policy", "deny * -> db", "deny stranger -> db")]


def test_gate_files_are_distinguished_from_application_files() -> None:
    """Workflows, end-to-end tests, manifests and objectives of any suite in the repository belong to the gate."""
    application = [
        "e2e/login.spec.ts",
        "README.md",
        "src/app.py",
        "tests/unit/test_x.py",
        "docs/k8s.md",
        "slo.yaml.orig",
        "docs/tests/e2e.md",
    ]
    suite = ["e2e/judge_slo.py", "e2e/overlay/ingress.yaml", "services/a/kindgate-e2e/pytest.ini"]
    gate = [
        *suite,
        ".github/workflows/ci.yml",
        "Dockerfile",
        "checkout.slo.yml",
        "pyproject.toml",
        "services/a/Dockerfile.debug",
        "services/a/uv.lock",
        "web/e2e/conftest.py",
        "k8s/base/a.yaml",
        "services/a/k8s/b.yaml",
        "slo.yaml",
        "tests/e2e/test_slo.py",
    ]

    assert gate_files(application + gate + gate) == tuple(sorted(gate))


def test_files_that_a_run_is_configured_with_belong_to_the_gate() -> None:
    """Files named by the settings belong to the gate whatever their name; a folder counts with everything in it."""
    paths = ["deploy/test/a.yaml", "deploy/testing.yaml", "limits.yml"]

    assert gate_files(paths, ["deploy/test", "limits.yml"]) == ("deploy/test/a.yaml", "limits.yml")


def test_thousands_of_files_are_counted() -> None:
    """The report lists up to 500 files and counts the rest."""
    found = gate_files(f"k8s/{number:05}.yaml" for number in range(3000))

    assert len(found) == 500
    assert found[-1] == "and 2501 more"


def test_a_dropped_requirement_of_equal_answers_is_a_row() -> None:
    """A pull request must not loosen it unseen."""
    compare = "compare:\n  p(95): {max_regression: 10%}\n"
    assert rows(f"{compare}  answers: {{expect: same, headers: [ETag]}}\n", f"{compare}  answers: report\n") == [
        ("compare: answers", "answers: same, headers etag, 10 requests per route", "answers: report, 10 requests per route"),
    ]


def test_changed_objectives_about_scenarios_are_rows() -> None:
    """A rollout that may suddenly lose requests is a looser gate."""
    old = "scenarios: {rollout: {lost: ['count==0']}}"
    new = "scenarios: {rollout: {lost: ['count==5'], 'lost{phase:after}': ['rate<1']}}"
    assert rows(old, new) == [
        ("scenarios: rollout: lost: count", "count==0", "count==5"),
        ("scenarios: rollout: lost{phase:after}: rate", "", "rate<1"),
    ]


def test_changed_new_and_removed_objectives_are_rows() -> None:
    """Unchanged objectives are not listed."""
    assert rows(OLD, NEW) == [
        ("checks: rate", "", "rate>0.9"),
        ("http_req_duration: p(95)", "p(95)<200", "p(95)<900"),
        ("http_req_failed: rate", "rate<0.01", ""),
    ]


def test_formatting_and_comments_are_ignored() -> None:
    """Objectives are compared as values, so layout and comments do not count."""
    assert rows(OLD, "# faster!\n" + OLD.replace('"p(95)<200", "p(99)<500"', "'p(99) < 500', 'p(95) < 200'")) == []


def test_a_new_file_and_a_deleted_one_change_every_objective() -> None:
    """A missing file counts as one without objectives."""
    assert [(new, old) for _, old, new in rows("", OLD)] == [(old, new) for _, old, new in rows(OLD, "")]
    assert len(rows("", OLD)) == 3


def test_fewer_bursts_are_a_change() -> None:
    """A run with fewer bursts proves less, so it is a change."""
    assert rows(OLD + "bursts: {count: 20}\n", OLD + "bursts: {count: 1}\n") == [("bursts: count", "20", "1")]


@pytest.mark.parametrize("broken", ["thresholds: [", "[" * 5_000, "thresholds: {http_req_duration: [nonsense]}"])
def test_an_unreadable_file_is_reported(broken: str) -> None:
    """A malformed file in the pull request is reported."""
    found = rows(OLD, broken)

    assert found[-1][0] == "the whole file"
    assert found[-1][2].startswith("unreadable")


def git(folder: Path, *args: str) -> str:
    """Run git and return its output."""
    return subprocess.run(["git", *IDENTITY, *args], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> tuple[Path, PullRequest]:
    """A checkout as GitHub creates it: a branch that changes its objectives, on a base that has moved on."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / "slo.yaml").write_text(OLD)
    (tmp_path / "app.py").write_text("1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "start")
    git(tmp_path, "switch", "--quiet", "-c", "faster")
    (tmp_path / "slo.yaml").write_text(NEW)
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "a\nb.yaml").write_text("x")
    (tmp_path / "app.py").write_text("2\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "faster")
    head = git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "switch", "--quiet", "main")
    (tmp_path / "k8s").mkdir(exist_ok=True)
    (tmp_path / "k8s" / "other.yaml").write_text("by somebody else")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "base goes on")
    base = git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "merge", "--quiet", "--no-ff", "-m", "merge", head)
    return tmp_path, PullRequest(17, head, base, "acme/shop")


def test_githubs_merge_commit_is_compared_with_its_base(checkout: tuple[Path, PullRequest]) -> None:
    """Changes to the base since the branch started are not attributed to the pull request, even if the event names an older base."""
    root, pull = checkout
    start = git(root, "rev-parse", f"{pull.head_sha}^")

    found = changes_in_checkout(root, replace(pull, base_sha=start), Deadline.after(30))

    assert found.files == ("k8s/a\nb.yaml", "slo.yaml")
    assert [(row.old, row.new) for row in found.thresholds if row.metric == "http_req_duration: p(95)"] == [("p(95)<200", "p(95)<900")]


def test_a_suite_below_the_root_uses_repository_paths(tmp_path: Path) -> None:
    """Git paths are relative to the repository, settings are relative to the suite."""
    suite = tmp_path / "services" / "cart"
    (suite / "deploy").mkdir(parents=True)
    (suite / "limits.yml").write_text(OLD)
    (suite / "deploy" / "a.yaml").write_text("1")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "start")
    (suite / "limits.yml").write_text(NEW)
    (suite / "deploy" / "a.yaml").write_text("2")
    git(tmp_path, "commit", "--quiet", "--all", "-m", "faster")
    base, head = git(tmp_path, "rev-parse", "HEAD^", "HEAD").split()
    pull = PullRequest(17, head, base, "acme/shop")

    found = changes_in_checkout(suite, pull, Deadline.after(30), slo_file=Path("limits.yml"), folders=[Path("deploy"), tmp_path.parent])

    assert found.files == ("services/cart/deploy/a.yaml", "services/cart/limits.yml")
    assert ("p(95)<200", "p(95)<900") in [(row.old, row.new) for row in found.thresholds]


def test_a_depth_of_two_is_enough(checkout: tuple[Path, PullRequest], tmp_path_factory: pytest.TempPathFactory) -> None:
    """A checkout of depth 2, which is shallow, has enough history."""
    root, pull = checkout
    shallow = tmp_path_factory.mktemp("shallow")
    git(shallow, "clone", "--quiet", "--depth=2", f"file://{root}", ".")

    assert changes_in_checkout(shallow, pull, Deadline.after(30)).files == ("k8s/a\nb.yaml", "slo.yaml")


def test_a_checked_out_head_is_compared_with_the_merge_base(checkout: tuple[Path, PullRequest]) -> None:
    """A developer who checks out the branch gets the same result."""
    root, pull = checkout
    git(root, "checkout", "--quiet", pull.head_sha)

    assert changes_in_checkout(root, pull, Deadline.after(30)).files == ("k8s/a\nb.yaml", "slo.yaml")


def test_a_missing_history_is_an_error(checkout: tuple[Path, PullRequest], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Missing history is an error, because an empty list would read as "nothing changed"."""
    root, pull = checkout
    shallow = tmp_path_factory.mktemp("shallow")
    git(shallow, "clone", "--quiet", "--depth=1", f"file://{root}", ".")

    with pytest.raises(CommandError):
        changes_in_checkout(shallow, pull, Deadline.after(30))
