"""`kindgate init` from the command line: its output, the files it writes, and the files it leaves alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from kindgate.cli.commands import app
from kindgate.errors import KindgateError, ManifestError, SettingsError
from tests.unit.deploy.objects import deployment, ingress, manifest, service, stream
from tests.unit.kubectl import write_kubectl


@pytest.fixture(name="repository")
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with an overlay and a Dockerfile; a variable names the kubectl that builds the overlay."""
    kubectl = write_kubectl(tmp_path)
    root = tmp_path / "shop"
    overlay(root / "deploy/ci", "shop.localhost")
    (root / "Dockerfile").write_text("FROM scratch\n")
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(root)], check=True, timeout=30)
    monkeypatch.chdir(root)
    monkeypatch.setenv("KINDGATE_KIND_KUBECTL_BIN", str(kubectl))
    return root


def overlay(folder: Path, *hosts: str) -> None:
    """Write an overlay with one Deployment and one Ingress per host."""
    folder.mkdir(parents=True)
    objects = [manifest("Namespace", "shop", namespace=""), deployment(), service(), *(ingress(host) for host in hosts)]
    (folder / "kustomization.yaml").write_text("resources: [objects.yaml]\n")
    (folder / "objects.yaml").write_text(yaml.safe_dump_all(objects))


def init(*arguments: str) -> Result:
    """Return the command's result; kindgate's errors are raised."""
    result = CliRunner().invoke(app, ["init", *arguments])
    if isinstance(result.exception, KindgateError):
        raise result.exception
    return result


def files(root: Path) -> dict[str, str]:
    """Return every file of the work tree with its text."""
    paths = [file for file in root.rglob("*") if file.is_file() and ".git/" not in file.as_posix()]
    return {file.relative_to(root).as_posix(): file.read_text() for file in paths}


def test_init_writes_the_files_and_prints_the_next_steps(repository: Path) -> None:
    """It writes a suite and two workflows, and prints three commands."""
    before = files(repository)

    output = init("--source", "acme/kindgate@" + "0123456789" * 4).stdout

    assert set(files(repository)) - set(before) == {
        "e2e/pytest.ini",
        "e2e/slo.yaml",
        "e2e/judge_slo.py",
        "e2e/.gitignore",
        "e2e/.kindgate-init",
        ".github/workflows/kindgate.yml",
        ".github/workflows/kindgate-report.yml",
    }
    assert [line.strip() for line in output.partition("Next:")[2].splitlines() if line] == [
        "docker build -t web:kindgate .",
        "kindgate validate",
        "pytest e2e",
    ]
    assert "OWNER" not in output
    assert "OWNER" not in json.dumps(files(repository))


