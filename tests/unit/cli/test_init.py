"""`kindgate init` as it is typed: what it says, what it writes, and what it leaves alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from kindgate.cli.commands import app
from kindgate.errors import KindgateError, ManifestError, SettingsError
from tests.unit.deploy.objects import deployment, ingress, manifest, service

KUBECTL = """#!/usr/bin/env python3
import json, pathlib, re, sys
if "version" in sys.argv:
    print(json.dumps({"clientVersion": {"gitVersion": "v1.37.0"}}))
else:
    wrapper = pathlib.Path(sys.argv[2])
    overlay = re.search(r"resources:\\n- (.+)", (wrapper / "kustomization.yaml").read_text())[1]
    print((wrapper / overlay / "objects.yaml").read_text())
"""


@pytest.fixture(name="repository")
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with an overlay and a Dockerfile; a kubectl that builds the overlay is asked for by its variable."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    root = tmp_path / "shop"
    overlay(root / "deploy/ci", "shop.localhost")
    (root / "Dockerfile").write_text("FROM scratch\n")
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(root)], check=True, timeout=30)
    monkeypatch.chdir(root)
    monkeypatch.setenv("KINDGATE_KIND_KUBECTL_BIN", str(kubectl))
    return root


def overlay(folder: Path, *hosts: str) -> None:
    """An overlay of one Deployment behind one Ingress per host."""
    folder.mkdir(parents=True)
    objects = [manifest("Namespace", "shop", namespace=""), deployment(), service(), *(ingress(host) for host in hosts)]
    (folder / "kustomization.yaml").write_text("resources: [objects.yaml]\n")
    (folder / "objects.yaml").write_text(yaml.safe_dump_all(objects))


def init(*arguments: str) -> Result:
    """What the command did; errors of ours are raised."""
    result = CliRunner().invoke(app, ["init", *arguments])
    if isinstance(result.exception, KindgateError):
        raise result.exception
    return result


def files(root: Path) -> dict[str, str]:
    """Every file of the work tree with its text."""
    found = [file for file in root.rglob("*") if file.is_file() and ".git/" not in file.as_posix()]
    return {file.relative_to(root).as_posix(): file.read_text() for file in found}


def test_it_writes_and_says_what_is_next(repository: Path) -> None:
    """A suite, two workflows, and three commands."""
    before = files(repository)

    said = init("--source", "acme/kindgate@" + "0123456789" * 4).stdout

    assert set(files(repository)) - set(before) == {
        "e2e/pytest.ini",
        "e2e/slo.yaml",
        "e2e/judge_slo.py",
        "e2e/.gitignore",
        "e2e/.kindgate-init",
        ".github/workflows/kindgate.yml",
        ".github/workflows/kindgate-report.yml",
    }
    assert [line.strip() for line in said.partition("Next:")[2].splitlines() if line] == [
        "docker build -t web:kindgate .",
        "kindgate validate",
        "pytest e2e",
    ]
    assert "OWNER" not in said
    assert "OWNER" not in json.dumps(files(repository))


def test_a_second_time_it_changes_nothing(repository: Path) -> None:
    """And says so of each file."""
    init()
    once = files(repository)

    said = init().stdout

    assert files(repository) == once
    assert said.count("unchanged") == 7
    assert "put both in" in said


def test_a_dry_run_shows_all_and_writes_nothing(repository: Path) -> None:
    """As a diff."""
    before = files(repository)

    said = init("--dry-run").stdout

    assert files(repository) == before
    assert "+++ .github/workflows/kindgate.yml" in said
    assert "+app_overlay = ../deploy/ci" in said


def test_what_differs_is_kept_and_shown(repository: Path) -> None:
    """The diff leads from what is there to what would have been written."""
    init()
    test = repository / "e2e/judge_slo.py"
    test.write_text("# mine\n")

    said = init().stdout

    assert test.read_text() == "# mine\n"
    assert "kept as it is  e2e/judge_slo.py" in said
    assert "-# mine" in said


def test_a_suite_of_several_gets_files_of_its_own(repository: Path) -> None:
    """In its folder, with workflows under its name; it is entered before the next commands."""
    overlay(repository / "services/a/k8s", "a.localhost")

    said = init("--dir", "services/a").stdout

    written = files(repository)
    assert {"services/a/e2e/pytest.ini", "services/a/e2e/slo.yaml", ".github/workflows/kindgate-services-a.yml"} <= set(written)
    assert "e2e/pytest.ini" not in written
    assert "app_overlay = ../k8s" in written["services/a/e2e/pytest.ini"].splitlines()
    assert f"cd {repository / 'services/a'}" in said
    assert 'directory: "services/a/e2e"' in written[".github/workflows/kindgate-services-a.yml"]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("--overlay", "deploy/nowhere"), ManifestError, "nowhere"),
        (("--dir", "nowhere"), SettingsError, "nowhere"),
        (("--source", "acme/kindgate@v1"), SettingsError, "--source"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    repository: Path, arguments: tuple[str, ...], error: type[KindgateError], words: str
) -> None:
    """The error names it."""
    before = files(repository)

    with pytest.raises(error, match=words):
        init(*arguments)

    assert files(repository) == before


def test_an_overlay_without_a_host_is_refused_with_an_example(repository: Path) -> None:
    """Requests have to get in somehow."""
    overlay(repository / "bare")

    with pytest.raises(ManifestError, match="no Ingress") as caught:
        init("--overlay", "bare")

    assert "kind: Ingress" in caught.value.next_step
