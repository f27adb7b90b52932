"""The workflows as data: permissions, pins, the required check, and what may stand in a command."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kindgate.github.legs import newest_of_each_leg
from kindgate.github.links import page_name
from tests.tools.expressions import Contexts, evaluate

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github/actions").glob("*/action.yml"))
SELF = "$/.github/workflows/"
UNGATED = {"kindgate", "code-scanning"}
"""Jobs of ci.yml that the required check does not wait for: itself, and an upload that may fail."""


def load(file: Path) -> dict[str, Any]:
    """A workflow; YAML 1.1 reads its key `on` as true."""
    content: dict[Any, Any] = yaml.safe_load(file.read_text())
    return {("on" if key is True else key): value for key, value in content.items()}


WORKFLOWS = {file.name: load(file) for file in FILES}


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every job: workflow, name, content."""
    for name, workflow in WORKFLOWS.items():
        for job, content in workflow["jobs"].items():
            yield name, job, content


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step of every workflow and of every action, with where it stands."""
    for workflow, job, content in jobs():
        for step in content.get("steps", ()):
            yield f"{workflow}: {job}: {step['name']}", step
    for file in ACTIONS:
        for step in load(file)["runs"]["steps"]:
            yield f"{file.parent.name}: {step['name']}", step


STEPS = dict(steps())
JOBS = {f"{workflow}: {job}": content for workflow, job, content in jobs()}


def test_there_are_the_workflows_that_the_documentation_names() -> None:
    """A renamed one would silently go unchecked."""
    assert set(WORKFLOWS) == {"ci.yml", "e2e.yml", "nightly.yml", "publish-report.yml", "publish.yml", "release.yml", "sealed.yml"}
    assert len(ACTIONS) == 1


def test_the_required_check_waits_for_every_gating_job() -> None:
    """A job that is missing from `needs` could fail unseen."""
    ci = WORKFLOWS["ci.yml"]["jobs"]

    assert set(ci["kindgate"]["needs"]) == set(ci) - UNGATED
    assert ci["kindgate"]["if"] == "${{ always() }}"


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_a_time_limit_and_its_own_permissions(name: str) -> None:
    """A job that calls a workflow gets its limit there."""
    job = JOBS[name]

    assert "permissions" in job
    assert "uses" in job or "timeout-minutes" in job


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_grants_nothing_by_default(name: str) -> None:
    """Each job says what it needs."""
    assert WORKFLOWS[name]["permissions"] == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_permission_says_what_it_is_for(file: Path) -> None:
    """In a comment beside it."""
    granted = [line for line in file.read_text().splitlines() if re.fullmatch(r"\s+[a-z-]+: (read|write)\b.*", line)]

    assert [line for line in granted if " # " not in line] == []


def test_callers_grant_what_a_reusable_workflow_asks_for_and_no_more() -> None:
    """GitHub refuses a call that grants less, and what is granted beyond it is unused."""
    calls = {name: job for name, job in JOBS.items() if str(job.get("uses", "")).startswith(SELF)}

    assert len(calls) == 3
    for name, job in calls.items():
        called = WORKFLOWS[job["uses"].removeprefix(SELF)]
        needed: dict[str, str] = {}
        for inner in called["jobs"].values():
            needed |= inner["permissions"]
        assert job["permissions"] == needed, name
        assert set(job.get("with", {})) <= set(called["on"]["workflow_call"]["inputs"]), name


@pytest.mark.parametrize(
    ("workflow", "ceiling"),
    [
        ("e2e.yml", {"contents": "read"}),
        ("publish.yml", {"actions": "read", "contents": "read", "pull-requests": "write", "statuses": "write"}),
    ],
)
def test_a_reusable_workflow_keeps_its_ceiling(workflow: str, ceiling: dict[str, str]) -> None:
    """Other repositories grant exactly this."""
    assert {key: value for job in WORKFLOWS[workflow]["jobs"].values() for key, value in job["permissions"].items()} == ceiling


def test_the_verdict_is_decided_where_no_code_of_the_caller_runs() -> None:
    """Its job checks nothing out, restores no cache, and takes from the other job its result and its artifact alone."""
    verify = WORKFLOWS["e2e.yml"]["jobs"]["verify"]
    used = [step["uses"].partition("@")[0] for step in verify["steps"] if "uses" in step]

    assert used == ["$/.github/actions/kindgate", "actions/download-artifact"]
    assert "with" not in verify["steps"][0]
    assert (verify["needs"], verify["permissions"]) == (["e2e"], {})
    text = json.dumps(verify)
    assert set(re.findall(r"inputs\.[a-z-]+", text)) == {"inputs.inconclusive", "inputs.leg", "inputs.require"}
    assert set(re.findall(r"needs\.e2e\.[a-z.]+", text)) == {"needs.e2e.result"}
    assert "secrets." not in text


def test_an_upload_of_what_a_verdict_is_from_fails_where_there_is_nothing() -> None:
    """A warning beside a green job would be the gate left open."""
    uploads = {
        step["with"].get("name", ""): step["with"]["if-no-files-found"]
        for step in WORKFLOWS["e2e.yml"]["jobs"]["e2e"]["steps"]
        if step.get("uses", "").startswith("actions/upload-artifact@")
    }

    assert {name.rsplit("-${{", 2)[0]: said for name, said in uploads.items() if name} == {
        "kindgate-report": "error",
        "kindgate-evidence": "error",
    }


@pytest.mark.parametrize("file", [*FILES, *ACTIONS], ids=lambda file: f"{file.parent.name}/{file.name}")
def test_actions_are_pinned_by_commit_with_their_version(file: Path) -> None:
    """A tag can be moved to other code; this repository's own action comes with the same commit."""
    used = [line.split("uses:", 1)[1].strip() for line in file.read_text().splitlines() if re.match(r"\s*(- )?uses:", line)]
    foreign = [use for use in used if not use.startswith("$/")]

    assert used
    assert [use for use in foreign if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)] == []