@pytest.mark.parametrize(
    ("engines", "program"), [(("docker", "podman"), "docker"), (("podman",), "podman"), ((), "docker")], ids=["both", "podman", "none"]
)
def test_the_build_command_uses_the_installed_engine(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engines: tuple[str, ...], program: str
) -> None:
    """The command can be pasted as printed."""
    folder = tmp_path / "path"
    folder.mkdir()
    programs = {"git": shutil.which("git"), "python3": sys.executable, **dict.fromkeys(engines, "/bin/true")}
    for name, target in programs.items():
        (folder / name).write_text(f'#!/bin/sh\nexec {target} "$@"\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}")

    assert f"  {program} build -t web:kindgate .\n" in init().stdout
    assert (repository / "e2e").is_dir()


def test_a_second_init_changes_nothing(repository: Path) -> None:
    """It reports each file as unchanged."""
    init()
    once = files(repository)

    output = init().stdout

    assert files(repository) == once
    assert output.count("unchanged") == 7
    assert "replace both" in output


def test_a_dry_run_shows_every_change_and_writes_nothing(repository: Path) -> None:
    """The output is a diff."""
    before = files(repository)

    output = init("--dry-run").stdout

    assert files(repository) == before
    assert "+++ .github/workflows/kindgate.yml" in output
    assert "+app_overlay = ../deploy/ci" in output


def test_edited_files_are_kept_and_their_diff_shown(repository: Path) -> None:
    """The diff goes from the existing file to the one that would have been written."""
    init()
    test = repository / "e2e/judge_slo.py"
    test.write_text("# mine\n")

    output = init().stdout

    assert test.read_text() == "# mine\n"
    assert "kept as is  e2e/judge_slo.py" in output
    assert "-# mine" in output


def test_each_of_several_applications_gets_its_own_files(repository: Path) -> None:
    """Files go into its folder and workflows carry its name; the next commands start with a cd into the folder."""
    overlay(repository / "services/a/k8s", "a.localhost")

    output = init("--dir", "services/a").stdout

    written = files(repository)
    assert {"services/a/e2e/pytest.ini", "services/a/e2e/slo.yaml", ".github/workflows/kindgate-services-a.yml"} <= set(written)
    assert "e2e/pytest.ini" not in written
    assert "app_overlay = ../k8s" in written["services/a/e2e/pytest.ini"].splitlines()
    assert f"cd {repository / 'services/a'}" in output
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
    """The error names the bad input."""
    before = files(repository)

    with pytest.raises(error, match=words):
        init(*arguments)

    assert files(repository) == before


def test_other_arguments_update_unedited_files(repository: Path) -> None:
    """The difference is shown, and a later call without arguments keeps the choice."""
    overlay(repository / "deploy/other", "other.localhost")
    init()

    output = init("--overlay", "deploy/other").stdout
    again = init().stdout

    assert "update  e2e/pytest.ini" in output
    assert "-app_overlay = ../deploy/ci\n+app_overlay = ../deploy/other" in output
    assert "app_overlay = ../deploy/other" in (repository / "e2e/pytest.ini").read_text()
    assert again.count("unchanged") == 7


def replaced(repository: Path, **files: str) -> None:
    """Give the repository plain manifests and no overlay."""
    for file in (repository / "deploy").rglob("*.yaml"):
        file.unlink()
    for name, text in files.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text)


def remaining_errors(output: str) -> list[str]:
    """Return the errors about the application's own objects; kubectl's stand-in generates no ConfigMap for the bundled components."""
    return [line for line in output.splitlines() if line.strip().startswith("error: ") and " shop/" in line]


def manifests_with_service(kind: str) -> str:
    """Return a Deployment and its Service of the given type."""
    item = service()
    item["spec"]["type"] = kind
    return stream(deployment(), item)


@pytest.mark.parametrize("kind", ["LoadBalancer", "NodePort", "ClusterIP"])
def test_an_application_without_an_ingress_gets_one_in_the_suite(repository: Path, kind: str) -> None:
    """The project's manifests stay unchanged, because their own deployment must not get the Ingress."""
    replaced(repository, **{"k8s/all.yaml": manifests_with_service(kind)})
    before = files(repository)

    output = init().stdout

    written = files(repository)
    assert {name: text for name, text in written.items() if name in before} == before
    assert "host: web.localhost" in written["e2e/overlay/ingress.yaml"]
    assert "../../k8s" in written["e2e/overlay/kustomization.yaml"]
    assert "app_overlay = overlay" in written["e2e/pytest.ini"]
    assert "note: nothing routes requests to Service shop/web: adding an Ingress with host web.localhost" in output
    assert remaining_errors(output) == []


def test_plain_manifests_are_judged_unchanged(repository: Path) -> None:
    """If nothing is missing, no overlay is added; a namespace that is used but not defined is created."""
    replaced(repository, **{"k8s/web.yaml": stream(deployment(), service()), "k8s/ingress.yaml": stream(ingress("shop.localhost"))})

    output = init().stdout

    assert "app_overlay = ../k8s\n" in (repository / "e2e/pytest.ini").read_text()
    assert not (repository / "e2e/overlay").exists()
    assert "manifests: k8s" in output
    assert "namespace shop is used but not in the manifests: kindgate creates it" in output
    assert remaining_errors(output) == []


def test_everything_left_to_do_is_listed_at_the_end(repository: Path) -> None:
    """Files are written, and the manifests' problems are listed together."""
    web = deployment()
    web["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [
        {"configMapRef": {"name": "nowhere"}},
        {"configMapRef": {"name": "lost"}},
    ]
    replaced(repository, **{"k8s/web.yaml": stream(web, service()), "k8s/ingress.yaml": stream(ingress("shop.localhost"))})

    left = init().stdout.partition("Before the suite can run")[2]

    assert "nowhere" in left
    assert "lost" in left
    assert (repository / "e2e/pytest.ini").is_file()


