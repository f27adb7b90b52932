"""The user's kindgate folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import HostError
from kindgate.host.paths import cache_dir, state_dir


def test_environment_variables_set_the_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CI can move the cache to a folder that it saves; folders are created on demand."""
    monkeypatch.setenv("KINDGATE_CACHE_DIR", str(tmp_path / "a/cache"))
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(tmp_path / "a/state"))
    assert cache_dir() == tmp_path / "a/cache"
    assert state_dir() == tmp_path / "a/state"
    assert cache_dir().is_dir()
    assert state_dir().is_dir()


def test_the_state_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state folder contains credentials, so an existing one is made private."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(folder))
    assert state_dir().stat().st_mode & 0o777 == 0o700


def test_the_default_follows_the_platforms_convention(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variables, the platform's convention applies."""
    monkeypatch.delenv("KINDGATE_CACHE_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_dir().is_relative_to(tmp_path)
    assert cache_dir().name == "kindgate"


def test_a_folder_that_cannot_be_created_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable to change."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KINDGATE_CACHE_DIR", str(tmp_path / "file/cache"))
    with pytest.raises(HostError, match="cannot use") as refused:
        cache_dir()
    assert "KINDGATE_CACHE_DIR" in refused.value.next_step