def test_one_action_is_pinned_to_one_commit() -> None:
    """Everywhere the same."""
    text = "\n".join(file.read_text() for file in [*FILES, *ACTIONS])
    pins = set(re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40})", text))

    assert len(pins) == len({action for action, _ in pins})


def test_no_checkout_leaves_its_token_behind() -> None:
    """Later steps run the pull request's code."""
    checkouts = {name: step for name, step in STEPS.items() if step.get("uses", "").startswith("actions/checkout@")}

    assert checkouts
    assert [name for name, step in checkouts.items() if step["with"]["persist-credentials"] is not False] == []


@pytest.mark.parametrize("name", [name for name, step in STEPS.items() if "run" in step])
def test_a_command_is_one_command_without_expressions(name: str) -> None:
    """Values come through the environment, where a shell does not read them as code; what is longer belongs in a file."""
    command = STEPS[name]["run"]

    assert "${{" not in command
    assert "\n" not in command.strip()
    assert not {"&&", "||", ";"} & set(shlex.split(command, posix=False))


def test_a_token_or_secret_is_in_the_environment_of_the_steps_that_need_it_only() -> None:
    """Whatever else runs in the job cannot read it; the application's own secrets are for the step that makes its Secrets of them."""
    holders = {name for name, step in STEPS.items() if "github.token" in json.dumps(step) or "secrets." in json.dumps(step)}

    assert holders == {
        "ci.yml: validate: Audit the workflows with GitHub's help",
        "e2e.yml: e2e: Judge the application",
        "publish.yml: publish: Make the pages",
        "publish.yml: publish: Publish what the run says about its commit",
    }
    assert [name for name, job in JOBS.items() if "github.token" in json.dumps(job.get("env", {}))] == []


def test_the_publishing_workflow_runs_no_code_of_a_pull_request() -> None:
    """It checks nothing out, restores no cache, and downloads only what it checks."""
    used = [step["uses"].split("@")[0] for step in WORKFLOWS["publish.yml"]["jobs"]["publish"]["steps"] if "uses" in step]

    assert set(used) == {"$/.github/actions/kindgate", "actions/upload-artifact"}
    assert [list(job) for job in WORKFLOWS["publish-report.yml"]["jobs"].values()] == [["name", "if", "permissions", "uses", "with"]]


def test_no_pull_request_writes_a_cache_that_another_run_reads() -> None:
    """Caches are restored by one action and saved by another, which has a condition; the key is of kindgate's own locks."""
    used = {name: step["uses"].split("@")[0] for name, step in STEPS.items() if step.get("uses", "").startswith("actions/cache")}
    restored = [STEPS[name] for name, action in used.items() if action == "actions/cache/restore"]

    assert {*used.values()} == {"actions/cache/restore", "actions/cache/save"}
    assert [name for name, action in used.items() if action.endswith("save") and "default_branch" not in STEPS[name].get("if", "")] == []
    assert [step["with"]["key"] for step in restored if "steps.kindgate.outputs.cache-key" not in step["with"]["key"]] == []
    assert "hashFiles" not in json.dumps([step["with"] for step in restored])


