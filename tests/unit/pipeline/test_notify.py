"""Publishing a run's results."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from kindgate.pipeline.notify import notify, read_origin
from kindgate.report.run_report import Outcome, Run, RunReport, TestResult
from kindgate.settings import GitHubSettings, Settings, SloSettings

EVENT = Path(__file__).parent.parent / "github/events/pull_request_same_repository.json"
PULL_REQUEST = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_EVENT_PATH": str(EVENT),
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_RUN_ID": "9001",
}
FAILED = RunReport(
    run=Run(id="r", started=0.0, seconds=1.0, command="pytest -m e2e"),
    outcome=Outcome.FAILED,
    exit_code=1,
    tests=(TestResult(node_id="tests/e2e/test_x.py::test_x", outcome="failed", seconds=1.0, error="assert 0"),),
)


def test_an_incomparable_checkout_becomes_a_note(tmp_path: Path) -> None:
    """A report without gate changes must not suggest that the pull request changes nothing."""
    origin = read_origin(Settings(root=tmp_path), PULL_REQUEST)

    assert origin.record is not None
    assert origin.record.number == 17
    assert origin.changes.files == ()
    (note,) = origin.notes
    assert note.startswith("cannot determine how this pull request changes the gate: ")
    assert "git" in note
    assert [link.name for link in origin.links] == ["run", "re-run", "artifacts"]


def test_a_changed_file_of_the_workload_is_a_change_to_the_gate(tmp_path: Path) -> None:
    """Under any name, because the SLO file names it."""

    def git(*args: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *args]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    (tmp_path / "slo.yaml").write_text("workload: {data: {user: {csv: people.csv}}, routes: [{name: a, path: '/{user.id}'}]}")
    for text in ("id\n1\n", "id\n2\n"):
        (tmp_path / "people.csv").write_text(text)
        git("add", ".")
        git("commit", "--quiet", "-m", "users")
    base, head = git("rev-parse", "HEAD^", "HEAD").split()
    event = json.loads(EVENT.read_text())
    event["pull_request"]["base"]["sha"], event["pull_request"]["head"]["sha"] = base, head
    (tmp_path / "event.json").write_text(json.dumps(event))

    settings = Settings(root=tmp_path, slo=SloSettings(file=Path("slo.yaml")))
    origin = read_origin(settings, PULL_REQUEST | {"GITHUB_EVENT_PATH": str(tmp_path / "event.json")})

    assert origin.changes.files == ("people.csv",)


def test_a_run_outside_a_pull_request_has_no_notes(tmp_path: Path) -> None:
    """Without a pull request there is no comparison and no note."""
    origin = read_origin(Settings(root=tmp_path), {})

    assert (origin.record, origin.notes, origin.links) == (None, (), ())


def test_annotations_are_separate_from_untrusted_lines(tmp_path: Path) -> None:
    """The caller prints annotations while the runner parses commands, and other lines while it does not."""
    lines: list[str] = []

    notification = notify(FAILED, GitHubSettings(comment="never"), tmp_path, PULL_REQUEST, lines.append)

    (annotation,) = notification.annotations
    assert annotation.startswith("::error file=tests/e2e/test_x.py,")
    assert not any(line.startswith("::") for line in lines)
    assert notify(FAILED, GitHubSettings(comment="never"), tmp_path, {}, lines.append).annotations == ()
