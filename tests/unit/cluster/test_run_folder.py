"""A run's private folder is removed with the run, by whichever process cleans up."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from kindgate.cluster.run_folder import claim_run_folder, remove_dead_runs, remove_run_folder, run_folder
from kindgate.process import ProcessName


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(tmp_path))


def test_only_a_dead_runs_folder_is_removed() -> None:
    """A dead run's folder is removed completely; one that is in use, of another boot or not claimed yet is kept."""
    claim_run_folder("alive")
    current = ProcessName.current()
    for name, process in (("dead", replace(current, started="0")), ("elsewhere", replace(current, boot_id="another boot"))):
        folder = claim_run_folder(name)
        (folder / "process.json").write_text(json.dumps(asdict(process)))
        (folder / "archive.tar").touch()
    run_folder("unclaimed").mkdir()

    assert remove_dead_runs() == ("dead",)
    assert sorted(path.name for path in run_folder("alive").parent.iterdir()) == ["alive", "elsewhere", "unclaimed"]


def test_only_a_runs_folder_can_be_removed(tmp_path: Path) -> None:
    """A path from elsewhere is not deleted."""
    (tmp_path / "precious").mkdir()
    claim_run_folder("mine")

    remove_run_folder(tmp_path / "precious")
    remove_run_folder(run_folder("mine"))
    remove_run_folder(run_folder("mine"))

    assert [path.name for path in sorted(tmp_path.iterdir())] == ["precious", "runs"]
    assert not run_folder("mine").exists()