def test_several_dockerfiles_are_built_by_one_command(repository: Path) -> None:
    """A Dockerfile that matches no image is reported."""
    worker = deployment(container={"image": "example/worker:1"})
    worker["metadata"]["name"] = "worker"
    (repository / "Dockerfile").unlink()
    text = {f"{name}/Dockerfile": "FROM scratch\n" for name in ("web", "worker", "tools")}
    replaced(repository, **{"k8s/all.yaml": stream(deployment(), service(), worker, ingress("shop.localhost"))}, **text)

    output = init().stdout

    assert "kindgate build" in output.partition("Next:")[2]
    assert "tools/Dockerfile is not built" in output
    assert "app_build =\n    web:kindgate=../web\n    worker:kindgate=../worker\n" in (repository / "e2e/pytest.ini").read_text()


def test_an_application_without_routes_is_refused(repository: Path) -> None:
    """Requests need some way in."""
    replaced(repository, **{"k8s/all.yaml": stream(deployment(container={"ports": []}))})

    with pytest.raises(ManifestError, match="nothing routes requests to it"):
        init()

    assert not (repository / "e2e").exists()


def test_uncommitted_secrets_get_placeholders(repository: Path) -> None:
    """They are in a file in the suite's folder, one line each to edit, and edited lines are kept."""
    variable = {"name": "T", "valueFrom": {"secretKeyRef": {"name": "shop-credentials", "key": "token"}}}
    replaced(repository, **{"k8s/web.yaml": stream(deployment(container={"env": [variable]}), service(), ingress("shop.localhost"))})

    output = init().stdout

    written = repository / "e2e/overlay/placeholders.yaml"
    (secret,) = yaml.safe_load_all(written.read_text())
    assert secret["stringData"] == {"token": "placeholder"}
    line = 1 + written.read_text().splitlines().index("  token: placeholder")
    assert f"e2e/overlay/placeholders.yaml:{line}: Secret shop/shop-credentials: stringData.token" in output
    assert remaining_errors(output) == []
    written.write_text(written.read_text().replace("token: placeholder", "token: for-tests"))
    assert "kept as is  e2e/overlay/placeholders.yaml" in init().stdout


def test_a_secret_applied_before_needs_no_placeholder(repository: Path) -> None:
    """A placeholder would overwrite it."""
    variable = {"name": "T", "valueFrom": {"secretKeyRef": {"name": "shop-credentials", "key": "token"}}}
    replaced(repository, **{"k8s/web.yaml": stream(deployment(container={"env": [variable]}), service(), ingress("shop.localhost"))})
    init()
    (repository / "secrets.yaml").write_text(stream(manifest("Secret", "shop-credentials", stringData={"token": "for-tests"})))
    with (repository / "e2e/pytest.ini").open("a") as file:
        file.write("app_apply = ../secrets.yaml\n")

    output = init().stdout

    assert not (repository / "e2e/overlay/placeholders.yaml").exists()
    assert remaining_errors(output) == []


def test_a_placeholder_image_is_built_or_given(repository: Path) -> None:
    """It is built from the repository's Dockerfile, whose port receives the requests, or given by one argument, which is remembered."""
    template = deployment(container={"image": "${REGISTRY}/web:${TAG}", "ports": []})
    template["spec"]["template"]["spec"]["containers"][0].pop("readinessProbe")
    (repository / "Dockerfile").write_text("FROM scratch\nEXPOSE 8080\n")
    replaced(repository, **{"k8s/web.yaml": stream(template)})

    built = init().stdout

    assert remaining_errors(built) == []
    assert "app_image = web=web:kindgate" in (repository / "e2e/pytest.ini").read_text()
    assert "targetPort: 8080" in (repository / "e2e/overlay/ingress.yaml").read_text()
    given = init("--image", "web=registry.example/team/web:1").stdout
    assert remaining_errors(given) == []
    assert "app_image" not in (repository / "e2e/pytest.ini").read_text()
    assert init().stdout.count("unchanged") == given.count("unchanged") + given.count("update")
