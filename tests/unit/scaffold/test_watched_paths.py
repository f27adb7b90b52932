"""The watched paths of one suite among several: everything it is made of, wherever its settings point."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.scaffold.repository import Repository
from kindgate.scaffold.watched_paths import watched_paths

SETTINGS = """[pytest]
kindgate_suite = true
app_overlay = ../deploy
app_apply = ../../../platform/crds.yaml ../../../platform/database
app_values = ../../../platform/values.yaml
kind_load = ../../../images/base.tar nginx:1.29
app_build =
    shop:dev=../../../images/shop,file=Containerfile
kind_config = ../../../platform/kind.yaml
slo_file = ../../../objectives.yaml
slo_base = origin/main
"""


def _repository(root: Path, settings: str, *files: str) -> Repository:
    suite = root / "services/a/e2e"
    suite.mkdir(parents=True)
    (suite / "pytest.ini").write_text(settings)
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    return Repository(root, root / "services/a", suite, "main")


def test_paths_in_the_settings_are_watched(tmp_path: Path) -> None:
    """Settings added after `kindgate init` count; a git ref as base and an engine's image are not paths."""
    files = ("platform/crds.yaml", "platform/values.yaml", "platform/kind.yaml", "images/base.tar", "images/shop/Containerfile")
    repository = _repository(tmp_path, SETTINGS, *files, "objectives.yaml", "platform/database/db.yaml")

    assert watched_paths(repository, ()) == [
        "services/a",
        "images/base.tar",
        "images/shop",
        "objectives.yaml",
        "platform/crds.yaml",
        "platform/database",
        "platform/kind.yaml",
        "platform/values.yaml",
    ]


def test_bases_of_watched_paths_are_watched(tmp_path: Path) -> None:
    """The bases of a kustomization that is applied first are watched too."""
    repository = _repository(tmp_path, "[pytest]\napp_apply = ../../../platform/ci\n")
    for folder, base in (("platform/ci", "../base"), ("platform/base", "../common")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "kustomization.yaml").write_text(f"resources: [{base}]\n")
    (tmp_path / "platform/common").mkdir()

    assert watched_paths(repository, ()) == ["services/a", "platform/base", "platform/ci", "platform/common"]


@pytest.mark.parametrize("settings", ["[pytest\n", "[pytest]\nkind_workers = many\n", "[pytest]\napp_apply = ../../../../elsewhere\n"])
def test_settings_without_repository_paths_add_nothing(tmp_path: Path, settings: str) -> None:
    """Invalid settings add no path; `kindgate validate` reports them."""
    (tmp_path / "elsewhere").mkdir()
    assert watched_paths(_repository(tmp_path / "repository", settings), ()) == ["services/a"]
