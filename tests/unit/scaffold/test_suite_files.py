"""The generated files of a repository: written completely, once, and never over existing content."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from iniconfig import IniConfig

from kindgate.gate_paths import GATE_NAMES
from kindgate.scaffold.adaptation import Adaptation
from kindgate.scaffold.builds import Build
from kindgate.scaffold.file_changes import Change, Kind, write
from kindgate.scaffold.init_arguments import NO_ARGUMENTS, InitArguments, with_last_arguments
from kindgate.scaffold.manifest_facts import Application
from kindgate.scaffold.provenance import Provenance
from kindgate.scaffold.repository import Repository
from kindgate.scaffold.suite_files import Plan, wanted_changes
from kindgate.settings_sources import build_settings
from kindgate.slo.slo_file import parse_document
from tests.tools.lint_workflows import write_example
from tests.unit.deploy.objects import manifest

SOURCE = Provenance("acme/kindgate", "0123456789" * 4)
APPLICATION = Application(("shop.localhost",), ("ingress-traefik", "prometheus"))
ROOT = Path(__file__).parents[3]


def suite(root: Path, directory: str = ".") -> Repository:
    """A repository with one suite, or with several."""
    folder = root / directory
    folder.mkdir(parents=True, exist_ok=True)
    return Repository(root, folder, folder / "e2e", "main")


def plan_for(repository: Repository, **more: Any) -> Plan:
    """A plan with the overlay `deploy/ci` and an image built from the folder's Dockerfile; `more` replaces fields."""
    builds = (Build("example.org/shop", "shop:kindgate", repository.folder),)
    return replace(Plan((repository.folder / "deploy/ci",), replace(APPLICATION, builds=builds)), **more)


def changes(repository: Repository, plan: Plan | None = None) -> dict[str, Change]:
    """Return the planned changes by path from the root."""
    found = wanted_changes(repository, plan or plan_for(repository), SOURCE)
    return {one.path.relative_to(repository.root).as_posix(): one for one in found}


def settings(change: Change) -> dict[str, str]:
    """Parse a pytest.ini into its values."""
    return dict(IniConfig("pytest.ini", data=change.after)["pytest"].items())


def workflow(change: Change) -> dict[str, Any]:
    """Parse a workflow; YAML 1.1 reads its key `on` as true."""
    content: dict[Any, Any] = yaml.safe_load(change.after or "")
    return {("on" if key is True else key): value for key, value in content.items()}


def test_a_fresh_repository_gets_a_suite_and_two_workflows(tmp_path: Path) -> None:
    """Settings, objectives and a test are in a separate folder; nothing else changes."""
    wanted = changes(suite(tmp_path))

    assert set(wanted) == {
        "e2e/pytest.ini",
        "e2e/slo.yaml",
        "e2e/judge_slo.py",
        "e2e/.gitignore",
        "e2e/.kindgate-init",
        ".github/workflows/kindgate.yml",
        ".github/workflows/kindgate-report.yml",
    }
    assert {one.kind for one in wanted.values()} == {Kind.CREATE}
    assert settings(wanted["e2e/pytest.ini"]) == {
        "kindgate_suite": "true",
        "python_files": "judge_*.py test_*.py",
        "addopts": "--import-mode=importlib",
        "app_overlay": "../deploy/ci",
        "app_component": "ingress-traefik prometheus",
        "app_image": "example.org/shop=shop:kindgate",
        "app_build": "shop:kindgate=..",
        "slo_file": "slo.yaml",
    }
    test = wanted["e2e/judge_slo.py"].after or ""
    ast.parse(test)
    assert parse_document(wanted["e2e/slo.yaml"].after or "", "slo.yaml").thresholds


@pytest.mark.parametrize("directory", [".", "services/a"])
def test_a_second_call_changes_nothing(tmp_path: Path, directory: str) -> None:
    """A second run changes none of the generated files."""
    write(changes(suite(tmp_path, directory)).values())

    assert {one.kind for one in changes(suite(tmp_path, directory)).values()} == {Kind.SAME}


def test_an_edited_file_is_kept_and_its_diff_shown(tmp_path: Path) -> None:
    """A second run keeps every byte of a hand-written file, and of a generated one that was edited."""
    write(changes(suite(tmp_path)).values())
    edited = tmp_path / "e2e/slo.yaml"
    edited.write_text("thresholds: {}\n")

    other = plan_for(suite(tmp_path), paths=(tmp_path / "deploy/other",))
    wanted = changes(suite(tmp_path), other)
    write(wanted.values())

    assert wanted["e2e/slo.yaml"].kind is Kind.KEEP
    assert "-thresholds: {}" in wanted["e2e/slo.yaml"].diff("slo.yaml")
    assert edited.read_text() == "thresholds: {}\n"
    assert changes(suite(tmp_path))["e2e/slo.yaml"].kind is Kind.KEEP


