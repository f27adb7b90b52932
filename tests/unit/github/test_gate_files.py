"""`kindgate.github.gate_files`: the files that decide what a suite judges, resolved as Kustomize does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kindgate.github.gate_files import KUSTOMIZATIONS_LIMIT, gate_paths_of, manifest_files
from kindgate.settings import Settings
from kindgate.settings_sources import build_settings

OVERLAY = """
resources: [../base, extra.yaml, "https://github.com/acme/other//deploy?ref=v1"]
components: [../components/monitoring]
patches: [{path: patches/replicas.yaml}, {patch: "[]"}]
patchesStrategicMerge: [limits.yaml, "apiVersion: v1\\nkind: ConfigMap\\n"]
configMapGenerator: [{name: a, files: [config/app.conf, key=config/other.conf], envs: [app.env]}]
secretGenerator: [{name: b, env: secret.env}]
replacements: [{path: replacement.yaml}]
helmCharts: [{name: redis, valuesFile: redis.yaml, additionalValuesFiles: [more.yaml]}]
openapi: {path: schema.json}
"""
FILES = {
    "k8s/overlays/ci/kustomization.yaml": OVERLAY,
    "k8s/overlays/base/kustomization.yml": "resources: [deployment.yaml]\n",
    "k8s/overlays/components/monitoring/Kustomization": "kind: Component\nresources: [rules]\n",
}


def read(path: str) -> str:
    """Read a file of the commit."""
    return FILES.get(path, "")


def test_all_files_read_by_kustomize_are_found() -> None:
    """Every key that names a file is followed, through bases and components; URLs are not files."""
    ci = {
        "kustomization.yaml",
        "app.env",
        "config/app.conf",
        "config/other.conf",
        "extra.yaml",
        "limits.yaml",
        "more.yaml",
        "patches/replicas.yaml",
        "redis.yaml",
        "replacement.yaml",
        "schema.json",
        "secret.env",
    }
    below = {"base/kustomization.yml", "base/deployment.yaml", "components/monitoring/Kustomization", "components/monitoring/rules"}

    found = manifest_files(read, "k8s/overlays/ci")

    assert found == {f"k8s/overlays/ci/{one}" for one in ci} | {f"k8s/overlays/{one}" for one in below}


def settings(directory: str, **ini: str) -> Settings:
    """A suite's settings; its folder is relative to the repository."""
    return build_settings(Path(directory), {}, ini, {})


def test_files_named_in_the_settings_belong_to_the_gate() -> None:
    """Files in the settings are relative to the suite's folder; a folder of plain manifests counts as a whole."""
    found = gate_paths_of(
        read,
        settings(
            "services/shop/e2e",
            app_overlay="../../../k8s/overlays/base",
            app_apply="../crds",
            app_values="values.yaml",
            app_build="shop:dev=..,file=build/Containerfile.test web:dev=../web",
            kind_load="../migrate.tar",
            kind_config="kind.yaml",
            slo_file="limits.yml",
        ),
    )

    assert found == (
        "k8s/overlays/base/deployment.yaml",
        "k8s/overlays/base/kustomization.yml",
        "services/shop/build/Containerfile.test",
        "services/shop/crds",
        "services/shop/e2e/kind.yaml",
        "services/shop/e2e/limits.yml",
        "services/shop/e2e/values.yaml",
        "services/shop/migrate.tar",
        "services/shop/web/Containerfile",
        "services/shop/web/Dockerfile",
    )


WORKLOAD = "{data: {user: {csv: users.csv}}, routes: [{name: a, path: '/{user.id}', expect: {schema: ../a.schema.json}}]}"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"e2e/slo.yaml": f"workload: {WORKLOAD}"}, {"a.schema.json", "e2e/users.csv"}),
        (
            {"e2e/slo.yaml": "workload: load/shop.yaml", "e2e/load/shop.yaml": WORKLOAD},
            {"e2e/load/shop.yaml", "e2e/load/users.csv", "e2e/a.schema.json"},
        ),
        ({"e2e/slo.yaml": "workload: ../../shop.yaml"}, set()),
        ({"e2e/slo.yaml": "workload: [no]"}, set()),
        ({"e2e/slo.yaml": "workload: gone.yaml"}, {"e2e/gone.yaml"}),
        (
            {
                "e2e/slo.yaml": "workload: {locust: {file: load/users.py, users: 2}}",
                "e2e/load/users.py": "import shared",
                "e2e/load/shared.py": "import more, users",
            },
            {f"e2e/load/{name}" for name in ("users.py", "users", "shared.py", "shared", "more.py", "more")},
        ),
    ],
    ids=["in the objectives file", "in a file of its own", "outside of the repository", "unreadable", "missing", "a program"],
)
def test_the_files_of_the_workload_belong_to_the_gate(files: dict[str, str], found: set[str]) -> None:
    """Rows and schemas decide what is sent and accepted; a workload that cannot be read fails the run itself."""
    suite = settings("e2e", slo_file="slo.yaml")

    assert set(gate_paths_of(lambda path: files.get(path, ""), suite)) - set(gate_paths_of(lambda _: "", suite)) == found


def test_paths_outside_the_repository_are_ignored() -> None:
    """A path above the repository or an absolute path is not a file of the gate."""
    assert gate_paths_of(read, settings("e2e", app_overlay="../../x", slo_file="/etc/slo.yaml", app_apply="../..")) == ()


@pytest.mark.parametrize("text", ["resources: {a: b}", "- a", "resources: [1, null, {}]", "{", "patches: [x]\nopenapi: 1"])
def test_an_arbitrary_kustomization_does_not_crash(text: str) -> None:
    """A malformed kustomization is part of the gate; Kustomize reports the error."""
    assert manifest_files(lambda path: text if path == "k8s/kustomization.yaml" else "", "k8s") >= {"k8s/kustomization.yaml"}


def test_cycles_and_endless_trees_terminate() -> None:
    """A cycle and an endless tree end after a limited number of requests."""
    requested: list[str] = []

    def endless(path: str) -> str:
        requested.append(path)
        return "resources: [., ../a, deeper]"

    manifest_files(endless, "k8s")

    assert len(requested) <= KUSTOMIZATIONS_LIMIT


@given(st.text(alphabet="./ab", max_size=12))
@example("../..a")  # a name that starts with two dots and has more characters is a file of the repository
def test_no_path_leaves_the_repository(entry: str) -> None:
    """No spelling of a path leaves the repository."""
    found = gate_paths_of(
        lambda path: f"resources: ['{entry}']" if path == "k8s/kustomization.yaml" else "", settings(".", app_overlay="k8s")
    )

    assert not any(path.startswith("/") or path.split("/")[0] == ".." for path in found)
