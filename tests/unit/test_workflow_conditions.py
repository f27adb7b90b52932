"""Every `if:` of every workflow, by event and job status: which jobs and steps run, and which do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kindgate.scaffold.init_arguments import InitArguments
from kindgate.scaffold.manifest_facts import Application
from kindgate.scaffold.provenance import UNKNOWN
from kindgate.scaffold.repository import Repository
from kindgate.scaffold.suite_files import Plan, wanted_changes
from tests.tools.expressions import Contexts, condition

ROOT = Path(__file__).parents[2]
EVENTS = ("pull_request", "merge_group", "push", "schedule", "workflow_dispatch")


def documents() -> Iterator[tuple[str, dict[Any, Any]]]:
    """Yield each workflow, the action, and the files that `kindgate init` writes for one suite of several."""
    for file in (*(ROOT / ".github/workflows").glob("*.yml"), *(ROOT / ".github/actions").glob("*/action.yml")):
        yield file.name, yaml.safe_load(file.read_text())
    root = ROOT / "nowhere"
    repository = Repository(root, root / "a", root / "a/e2e", "main")
    plan = Plan((root / "a" / "k8s",), Application(("a.localhost",), ()))
    for prefix, request in (("", InitArguments()), ("sealed ", InitArguments(sealed=True))):
        for change in wanted_changes(repository, plan, UNKNOWN, request):
            if change.path.suffix == ".yml":
                yield prefix + change.path.name, yaml.safe_load(change.after or "")


def conditions() -> Iterator[tuple[str, str]]:
    """Yield the location and the text of each condition."""
    for file, document in documents():
        jobs: Mapping[str, Any] = document.get("jobs") or {"": document.get("runs", {})}
        for job, content in jobs.items():
            if "if" in content:
                yield f"{file}: {job}", content["if"]
            for step in content.get("steps", ()):
                if "if" in step:
                    yield f"{file}: {job}: {step['name']}", step["if"]


CONDITIONS = dict(conditions())


def contexts(event: str, *, failed: bool = False, cancelled: bool = False, **more: Any) -> Contexts:
    """Return what a job of this repository sees if `event` starts it."""
    base: dict[str, Any] = {
        "github": {"event_name": event, "repository": "acme/shop", "event": {}},
        "vars": {},
        "inputs": {},
        "steps": {},
        "needs": {},
    }
    return Contexts({**base, **more}, failed=failed, cancelled=cancelled)


def finished(
    event: str = "pull_request",
    conclusion: str | None = "success",
    head: str | None = "mona/shop",
    actor: str = "mona",
    action: str = "completed",
) -> Contexts:
    """Return what a `workflow_run` workflow sees of a requested or completed run."""
    repository = {"full_name": head} if head else None
    run = {"event": event, "conclusion": conclusion, "head_repository": repository, "actor": {"login": actor}}
    github = {"event_name": "workflow_run", "repository": "acme/shop", "event": {"action": action, "workflow_run": run}}
    return Contexts({"github": github})


def labeled(name: str) -> Contexts:
    """Return what a `pull_request_target` workflow sees of a label."""
    return Contexts({"github": {"event_name": "pull_request_target", "event": {"action": "labeled", "label": {"name": name}}}})


def edited(changes: dict[str, Any]) -> Contexts:
    """Return what a `pull_request_target` workflow sees of an edited pull request."""
    return Contexts({"github": {"event_name": "pull_request_target", "event": {"action": "edited", "changes": changes}}})


ALWAYS = [name for name, text in CONDITIONS.items() if text == "${{ always() }}"]  # not a set: xdist workers must collect in the same order
ON = {"KINDGATE_CODE_SCANNING": "on", "KINDGATE_RELEASE": "on"}
FINISHED = [
    *((finished(conclusion=conclusion), True) for conclusion in ("success", "failure", "cancelled", "action_required", "startup_failure")),
    (finished(event="push"), True),
    (finished(event="merge_group"), True),
    (finished(event="workflow_dispatch"), False),
    (finished(event="schedule"), False),
    (finished(head="acme/shop"), True),
    (finished(head="acme/shop", actor="dependabot[bot]"), True),
    (finished(head=None), True),
]
PUBLISHED = [
    *FINISHED,
    (labeled("kindgate: gate change approved"), True),
    (labeled("documentation"), False),
    (edited({"base": {"ref": {"from": "main"}}}), True),
    (edited({"title": {"from": "a"}}), False),
]
PAGE = {"page": {"outputs": {"artifact-url": "https://github.com/acme/shop/actions/runs/1/artifacts/2"}}}
WITH_REQUIREMENTS = [
    (contexts("pull_request", inputs={"requirements": "requirements.txt"}), True),
    (contexts("pull_request", inputs={"requirements": ""}), False),
]
WITH_DOCKER = [(contexts("schedule", matrix={"docker": "running"}), True), (contexts("schedule", matrix={"docker": "stopped"}), False)]
UNLESS_CANCELLED = [
    *((contexts(event, failed=failed), True) for event in EVENTS for failed in (False, True)),
    (contexts("pull_request", cancelled=True), False),
]
MISSED, HIT = {"cache": {"outputs": {"cache-hit": ""}}}, {"cache": {"outputs": {"cache-hit": "true"}}}


def at(event: str, kind: str, name: str, steps: dict[str, Any], *, failed: bool = False) -> Contexts:
    """Return a run at a ref, in a repository whose default branch is main."""
    github = {"event_name": event, "ref_type": kind, "ref_name": name, "event": {"repository": {"default_branch": "main"}}}
    return Contexts({"github": github, "steps": steps}, failed=failed)


SAVED = [
    (at("push", "branch", "main", MISSED), True),
    (at("schedule", "branch", "main", MISSED), True),
    (at("push", "branch", "main", HIT), False),
    (at("push", "branch", "main", MISSED, failed=True), False),
    (at("push", "branch", "other", MISSED), False),
    (at("push", "tag", "main", MISSED), False),
    (at("pull_request", "branch", "17/merge", MISSED), False),
    (at("merge_group", "branch", "gh-readonly-queue/main/pr-17-abc", MISSED), False),
]
TABLE: dict[str, list[tuple[Contexts, bool]]] = {
    **{
        name: [
            (contexts(event, failed=failed, cancelled=cancelled), True)
            for event in EVENTS
            for failed, cancelled in ((False, False), (True, False), (False, True))
        ]
        for name in ALWAYS
    },
    "ci.yml: code-scanning": [
        *((contexts(event, vars=ON, failed=failed), event == "push") for event in EVENTS for failed in (False, True)),
        *((contexts(event), False) for event in EVENTS),
    ],
    "ci.yml: security: Save Trivy": SAVED,
    "e2e.yml: e2e: Save tools and images": SAVED,
    "e2e.yml: e2e: Link the page from the report": [
        (contexts("pull_request", steps=PAGE), True),
        (contexts("pull_request", steps=PAGE, failed=True), True),
        (contexts("pull_request", steps={"page": {"outputs": {}}}), False),
        (contexts("pull_request", failed=True), False),
    ],
    "e2e.yml: verify": UNLESS_CANCELLED,
    "sealed.yml: verify": UNLESS_CANCELLED,
    "nightly.yml: podman: Stop Docker": [(one, not running) for one, running in WITH_DOCKER],
    "nightly.yml: podman: Undo its policy for forwarded packets": [(one, not running) for one, running in WITH_DOCKER],
    "nightly.yml: podman: Provoke the faults of Podman": WITH_DOCKER,
    "publish-report.yml: publish": PUBLISHED,
    "publish.yml: publish: Upload the page": [
        (contexts("workflow_run", steps={"pages": {"outputs": {"page": "pages/a.html"}}}), True),
        (contexts("workflow_run", steps={"pages": {"outputs": {"pages": "pages"}}}), False),
        (contexts("workflow_run", steps={"pages": {"outputs": {}}}), False),
    ],
    "publish.yml: publish: Upload the pages of several legs": [
        (contexts("workflow_run", steps={"pages": {"outputs": {"page": "pages/a.html"}}}), False),
        (contexts("workflow_run", steps={"pages": {"outputs": {"pages": "pages"}}}), True),
        (contexts("workflow_run", steps={"pages": {"outputs": {}}}), False),
    ],
    "release.yml: build": [
        (contexts("push", vars=ON), True),
        (contexts("push"), False),
        (contexts("push", vars={"KINDGATE_RELEASE": "off"}), False),
    ],
    "action.yml: : Write down what is installed": WITH_REQUIREMENTS,
    "action.yml: : Install what the caller's tests need, and change nothing of what is installed": WITH_REQUIREMENTS,
    "kindgate-a.yml: changes: Check that nothing relevant to this suite changed": [
        (contexts(event), event == "pull_request") for event in EVENTS
    ],
    "kindgate-a.yml: kindgate-a: Report that this suite was not judged": [
        (contexts("pull_request", needs={"changes": {"outputs": {"found": found}}}, failed=failed), found == "false" and not failed)
        for found in ("false", "true")
        for failed in (False, True)
    ],
    "kindgate-a.yml: e2e": [
        (contexts("pull_request", needs={"changes": {"outputs": {"found": "true"}}}), True),
        (contexts("pull_request", needs={"changes": {"outputs": {"found": "false"}}}), False),
        (contexts("pull_request", needs={"changes": {"outputs": {"found": "true"}}}, failed=True), False),
    ],
    "kindgate-a-report.yml: publish": PUBLISHED,
    "sealed kindgate-a-report.yml: e2e": [
        (finished(), True),
        (finished(event="merge_group"), True),
        (finished(action="requested", conclusion=None), False),
        *((finished(conclusion=conclusion), False) for conclusion in ("failure", "cancelled", "action_required", "startup_failure")),
    ],
    "sealed kindgate-a-report.yml: publish": [*FINISHED, (finished(action="requested", conclusion=None), True)],
}


def test_every_condition_is_in_the_table() -> None:
    """A new condition needs rows."""
    assert set(CONDITIONS) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_each_condition_matches_the_table(name: str) -> None:
    """The table covers each event, and jobs that failed or were cancelled."""
    actual = [condition(CONDITIONS[name], event) for event, _ in TABLE[name]]

    assert actual == [expected for _, expected in TABLE[name]]
