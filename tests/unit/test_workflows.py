"""The workflows as data: permissions, pins, the required check, and allowed commands."""

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
    """Load a workflow; YAML 1.1 parses its key `on` as true."""
    content: dict[Any, Any] = yaml.safe_load(file.read_text())
    return {("on" if key is True else key): value for key, value in content.items()}


WORKFLOWS = {file.name: load(file) for file in FILES}


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every job's workflow, name and content."""
    for name, workflow in WORKFLOWS.items():
        for job, content in workflow["jobs"].items():
            yield name, job, content


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every step of every workflow and action with its location."""
    for workflow, job, content in jobs():
        for step in content.get("steps", ()):
            yield f"{workflow}: {job}: {step['name']}", step
    for file in ACTIONS:
        for step in load(file)["runs"]["steps"]:
            yield f"{file.parent.name}: {step['name']}", step


STEPS = dict(steps())
JOBS = {f"{workflow}: {job}": content for workflow, job, content in jobs()}


def test_the_documented_workflows_exist() -> None:
    """A renamed workflow would silently go unchecked."""
    assert set(WORKFLOWS) == {"ci.yml", "e2e.yml", "nightly.yml", "publish-report.yml", "publish.yml", "release.yml", "sealed.yml"}
    assert len(ACTIONS) == 1


def test_the_required_check_waits_for_every_gating_job() -> None:
    """The failure of a job missing from `needs` could go unnoticed."""
    ci = WORKFLOWS["ci.yml"]["jobs"]

    assert set(ci["kindgate"]["needs"]) == set(ci) - UNGATED
    assert ci["kindgate"]["if"] == "${{ always() }}"


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_a_time_limit_and_its_own_permissions(name: str) -> None:
    """For a job that calls a workflow, the limit is in that workflow."""
    job = JOBS[name]

    assert "permissions" in job
    assert "uses" in job or "timeout-minutes" in job


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_grants_nothing_by_default(name: str) -> None:
    """Each job states its permissions."""
    assert WORKFLOWS[name]["permissions"] == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_permission_has_a_reason(file: Path) -> None:
    """A comment on the same line gives the reason."""
    granted = [line for line in file.read_text().splitlines() if re.fullmatch(r"\s+[a-z-]+: (read|write)\b.*", line)]

    assert [line for line in granted if " # " not in line] == []


def test_callers_grant_exactly_a_reusable_workflows_permissions() -> None:
    """GitHub refuses a call that grants less, and anything beyond it would be unused."""
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
def test_a_reusable_workflows_permissions_do_not_grow(workflow: str, ceiling: dict[str, str]) -> None:
    """Other repositories grant exactly these permissions."""
    assert {key: value for job in WORKFLOWS[workflow]["jobs"].values() for key, value in job["permissions"].items()} == ceiling


def test_the_verdict_is_decided_in_a_job_without_the_callers_code() -> None:
    """The job checks nothing out, restores no cache, and uses only the other job's result and artifact."""
    verify = WORKFLOWS["e2e.yml"]["jobs"]["verify"]
    used = [step["uses"].partition("@")[0] for step in verify["steps"] if "uses" in step]

    assert used == ["$/.github/actions/kindgate", "actions/download-artifact"]
    assert "with" not in verify["steps"][0]
    assert (verify["needs"], verify["permissions"]) == (["e2e"], {})
    text = json.dumps(verify)
    assert set(re.findall(r"inputs\.[a-z-]+", text)) == {"inputs.inconclusive", "inputs.leg", "inputs.require"}
    assert set(re.findall(r"needs\.e2e\.[a-z.]+", text)) == {"needs.e2e.result"}
    assert "secrets." not in text


def test_an_empty_upload_of_verdict_inputs_fails() -> None:
    """A warning in a green job would leave the gate open."""
    uploads = {
        step["with"].get("name", ""): step["with"]["if-no-files-found"]
        for step in WORKFLOWS["e2e.yml"]["jobs"]["e2e"]["steps"]
        if step.get("uses", "").startswith("actions/upload-artifact@")
    }

    assert {name.rsplit("-${{", 2)[0]: policy for name, policy in uploads.items() if name} == {
        "kindgate-report": "error",
        "kindgate-evidence": "error",
    }


