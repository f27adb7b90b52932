"""Each command of each workflow is run in a clean clone of the last commit, or listed here with the reason why not."""

from __future__ import annotations

import json
import shutil
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kindgate.host.container_engine import find_engine
from kindgate.model import Verdict
from kindgate.report.objective_records import ThresholdOutcome
from kindgate.report.run_report import Outcome, PullRequest, Run, RunReport, TestResult
from kindgate.scaffold.manifest_facts import Application
from kindgate.scaffold.provenance import UNKNOWN
from kindgate.scaffold.repository import Repository
from kindgate.scaffold.suite_files import Plan, wanted_changes
from kindgate.waiting import Deadline
from tests.unit.github.standin import StandIn, document
from tests.unit.github.test_artifact import packed
from tests.unit.report.judged_runs import judged_figures
from tests.workflows.runner import ROOT, Runner, run_steps

STEPS = dict(run_steps(ROOT))
NOT_RUN = {
    "ci.yml: validate: Audit the workflows with GitHub's help": "asks GitHub's API; `make lint` runs the other audits",
    "nightly.yml: slow: Run it": "takes hours: each target is run by hand, and every night",
    "nightly.yml: podman: Stop Docker": "stops the engine that the other commands need",
    "nightly.yml: podman: Undo its policy for forwarded packets": "changes the host's firewall",
    "nightly.yml: podman: Judge the application": "takes minutes, and needs Podman and root: run by hand, and every night",
    "nightly.yml: podman: Provoke the faults of Podman": "as above",
    **{
        f"sealed.yml: {step}": "played as a whole by tests/workflows/test_sealed.py"
        for step in (
            "e2e: Take the suite from the base, and delete links",
            "e2e: Build the application's images",
            "e2e: Judge the application",
            "e2e: Delete what the run may have left",
            "verify: Decide whether the change may merge",
        )
    },
    "nightly.yml: podman: Delete what the run may have left": "needs Podman and root: its command is that of the other jobs",
}
RUN = {
    "ci.yml: validate: Lint code, contracts and workflows",
    "ci.yml: validate: Check manifests and objectives",
    "ci.yml: unit: Run the unit tests",
    "ci.yml: unit: Run the tests of the test tools",
    "ci.yml: security: Scan manifests, images and dependencies",
    "ci.yml: kindgate: Every job has succeeded",
    "e2e.yml: e2e: Build the application's images",
    "e2e.yml: e2e: Judge the application",
    "e2e.yml: e2e: Give the page a name of its own",
    "e2e.yml: e2e: Link the page from the report",
    "e2e.yml: e2e: Delete what the run may have left",
    "e2e.yml: verify: Decide whether the change may merge",
    "kindgate: Create a virtual environment",
    "kindgate: Name its folder",
    "kindgate: Install the locked dependencies",
    "kindgate: Install kindgate",
    "kindgate: Name what its cache is made from",
    "kindgate: Write down what is installed",
    "kindgate: Install what the caller's tests need, and change nothing of what is installed",
    "nightly.yml: slow: Delete what the run may have left",
    "publish.yml: publish: Make the pages",
    "publish.yml: publish: Publish what the run says about its commit",
    "release.yml: build: Build the wheel and the source archive",
    "release.yml: test: Create a clean environment",
    "release.yml: test: Install the wheel into it",
    "release.yml: test: Run the command",
    "release.yml: test: Load the plugin",
}
ATTEMPT = {"github": {"run_attempt": 1, "event_name": "pull_request", "token": "ghs_canary0000000000000000000000000000"}}
_steps_run: set[str] = set()


@pytest.fixture(name="clone", scope="module")
def _clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last commit, as a runner checks it out."""
    folder = tmp_path_factory.mktemp("workflows") / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)], check=True, timeout=300)
    return folder


@pytest.fixture(name="python", scope="module")
def _python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bare Python, as setup-python provides."""
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin"


