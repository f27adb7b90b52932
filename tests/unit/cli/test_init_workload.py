"""`kindgate init --from-...` from the command line: in a repository with a suite, in a new one, and with bad input."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from kindgate.cli.commands import app
from kindgate.errors import KindgateError, SettingsError, SloError
from tests.unit.deploy.objects import deployment, ingress, manifest, service
from tests.unit.kubectl import write_kubectl
from tests.unit.scaffold.workload_sources.imports import entry, har, log_line, openapi

OK = {"responses": {"200": {"description": "ok"}}}
API = openapi({"/products": {"get": OK}, "/orders": {"post": OK}})


@pytest.fixture(name="repository")
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with an API description and a suite that kindgate generated."""
    root = tmp_path / "shop"
    (root / "e2e").mkdir(parents=True)
    (root / "openapi.json").write_text(API)
    (root / "e2e/pytest.ini").write_text("[pytest]\nkindgate_suite = true\n")
    (root / "e2e/slo.yaml").write_text("thresholds: {http_req_failed: ['rate<0.01']}\n")
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(root)], check=True, timeout=30)
    monkeypatch.chdir(root)
    return root


def init(*arguments: str) -> Result:
    """Return the command's result; kindgate's errors are raised."""
    result = CliRunner().invoke(app, ["init", *arguments])
    if isinstance(result.exception, KindgateError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def files(root: Path) -> set[str]:
    """Every file of the work tree."""
    return {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file() and ".git/" not in file.as_posix()}


def test_a_repository_with_a_suite_gets_a_workload_and_nothing_else(repository: Path) -> None:
    """Manifests are neither needed nor read."""
    before = files(repository)

    output = init("--from-openapi", "openapi.json").stdout

    assert files(repository) - before == {"e2e/workload.yaml", "e2e/.kindgate-workload"}
    assert "create  e2e/workload.yaml" in output
    assert "1 route; 1 that may change data is commented out" in output
    assert "workload: workload.yaml" in output.partition("add to the SLO file:")[2]


def test_a_dry_run_shows_the_workload(repository: Path) -> None:
    """Nothing is written."""
    before = files(repository)

    output = init("--from-openapi", "openapi.json", "--unsafe", "--dry-run").stdout

    assert files(repository) == before
    assert "+  - name: post-orders" in output


def test_what_was_dropped_is_printed(repository: Path) -> None:
    """With reasons and counts."""
    (repository / "access.log").write_text(log_line("/") * 3 + log_line("/missing", status=404) * 2)

    assert "  2x requests: answered with 404" in init("--from-access-log", "access.log").stdout


def test_a_recording_and_a_script_are_read(repository: Path) -> None:
    """Each of them replaces the unedited workload of the one before."""
    (repository / "visit.har").write_text(har(entry("https://shop.example.com/a"), entry("https://shop.example.com/b")))
    (repository / "load.js").write_text("import http from 'k6/http'; export default () => { http.get('https://shop.example.com/c'); };\n")

    init("--from-har", "visit.har")
    recorded = (repository / "e2e/workload.yaml").read_text()
    init("--from-k6", "load.js")

    assert [one["path"] for one in yaml.safe_load(recorded)["routes"]] == ["/a", "/b"]
    assert [one["path"] for one in yaml.safe_load((repository / "e2e/workload.yaml").read_text())["routes"]] == ["/c"]


def test_the_folder_can_be_named(repository: Path) -> None:
    """A suite that a person wrote has no mark of kindgate's."""
    before = files(repository)

    init("--from-openapi", "openapi.json", "--workload-dir", "tests/load")

    assert files(repository) - before == {"tests/load/workload.yaml", "tests/load/.kindgate-workload"}


def test_a_new_repository_gets_a_suite_that_uses_the_workload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One command from a description to a judged load."""
    root = tmp_path / "new"
    overlay = root / "deploy"
    overlay.mkdir(parents=True)
    objects = [manifest("Namespace", "shop", namespace=""), deployment(), service(), ingress("shop.localhost")]
    (overlay / "kustomization.yaml").write_text("resources: [objects.yaml]\n")
    (overlay / "objects.yaml").write_text(yaml.safe_dump_all(objects))
    (root / "openapi.json").write_text(API)
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(root)], check=True, timeout=30)
    monkeypatch.setenv("KINDGATE_KIND_KUBECTL_BIN", str(write_kubectl(tmp_path)))
    monkeypatch.chdir(root)

    init("--from-openapi", "openapi.json")

    assert yaml.safe_load((root / "e2e/slo.yaml").read_text())["workload"] == "workload.yaml"
    assert (root / "e2e/workload.yaml").is_file()
    output = init().stdout
    assert "kept as is  e2e/slo.yaml" in output
    assert (root / "e2e/workload.yaml").is_file()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--from-openapi", "openapi.json", "--from-har", "x.har"], SettingsError, "--from-openapi and --from-har cannot be combined"),
        (["--unsafe"], SettingsError, "--unsafe needs a source of load"),
        (["--include", "/a"], SettingsError, "--include needs a source of load"),
        (["--workload-dir", "x"], SettingsError, "--workload-dir needs a source of load"),
        (["--from-openapi", "openapi.json", "--host", "x"], SettingsError, "--host does not apply to --from-openapi"),
        (["--from-har", "missing.har"], SettingsError, "--from-har missing.har: No such file"),
        (["--from-har", "openapi.json"], SloError, "openapi.json:1:1: a HAR file has a list of requests"),
        (["--from-openapi", "e2e/slo.yaml"], SloError, "e2e/slo.yaml:1:1: neither `openapi` nor `swagger`"),
        (["--from-k6", "openapi.json"], SloError, "openapi.json:1:1: "),
        (["--from-access-log", "openapi.json"], SloError, "openapi.json:1:1: 1 of 1 lines are not in a known format"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    repository: Path, arguments: list[str], error: type[KindgateError], message: str
) -> None:
    """The error names the option, or the place in the file."""
    before = files(repository)

    with pytest.raises(error) as caught:
        init(*arguments)

    assert message in caught.value.message
    assert files(repository) == before