def test_an_artifacts_name_differs_by_leg_and_attempt() -> None:
    """Two uploads of one name are an error, and a re-run must not hide the first attempt."""
    uploads = {name: step["with"] for name, step in STEPS.items() if step.get("uses", "").startswith("actions/upload-artifact@")}
    names = {name: given.get("name") or given["path"] for name, given in uploads.items()}  # a single file keeps its own name
    assert names.pop("publish.yml: publish: Upload the page") == "${{ steps.pages.outputs.page }}"  # test_publish looks at its name

    assert names
    assert [name for name, artifact in names.items() if "${{ github.run_attempt }}" not in artifact] == []
    assert [name for name, artifact in names.items() if name.startswith("e2e.yml") and "${{ inputs.leg }}" not in artifact] == []


def test_a_leg_is_uploaded_under_the_name_that_publishing_looks_for() -> None:
    """The two sides are in different files."""
    upload = STEPS["e2e.yml: e2e: Upload the report"]
    (found,) = newest_of_each_leg([("kindgate-report-LEG-7", None)])

    assert upload["with"]["name"] == "kindgate-report-${{ inputs.leg }}-${{ github.run_attempt }}"
    assert upload["with"]["path"].endswith("/report.json")
    assert (found.leg, found.attempt) == ("LEG", 7)


def test_a_legs_page_is_uploaded_under_the_name_that_publishing_looks_for() -> None:
    """As a file of its own, which a browser shows, and linked from the report before that is uploaded."""
    upload = STEPS["e2e.yml: e2e: Upload the page"]["with"]
    steps = [step["name"] for step in WORKFLOWS["e2e.yml"]["jobs"]["e2e"]["steps"]]

    assert upload["path"] == page_name("LEG", 7).replace("LEG", "${{ inputs.leg }}").replace("7", "${{ github.run_attempt }}")
    assert upload["archive"] is False
    assert STEPS["e2e.yml: e2e: Give the page a name of its own"]["env"]["PAGE"] == upload["path"]
    assert steps.index("Upload the page") < steps.index("Link the page from the report") < steps.index("Upload the report")


def test_the_sealed_workflow_runs_nothing_of_the_commit_that_it_judges() -> None:
    """Only kindgate runs on the runner, with the default branch's suite, no secret, and a cache that it cannot write."""
    sealed = WORKFLOWS["sealed.yml"]["jobs"]["e2e"]["steps"]
    used = [step["uses"].split("@")[0] for step in sealed if "uses" in step]
    names = [step["name"] for step in sealed]
    checkouts = [step["with"] for step in sealed if step.get("uses", "").startswith("actions/checkout@")]

    assert {step["run"].split()[0] for step in sealed if "run" in step} == {'"$KINDGATE"', '"$PYTEST"'}
    assert [one["path"] for one in checkouts] == ["base", "judged"]
    assert checkouts[1]["ref"] == "${{ inputs.head }}"
    assert names.index("Take the suite from the base, and delete links") < names.index("Build the application's images")
    assert "--app-pod-security=baseline" in STEPS["sealed.yml: e2e: Judge the application"]["run"]
    assert "actions/cache" not in used
    assert "actions/cache/restore" in used
    assert "secrets" not in (ROOT / ".github/workflows/sealed.yml").read_text()


@pytest.mark.parametrize(
    ("event", "sha"),
    [
        ({"pull_request": {"base": {"sha": "base"}}}, "base"),
        ({"merge_group": {"base_sha": "base"}}, "base"),
        ({"workflow_run": {"head_sha": "judged"}}, "started"),
        ({}, "started"),
    ],
)
def test_a_sealed_suite_is_one_that_somebody_has_merged(event: dict[str, Any], sha: str) -> None:
    """GITHUB_SHA holds a pull request's own files where it, or a merge queue, starts the run."""
    ref = STEPS["sealed.yml: e2e: Check out the base"]["with"]["ref"]

    assert value(ref, {"event": event, "sha": "started"}) == sha


def test_evidence_is_an_explicit_list() -> None:
    """Whatever else lies in the folder, such as a kubeconfig, is not uploaded."""
    paths = STEPS["e2e.yml: e2e: Upload the evidence"]["with"]["path"].splitlines()

    assert [path.rsplit("/", 1)[1] for path in paths] == ["report.html", "junit.xml", "summary.md", "metrics", "bursts", "failures"]


def test_evidence_and_deletion_come_whatever_happened() -> None:
    """A failed run is the one whose evidence is wanted."""
    always = {name for name, step in STEPS.items() if step.get("if") == "${{ always() }}"}

    assert {f"e2e.yml: e2e: {step}" for step in ("Upload the report", "Upload the evidence", "Delete what the run may have left")} <= always


def test_a_release_uses_no_cache_and_waits_for_a_person() -> None:
    """What is released comes from the tag alone, and only where it has been switched on."""
    release = WORKFLOWS["release.yml"]

    assert "cache" not in json.dumps(release)
    assert release["jobs"]["build"]["if"] == "${{ vars.KINDGATE_RELEASE == 'on' }}"
    assert release["jobs"]["upload"]["environment"] == "release"
    needed = [release["jobs"][job]["needs"] for job in ("test", "attest", "upload")]
    assert needed == [["build"], ["test"], ["attest"]]


def verdict(results: dict[str, str]) -> bool:
    """What the required check's own command says about the results of the other jobs."""
    step = STEPS["ci.yml: kindgate: Every job has succeeded"]
    environment = os.environ | {"NEEDS": json.dumps({job: {"result": result} for job, result in results.items()})}
    return subprocess.run(["bash", "-c", step["run"]], env=environment, check=False, capture_output=True, timeout=30).returncode == 0


NEEDED = ("validate", "unit", "e2e", "security")
GREEN = dict.fromkeys(NEEDED, "success")


def test_the_required_check_is_green_when_all_are() -> None:
    """With nothing skipped."""
    assert verdict(GREEN)


@pytest.mark.parametrize(("job", "result"), list(itertools.product(NEEDED, ["failure", "cancelled", "skipped"])))
def test_the_required_check_is_red_when_one_job_is_not_green(job: str, result: str) -> None:
    """A skipped job has judged nothing."""
    assert not verdict(GREEN | {job: result})


def value(expression: str, github: dict[str, Any], *, cancelled: bool = False) -> Any:
    """An expression's value in a run of `github`."""
    return evaluate(expression, Contexts({"github": github}, cancelled=cancelled))


@pytest.mark.parametrize(
    ("event", "cancels"), [("pull_request", True), ("merge_group", False), ("push", False), ("workflow_dispatch", False)]
)
def test_each_event_gets_its_jobs(event: str, *, cancels: bool) -> None:
    """Only an outdated pull request's run is cancelled."""
    ci, github = WORKFLOWS["ci.yml"], {"event_name": event}

    assert set(ci["on"]) == {"pull_request", "merge_group", "push", "workflow_dispatch"}
    assert value(ci["concurrency"]["cancel-in-progress"], github) is cancels


def grants_of(job: dict[str, Any]) -> dict[str, str]:
    """What a job may do, and what a workflow that it calls may do."""
    called = WORKFLOWS[job["uses"].removeprefix(SELF)]["jobs"].values() if str(job.get("uses", "")).startswith(SELF) else ()
    return {key: value for one in (job, *called) for key, value in one["permissions"].items()}


def steps_of(job: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of a job, or of the workflow that it calls."""
    if str(job.get("uses", "")).startswith(SELF):
        return [step for one in WORKFLOWS[job["uses"].removeprefix(SELF)]["jobs"].values() for step in one["steps"]]
    return list(job.get("steps", ()))


def test_code_of_a_pull_request_never_runs_where_a_token_can_write() -> None:
    """What README says. A workflow that a pull request starts has no job that may write and runs anything; one that may follows a run."""
    for name, workflow in WORKFLOWS.items():
        starts = set(workflow["on"])
        writing = {job: content for job, content in workflow["jobs"].items() if "write" in grants_of(content).values()}
        if starts & {"pull_request", "merge_group"}:
            for job, content in writing.items():
                assert content["if"].endswith("github.event_name == 'push' }}"), f"{name}: {job}"
        if starts & {"workflow_run", "pull_request_target"}:
            for job, content in workflow["jobs"].items():
                used = {step["uses"].partition("@")[0] for step in steps_of(content) if "uses" in step}
                assert used <= {"$/.github/actions/kindgate", "actions/upload-artifact"}, f"{name}: {job}"
                assert all("$KINDGATE" in step["run"] for step in steps_of(content) if "run" in step), f"{name}: {job}"


def test_each_commit_that_is_judged_is_published() -> None:
    """When its run is requested, so that no older green stands, and however it ends."""
    follow = WORKFLOWS["publish-report.yml"]
    called = follow["jobs"]["publish"]["with"]

    assert follow["on"]["workflow_run"] == {"workflows": [WORKFLOWS["ci.yml"]["name"]], "types": ["requested", "completed"]}
    assert called["workflow"] == ".github/workflows/ci.yml"
    assert called["judge"] == WORKFLOWS["ci.yml"]["jobs"]["e2e"]["uses"].removeprefix("$/")
    assert "head_sha" in follow["concurrency"]["group"]


def test_dependencies_wait_a_week() -> None:
    """A malicious release is most often withdrawn within days."""
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]

    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "npm", "pip"}
    assert {update["cooldown"]["default-days"] for update in updates} == {7}