@pytest.fixture(name="installed", scope="module")
def _installed(clone: Path, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment's folder reported by our action, after all of its steps."""
    temporary = tmp_path_factory.mktemp("runner")
    output = temporary / "output"
    requirements = clone / "wanted.txt"
    requirements.write_text("iniconfig\n")
    runner = Runner(clone, temporary, {"inputs": {"requirements": str(requirements)}})
    action = clone / ".github/actions/kindgate"
    runner.variables |= {"GITHUB_OUTPUT": str(output), "GITHUB_ACTION_PATH": str(action), **on_path(python)}
    for name in [name for name in STEPS if name.startswith("kindgate: ")]:
        run_step(runner, name)
    requirements.unlink()
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert outputs.keys() == {"bin", "key"}
    return Path(outputs["bin"])


def on_path(folder: Path) -> dict[str, str]:
    """Environment variables that put a folder first on the PATH."""
    return {"PATH": f"{folder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/go/bin"}


def run_step(runner: Runner, name: str, code: int = 0) -> str:
    """Run a step, check that it exits with `code`, and return its output."""
    _steps_run.add(name)
    result = runner.run(STEPS[name])
    assert result.returncode == code, f"{name}: {result.stdout[-3000:]}"
    return result.stdout


def kindgate(installed: Path, **contexts: Any) -> dict[str, Any]:
    """The contexts of a job that installed kindgate with our action."""
    return {**ATTEMPT, "steps": {"kindgate": {"outputs": {"bin": str(installed)}}, **contexts.pop("steps", {})}, **contexts}


def report() -> RunReport:
    """The report of a run that meets all objectives."""
    objective = ThresholdOutcome(
        metric="http_req_duration", expression="p(95)<50", verdict=Verdict.PASS, measured=8.0, unit="ms", limit=50.0
    )
    run = Run(id="9001-1", started=1_790_000_000.0, seconds=212.4, command="pytest -m e2e")
    test = TestResult(node_id="test_slo.py::test_slo", outcome="passed", seconds=1.0)
    figures = judged_figures("p(95)<50", bursts=4, median=5.0)
    return RunReport(run=run, outcome=Outcome.PASSED, exit_code=0, objectives=(objective,), tests=(test,), **figures)


def test_every_command_is_run_or_listed() -> None:
    """Every command is in exactly one of the two tables."""
    assert set(STEPS) == RUN | set(NOT_RUN)
    assert RUN & set(NOT_RUN) == set()


def test_ci_validation_succeeds(clone: Path, tmp_path: Path) -> None:
    """Lint and validation succeed in an environment that `make` sets up from scratch."""
    runner = Runner(clone, tmp_path, ATTEMPT)

    run_step(runner, "ci.yml: validate: Lint code, contracts and workflows")
    assert "valid" in run_step(runner, "ci.yml: validate: Check manifests and objectives").splitlines()


@pytest.mark.parametrize(
    ("step", "tests"), [("Run the unit tests", "test_errors"), ("Run the tests of the test tools", "test_expressions")]
)
def test_ci_runs_the_unit_tests(clone: Path, tmp_path: Path, step: str, tests: str) -> None:
    """The unit test commands work; they run few tests here, because `make test slow` runs separately too."""
    runner = Runner(clone, tmp_path, ATTEMPT, {"ARGS": f"-n 0 -k {tests}"})

    assert "passed" in run_step(runner, f"ci.yml: unit: {step}")


def test_ci_scan_succeeds(clone: Path, installed: Path, tmp_path: Path) -> None:
    """The scan passes, with a cached or compiled Trivy."""
    runner = Runner(clone, tmp_path, kindgate(installed))

    assert "0 findings of severity HIGH or higher" in run_step(runner, "ci.yml: security: Scan manifests, images and dependencies")
    assert (clone / "artifacts/scan/scan.sarif").is_file()


@pytest.mark.parametrize(("result", "code"), [("success", 0), ("failure", 1), ("skipped", 1)])
def test_the_required_check_combines_the_job_results(tmp_path: Path, result: str, code: int) -> None:
    """The required check evaluates the other jobs' results with jq."""
    needs = {**{job: {"result": "success"} for job in ("validate", "unit", "security")}, "e2e": {"result": result}}
    runner = Runner(tmp_path, tmp_path, {"needs": needs})

    run_step(runner, "ci.yml: kindgate: Every job has succeeded", code)


@pytest.fixture(name="image")
def _image() -> Iterator[str]:
    """The name of an image to build; it is removed from the engine afterwards."""
    yield "kindgate-workflows:dev"
    find_engine(Deadline.after(60)).run("rmi", "--force", "kindgate-workflows:dev", deadline=Deadline.after(60), check=False)


def test_the_reusable_workflow_builds_judges_links_and_cleans_up(clone: Path, installed: Path, image: str, tmp_path: Path) -> None:
    """A caller's image is built, and its tests are only collected, because `make e2e` judges on a cluster."""
    (clone / "image").mkdir()
    (clone / "image/Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    inputs = {"directory": ".", "leg": "e2e", "arguments": "--collect-only -q"}
    page = {"page": {"outputs": {"artifact-url": "https://github.com/acme/shop/actions/runs/1/artifacts/2"}}}
    runner = Runner(clone, tmp_path, kindgate(installed, inputs=inputs, steps=page), {"KINDGATE_APP_BUILD": f"{image}=image"})

    assert f"built: {image}" in run_step(runner, "e2e.yml: e2e: Build the application's images")
    assert "tests/e2e/test_slo.py::test_the_objectives_of_the_file_are_met" in run_step(runner, "e2e.yml: e2e: Judge the application")
    (clone / "artifacts").mkdir(exist_ok=True)
    (clone / "artifacts/report.json").write_text(report().model_dump_json())
    run_step(runner, "e2e.yml: e2e: Link the page from the report")
    run_step(runner, "e2e.yml: e2e: Give the page a name of its own")
    run_step(runner, "e2e.yml: e2e: Delete what the run may have left")

    assert "artifacts/2" in (clone / "artifacts/report.json").read_text()
    assert (clone / "kindgate-page-e2e-1.html").is_file()


@pytest.mark.parametrize(("result", "code"), [("success", 0), ("failure", 24)])
def test_the_reusable_workflow_decides_only_from_the_artifact(installed: Path, tmp_path: Path, result: str, code: int) -> None:
    """The verdict is red if nothing was uploaded, or if the report contradicts its job."""
    inputs = {"leg": "e2e", "require": "objectives", "inconclusive": "warn"}
    runner = Runner(tmp_path, tmp_path / "t", kindgate(installed, inputs=inputs, needs={"e2e": {"result": result}}))
    step = "e2e.yml: verify: Decide whether the change may merge"

    assert run_step(runner, step, 28).strip() == "e2e: NO VERDICT: no report was found"
    leg = tmp_path / "legs/kindgate-report-e2e-1"
    leg.mkdir(parents=True)
    (leg / "report.json").write_text(report().model_dump_json())
    run_step(runner, step, code)


def test_the_nightly_run_cleans_up(clone: Path, tmp_path: Path) -> None:
    """Cleanup works with the environment that `make` set up."""
    run_step(Runner(clone, tmp_path, ATTEMPT), "nightly.yml: slow: Delete what the run may have left")


def test_a_finished_run_is_published(installed: Path, tmp_path: Path, github: StandIn) -> None:
    """The run's upload is downloaded, checked and shown, and the commit gets its status."""
    github.pull["head"] |= document("events", "pull_request_fork")["pull_request"]["head"]
    github.run["referenced_workflows"] = [{"path": "acme/shop/.github/workflows/e2e.yml@refs/pull/17/merge", "sha": "a" * 40}]
    record = PullRequest(repository="acme/shop", number=17, head_sha=github.run["head_sha"], run_id=9001, attempt=1)
    uploaded = report().model_copy(update={"pull_request": record, "links": ()})
    github.upload("kindgate-report-e2e-1", packed(("report.json", uploaded.model_dump_json().encode())))
    event = {"GITHUB_EVENT_NAME": "workflow_run", "GITHUB_EVENT_PATH": "", "GITHUB_WORKFLOW": "publish report"}
    inputs = {
        "run-id": "9001",
        "pull": "0",
        "judged-by": "0",
        "conclusion": "",
        "label": "kindgate: gate change approved",
        "legs": "e2e",
        "id": "e2e",
        "comment": "auto",
        "status": "kindgate/verdict",
        "require": "tests",
        "inconclusive": "warn",
        "watch": "",
    }
    more = {"workflow": ".github/workflows/ci.yml", "judge": ".github/workflows/e2e.yml"}
    runner = Runner(tmp_path, tmp_path, kindgate(installed, inputs=inputs | more), github.environment | event)

    assert "wrote page pages/kindgate-page-e2e-9001-1.html" in run_step(runner, "publish.yml: publish: Make the pages")
    page = "https://github.com/acme/shop/actions/runs/9001/artifacts/5"
    runner.contexts["steps"] |= {"page": {"outputs": {"artifact-url": page}}, "archive": {"outputs": {}}}
    assert "comment created on #17" in run_step(runner, "publish.yml: publish: Publish what the run says about its commit")
    assert github.status()["state"] == "success"
    assert f"[HTML report]({page})" in github.written()[0]


def test_a_release_wheel_is_built_and_works(clone: Path, installed: Path, python: Path, tmp_path: Path) -> None:
    """The wheel works in a folder that contains only the build's output."""
    run_step(Runner(clone, tmp_path / "a", kindgate(installed)), "release.yml: build: Build the wheel and the source archive")
    empty = tmp_path / "empty"
    shutil.copytree(clone / "dist", empty / "dist")
    assert {file.suffix for file in (empty / "dist").iterdir()} == {".whl", ".gz"}

    runner = Runner(empty, tmp_path / "b", ATTEMPT, on_path(python))
    for step in ("Create a clean environment", "Install the wheel into it", "Run the command"):
        run_step(runner, f"release.yml: test: {step}")
    assert "@pytest.mark.slo" in run_step(runner, "release.yml: test: Load the plugin")


@pytest.fixture(name="suites")
def _suites(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A repository with two suites and a merged change to one, and the other suite's workflow from `kindgate init`."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]

    def git(*arguments: str) -> None:
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, timeout=60, capture_output=True)

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.txt").write_text("1\n")
    for arguments in (["init", "--quiet"], ["add", "-A"], ["commit", "-m", "1"], ["checkout", "-b", "change"]):
        git(*arguments)
    (tmp_path / "b/app.txt").write_text("2\n")
    for arguments in (["commit", "-am", "2"], ["checkout", "main"], ["merge", "--no-ff", "change"]):
        git(*arguments)
    repository = Repository(tmp_path, tmp_path / "a", tmp_path / "a/e2e", "main")
    changes = wanted_changes(repository, Plan((tmp_path / "a/k8s",), Application(("a.localhost",), ())), UNKNOWN)
    return tmp_path, yaml.safe_load(next(str(one.after) for one in changes if one.path.name == "kindgate-a.yml"))


def test_an_untouched_suite_is_skipped(suites: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """The command written by `kindgate init` exits with 0 if the merge changes nothing of the suite, and with 1 otherwise."""
    folder, workflow = suites
    step = next(step for step in workflow["jobs"]["changes"]["steps"] if "run" in step)
    other = step | {"run": step["run"].replace(" a ", " b ")}

    assert Runner(folder, tmp_path / "t", ATTEMPT).run(step).returncode == 0
    assert Runner(folder, tmp_path / "t", ATTEMPT).run(other).returncode == 1


@pytest.mark.parametrize(
    ("found", "e2e", "code"), [("false", "skipped", 0), ("true", "success", 0), ("true", "skipped", 1), ("true", "failure", 1)]
)
def test_the_required_check_allows_skipping_only_an_unchanged_suite(
    suites: tuple[Path, dict[str, Any]], tmp_path: Path, found: str, e2e: str, code: int
) -> None:
    """Only an unchanged suite may be skipped."""
    _, workflow = suites
    step, summarize = workflow["jobs"]["kindgate-a"]["steps"]
    needs = {
        "changes": {"result": "success", "outputs": {"found": found}},
        "e2e": {"result": e2e},
    }

    summary = tmp_path / "summary.md"
    runner = Runner(tmp_path, tmp_path / "t", {**ATTEMPT, "needs": needs}, {"GITHUB_STEP_SUMMARY": str(summary)})

    assert runner.run(step).returncode == code
    if found == "false":
        assert runner.run(summarize).returncode == 0
        assert summary.read_text() == "not judged: no watched files changed\n"


def test_every_listed_command_was_run() -> None:
    """The last test: every row of the table was run."""
    assert json.dumps(sorted(RUN - _steps_run)) == "[]"