def test_unedited_files_follow_changed_arguments(tmp_path: Path) -> None:
    """Unedited files are renewed if another call has another result."""
    write(changes(suite(tmp_path)).values())

    other = plan_for(suite(tmp_path), paths=(tmp_path / "deploy/other",))
    wanted = changes(suite(tmp_path), other)
    write(wanted.values())

    assert {name for name, one in wanted.items() if one.kind is Kind.UPDATE} == {"e2e/pytest.ini", "e2e/.kindgate-init"}
    assert "app_overlay = ../deploy/other" in (tmp_path / "e2e/pytest.ini").read_text()
    assert {one.kind for one in changes(suite(tmp_path), other).values()} == {Kind.SAME}


def test_an_overlay_named_in_edited_settings_is_kept(tmp_path: Path) -> None:
    """An overlay that edited settings refer to is kept even if the manifests no longer need it."""
    needed = plan_for(suite(tmp_path), adaptation=Adaptation(added=(manifest("Ingress", "kindgate-web"),)))
    write(changes(suite(tmp_path), needed).values())
    with (tmp_path / "e2e/pytest.ini").open("a") as file:
        file.write("load_rate = 50\n")

    then = changes(suite(tmp_path))
    write(then.values())

    assert then["e2e/pytest.ini"].kind is Kind.KEEP
    overlay = yaml.safe_load((tmp_path / "e2e/overlay/kustomization.yaml").read_text())
    assert overlay["resources"] == ["../../deploy/ci"]
    assert not (tmp_path / "e2e/overlay/ingress.yaml").exists()


def test_an_adapted_overlay_is_added_and_removed(tmp_path: Path) -> None:
    """The overlay is in the suite's folder, never in the application's, and is removed if the manifests no longer need it."""
    ingress = manifest("Ingress", "kindgate-web")
    needed = plan_for(suite(tmp_path), adaptation=Adaptation(added=(ingress,), notes=("why",)))

    first = changes(suite(tmp_path), needed)
    write(first.values())
    then = changes(suite(tmp_path))
    write(then.values())

    overlay = yaml.safe_load(first["e2e/overlay/kustomization.yaml"].after or "")
    assert overlay["resources"] == ["../../deploy/ci", "ingress.yaml"]
    assert settings(first["e2e/pytest.ini"])["app_overlay"] == "overlay"
    assert {name for name, one in then.items() if one.kind is Kind.DELETE} == {"e2e/overlay/kustomization.yaml", "e2e/overlay/ingress.yaml"}
    assert not (tmp_path / "e2e/overlay/ingress.yaml").exists()


def test_each_image_and_values_file_has_its_own_line(tmp_path: Path) -> None:
    """Each image has one line in its setting, with the stage and file of a build."""
    folder = suite(tmp_path).folder
    builds = (Build("web", "web:kindgate", folder / "web"), Build("api", "api:kindgate", folder, "api/Dockerfile", "run"))
    plan = plan_for(
        suite(tmp_path), application=replace(APPLICATION, builds=builds), values=(folder / "chart/values-ci.yaml",), namespace="team"
    )

    found = settings(changes(suite(tmp_path), plan)["e2e/pytest.ini"])

    assert found["app_build"].split() == ["web:kindgate=../web", "api:kindgate=..,file=api/Dockerfile,target=run"]
    assert found["app_image"].split() == ["web=web:kindgate", "api=api:kindgate"]
    assert (found["app_values"], found["app_namespace"]) == ("../chart/values-ci.yaml", "team")
    assert len(build_settings(tmp_path / "e2e", {}, found, {}).images.build) == 2


def test_arguments_of_the_last_call_are_reused(tmp_path: Path) -> None:
    """A later call needs only the changed arguments; another overlay discards the earlier ones."""
    repository = suite(tmp_path)
    chart, values = tmp_path / "chart", tmp_path / "values.yaml"
    request = with_last_arguments(repository.suite, InitArguments(chart, (values,), "team", ("web=example/web:2",)))
    write(wanted_changes(repository, plan_for(repository), SOURCE, request))

    assert with_last_arguments(repository.suite, NO_ARGUMENTS) == request
    assert with_last_arguments(repository.suite, InitArguments(namespace="other")) == replace(request, namespace="other")
    assert with_last_arguments(repository.suite, InitArguments(tmp_path / "k8s")) == InitArguments(tmp_path / "k8s")


def test_callers_grant_the_permissions_of_the_reusable_workflows(tmp_path: Path) -> None:
    """GitHub rejects a call that grants less, so callers grant exactly the permissions used, and set only existing inputs."""
    wanted = changes(suite(tmp_path))
    for name in ("kindgate.yml", "kindgate-report.yml"):
        jobs = workflow(wanted[f".github/workflows/{name}"])["jobs"]
        calls = [job for job in jobs.values() if "uses" in job]
        assert calls
        for job in calls:
            called = re.fullmatch(rf"acme/kindgate/(\.github/workflows/\w+\.yml)@{SOURCE.commit}", job["uses"])
            assert called is not None
            reusable = yaml.safe_load((ROOT / called[1]).read_text())
            needed = {key: value for inner in reusable["jobs"].values() for key, value in inner["permissions"].items()}
            assert job["permissions"] == needed
            assert set(job["with"]) <= set(reusable[True]["workflow_call"]["inputs"])