@pytest.mark.parametrize("file", [*FILES, *ACTIONS], ids=lambda file: f"{file.parent.name}/{file.name}")
def test_actions_are_pinned_by_commit_with_their_version(file: Path) -> None:
    """A tag can be moved to other code; this repository's own action comes from the same commit."""
    used = [line.split("uses:", 1)[1].strip() for line in file.read_text().splitlines() if re.match(r"\s*(- )?uses:", line)]
    foreign = [use for use in used if not use.startswith("$/")]

    assert used
    assert [use for use in foreign if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)] == []


def test_each_action_is_pinned_to_a_single_commit() -> None:
    """Every workflow uses the same commit."""
    text = "\n".join(file.read_text() for file in [*FILES, *ACTIONS])
    pins = set(re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40})", text))

    assert len(pins) == len({action for action, _ in pins})


def test_no_checkout_persists_its_token() -> None:
    """Later steps run the pull request's code."""
    checkouts = {name: step for name, step in STEPS.items() if step.get("uses", "").startswith("actions/checkout@")}

    assert checkouts
    assert [name for name, step in checkouts.items() if step["with"]["persist-credentials"] is not False] == []


@pytest.mark.parametrize("name", [name for name, step in STEPS.items() if "run" in step])
def test_each_run_step_is_one_command_without_expressions(name: str) -> None:
    """Values come from the environment, which a shell does not parse as code; longer scripts belong in a file."""
    command = STEPS[name]["run"]

    assert "${{" not in command
    assert "\n" not in command.strip()
    assert not {"&&", "||", ";"} & set(shlex.split(command, posix=False))


def test_a_token_or_secret_is_only_in_the_steps_that_need_it() -> None:
    """Other code in the job cannot read it; only the step that creates the application's Secrets gets their values."""
    holders = {name for name, step in STEPS.items() if "github.token" in json.dumps(step) or "secrets." in json.dumps(step)}

    assert holders == {
        "ci.yml: validate: Audit the workflows with GitHub's help",
        "e2e.yml: e2e: Judge the application",
        "publish.yml: publish: Make the pages",
        "publish.yml: publish: Publish what the run says about its commit",
    }
    assert [name for name, job in JOBS.items() if "github.token" in json.dumps(job.get("env", {}))] == []


def test_the_publishing_workflow_runs_no_code_of_a_pull_request() -> None:
    """It checks nothing out, restores no cache, and downloads only what it verifies."""
    used = [step["uses"].split("@")[0] for step in WORKFLOWS["publish.yml"]["jobs"]["publish"]["steps"] if "uses" in step]

    assert set(used) == {"$/.github/actions/kindgate", "actions/upload-artifact"}
    assert [list(job) for job in WORKFLOWS["publish-report.yml"]["jobs"].values()] == [["name", "if", "permissions", "uses", "with"]]


def test_no_pull_request_writes_a_shared_cache() -> None:
    """One action restores caches and another saves them under a condition; the key depends on kindgate's own lock files."""
    used = {name: step["uses"].split("@")[0] for name, step in STEPS.items() if step.get("uses", "").startswith("actions/cache")}
    restored = [STEPS[name] for name, action in used.items() if action == "actions/cache/restore"]

    assert {*used.values()} == {"actions/cache/restore", "actions/cache/save"}
    assert [name for name, action in used.items() if action.endswith("save") and "default_branch" not in STEPS[name].get("if", "")] == []
    assert [step["with"]["key"] for step in restored if "steps.kindgate.outputs.cache-key" not in step["with"]["key"]] == []
    assert "hashFiles" not in json.dumps([step["with"] for step in restored])


def test_artifact_names_differ_by_leg_and_attempt() -> None:
    """Two uploads with one name are an error, and a rerun must not hide the first attempt."""
    uploads = {name: step["with"] for name, step in STEPS.items() if step.get("uses", "").startswith("actions/upload-artifact@")}
    names = {name: inputs.get("name") or inputs["path"] for name, inputs in uploads.items()}  # a single file keeps its own name
    assert names.pop("publish.yml: publish: Upload the page") == "${{ steps.pages.outputs.page }}"  # covered by test_publish

    assert names
    assert [name for name, artifact in names.items() if "${{ github.run_attempt }}" not in artifact] == []
    assert [name for name, artifact in names.items() if name.startswith("e2e.yml") and "${{ inputs.leg }}" not in artifact] == []


def test_a_leg_is_uploaded_under_the_name_that_publishing_expects() -> None:
    """The two names are in different files."""
    upload = STEPS["e2e.yml: e2e: Upload the report"]
    (artifact,) = newest_of_each_leg([("kindgate-report-LEG-7", None)])

    assert upload["with"]["name"] == "kindgate-report-${{ inputs.leg }}-${{ github.run_attempt }}"
    assert upload["with"]["path"].endswith("/report.json")
    assert (artifact.leg, artifact.attempt) == ("LEG", 7)


def test_a_legs_page_is_uploaded_under_the_name_that_publishing_expects() -> None:
    """The page is uploaded as a single file for browsers, and linked from the report before the report is uploaded."""
    upload = STEPS["e2e.yml: e2e: Upload the page"]["with"]
    steps = [step["name"] for step in WORKFLOWS["e2e.yml"]["jobs"]["e2e"]["steps"]]

    assert upload["path"] == page_name("LEG", 7).replace("LEG", "${{ inputs.leg }}").replace("7", "${{ github.run_attempt }}")
    assert upload["archive"] is False
    assert STEPS["e2e.yml: e2e: Give the page a name of its own"]["env"]["PAGE"] == upload["path"]
    assert steps.index("Upload the page") < steps.index("Link the page from the report") < steps.index("Upload the report")


def test_the_sealed_workflow_runs_no_code_of_the_judged_commit() -> None:
    """Only kindgate runs on the runner, with the default branch's suite, no secrets, and a read-only cache."""
    sealed = WORKFLOWS["sealed.yml"]["jobs"]["e2e"]["steps"]
    used = [step["uses"].split("@")[0] for step in sealed if "uses" in step]
    names = [step["name"] for step in sealed]
    checkouts = [step["with"] for step in sealed if step.get("uses", "").startswith("actions/checkout@")]

    assert {step["run"].split()[0] for step in sealed if "run" in step} == {'"$KINDGATE"', '"$PYTEST"'}
    assert [checkout["path"] for checkout in checkouts] == ["base", "judged"]
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
def test_a_sealed_suite_comes_from_merged_code(event: dict[str, Any], sha: str) -> None:
    """GITHUB_SHA contains a pull request's own files if the pull request or a merge queue starts the run."""
    ref = STEPS["sealed.yml: e2e: Check out the base"]["with"]["ref"]

    assert value(ref, {"event": event, "sha": "started"}) == sha


def test_evidence_is_an_explicit_list() -> None:
    """Other files in the folder, such as a kubeconfig, are not uploaded."""
    paths = STEPS["e2e.yml: e2e: Upload the evidence"]["with"]["path"].splitlines()

    assert [path.rsplit("/", 1)[1] for path in paths] == ["report.html", "junit.xml", "summary.md", "metrics", "bursts", "failures"]


def test_evidence_and_deletion_always_run() -> None:
    """Evidence matters most for a failed run."""
    always = {name for name, step in STEPS.items() if step.get("if") == "${{ always() }}"}

    assert {f"e2e.yml: e2e: {step}" for step in ("Upload the report", "Upload the evidence", "Delete what the run may have left")} <= always


def test_a_release_uses_no_cache_and_requires_approval() -> None:
    """A release is built from the tag only, and only if releases are enabled."""
    release = WORKFLOWS["release.yml"]

    assert "cache" not in json.dumps(release)
    assert release["jobs"]["build"]["if"] == "${{ vars.KINDGATE_RELEASE == 'on' }}"
    assert release["jobs"]["upload"]["environment"] == "release"
    needed = [release["jobs"][job]["needs"] for job in ("test", "attest", "upload")]
    assert needed == [["build"], ["test"], ["attest"]]


def verdict(results: dict[str, str]) -> bool:
    """Return whether the required check's own command accepts the other jobs' results."""
    step = STEPS["ci.yml: kindgate: Every job has succeeded"]
    environment = os.environ | {"NEEDS": json.dumps({job: {"result": result} for job, result in results.items()})}
    return subprocess.run(["bash", "-c", step["run"]], env=environment, check=False, capture_output=True, timeout=30).returncode == 0


NEEDED = ("validate", "unit", "e2e", "security")
GREEN = dict.fromkeys(NEEDED, "success")


def test_the_required_check_is_green_if_all_jobs_are() -> None:
    """No job is skipped."""
    assert verdict(GREEN)


@pytest.mark.parametrize(("job", "result"), list(itertools.product(NEEDED, ["failure", "cancelled", "skipped"])))
def test_the_required_check_is_red_if_any_job_is_not_green(job: str, result: str) -> None:
    """A skipped job has judged nothing."""
    assert not verdict(GREEN | {job: result})


def value(expression: str, github: dict[str, Any], *, cancelled: bool = False) -> Any:
    """Return an expression's value in a run of `github`."""
    return evaluate(expression, Contexts({"github": github}, cancelled=cancelled))


@pytest.mark.parametrize(
    ("event", "cancels"), [("pull_request", True), ("merge_group", False), ("push", False), ("workflow_dispatch", False)]
)
def test_each_event_gets_its_jobs(event: str, *, cancels: bool) -> None:
    """Only outdated runs of a pull request are cancelled."""
    ci, github = WORKFLOWS["ci.yml"], {"event_name": event}

    assert set(ci["on"]) == {"pull_request", "merge_group", "push", "workflow_dispatch"}
    assert value(ci["concurrency"]["cancel-in-progress"], github) is cancels


def grants_of(job: dict[str, Any]) -> dict[str, str]:
    """Return the permissions of a job, including those of a workflow that it calls."""
    called = WORKFLOWS[job["uses"].removeprefix(SELF)]["jobs"].values() if str(job.get("uses", "")).startswith(SELF) else ()
    return {key: value for granted in (job, *called) for key, value in granted["permissions"].items()}


def steps_of(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of a job, or of the workflow that it calls."""
    if str(job.get("uses", "")).startswith(SELF):
        return [step for called in WORKFLOWS[job["uses"].removeprefix(SELF)]["jobs"].values() for step in called["steps"]]
    return list(job.get("steps", ()))


def test_pull_request_code_never_runs_with_a_write_token() -> None:
    """A workflow that a pull request starts runs any code but has no job that can write; one that can write follows a run."""
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


def test_each_judged_commit_is_published() -> None:
    """Publishing starts when a run is requested, so no older green status remains, and follows every ending."""
    follow = WORKFLOWS["publish-report.yml"]
    called = follow["jobs"]["publish"]["with"]

    assert follow["on"]["workflow_run"] == {"workflows": [WORKFLOWS["ci.yml"]["name"]], "types": ["requested", "completed"]}
    assert called["workflow"] == ".github/workflows/ci.yml"
    assert called["judge"] == WORKFLOWS["ci.yml"]["jobs"]["e2e"]["uses"].removeprefix("$/")
    assert "head_sha" in follow["concurrency"]["group"]


def test_dependencies_wait_a_week() -> None:
    """Most malicious releases are withdrawn within days."""
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]

    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "npm", "pip"}
    assert {update["cooldown"]["default-days"] for update in updates} == {7}