def test_the_report_follows_the_workflow_by_its_name(tmp_path: Path) -> None:
    """`workflow_run` refers to the workflow's name, and a leg is published under its upload name."""
    wanted = changes(suite(tmp_path, "services/a"))
    run, report = (workflow(wanted[f".github/workflows/kindgate-services-a{end}.yml"]) for end in ("", "-report"))

    assert report["on"]["workflow_run"]["workflows"] == [run["name"]]
    legs = {job["with"].get("leg") or job["with"]["legs"] for job in (run["jobs"]["e2e"], report["jobs"]["publish"])}
    assert legs == {"services-a"}


def test_the_publisher_expects_the_generated_workflow_and_judge(tmp_path: Path) -> None:
    """The second workflow names the first one's file and the reusable workflow it calls, with its commit."""
    wanted = changes(suite(tmp_path, "services/a"))
    run, report = (workflow(wanted[f".github/workflows/kindgate-services-a{end}.yml"]) for end in ("", "-report"))
    given = report["jobs"]["publish"]["with"]

    assert given["workflow"] == ".github/workflows/kindgate-services-a.yml"
    assert given["judge"] == run["jobs"]["e2e"]["uses"]
    assert report["on"]["workflow_run"]["types"] == ["requested", "completed"]
    assert "services/a" in given["watch"].splitlines()


def test_no_pull_request_job_has_write_permission(tmp_path: Path) -> None:
    """In a pull request, the workflow's file is the pull request's own."""
    for directory in (".", "services/a"):
        wanted = changes(suite(tmp_path, directory))
        run = workflow(next(one for name, one in wanted.items() if name.endswith(".yml") and "-report" not in name))
        assert "write" not in {value for job in run["jobs"].values() for value in job["permissions"].values()}


def test_suites_of_one_repository_share_no_name(tmp_path: Path) -> None:
    """Two suites share no file, check, artifact or comment."""
    named = []
    for directory in ("services/a", "services/b"):
        wanted = changes(suite(tmp_path, directory))
        run = workflow(wanted[f".github/workflows/kindgate-{directory.replace('/', '-')}.yml"])
        report = workflow(wanted[f".github/workflows/kindgate-{directory.replace('/', '-')}-report.yml"])["jobs"]["publish"]["with"]
        named.append({*wanted, run["name"], *(set(run["jobs"]) - {"changes", "e2e"}), report["id"], report["status"]})

    assert named[0] & named[1] == set()


def test_the_required_check_waits_for_every_job_and_has_the_workflows_name(tmp_path: Path) -> None:
    """The check waits for every job, including the one that decides whether the suite has changed."""
    for directory, jobs in ((".", ["e2e"]), ("services/a", ["changes", "e2e"])):
        wanted = changes(suite(tmp_path, directory))
        run = workflow(next(one for name, one in wanted.items() if name.endswith(".yml") and "-report" not in name))
        assert run["jobs"][run["name"]]["needs"] == jobs
        assert set(run["jobs"]) == {*jobs, run["name"]}


def test_one_of_several_suites_runs_if_a_watched_path_changes(tmp_path: Path) -> None:
    """The suite's folder, the folders of its overlay and its workflow count; a `paths:` filter would leave the check pending."""
    for folder, uses in {"services/a/deploy/ci": ["../../../../platform/base"], "platform/base": []}.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "kustomization.yaml").write_text(yaml.safe_dump({"resources": uses}))

    run = workflow(changes(suite(tmp_path, "services/a"))[".github/workflows/kindgate-services-a.yml"])

    command = next(step["run"] for step in run["jobs"]["changes"]["steps"] if "run" in step)
    before, _, paths = command.partition(" -- ")
    assert before == "git diff --quiet HEAD^1 HEAD"
    own = ["services/a", "platform/base", ".github/workflows/kindgate-services-a.yml"]
    assert shlex.split(paths) == [*own, *(f":(glob,icase){pattern}" for pattern in GATE_NAMES)]
    assert run["on"] == {"pull_request": None, "merge_group": None, "push": {"branches": ["main"]}}


@pytest.mark.parametrize(
    "command",
    [
        ("zizmor", "--offline", "--quiet", "--persona", "pedantic", "."),
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
    ],
    ids=lambda command: command[0],
)
def test_generated_workflows_pass_the_linter(tmp_path: Path, command: tuple[str, ...]) -> None:
    """The linters run with the pedantic settings of the project's own workflows."""
    write_example(tmp_path)
    files = sorted(str(file) for file in (tmp_path / ".github/workflows").glob("*.yml"))
    assert len(files) == 8

    program = str(Path(sys.executable).parent / command[0])
    arguments = [*command[1:], *(files if command[0] == "check-jsonschema" else ())]
    done = subprocess.run([program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr
