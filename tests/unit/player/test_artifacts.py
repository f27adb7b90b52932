"""Uploads and downloads, as the actions do them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from tests.player.artifacts import ActionFailed, ArtifactStore, download, upload


@pytest.fixture(name="work")
def _work(tmp_path: Path) -> Path:
    """A workspace with a report and evidence next to it."""
    for name in ("e2e/artifacts/report.json", "e2e/artifacts/bursts/1.json", "e2e/artifacts/.secret", "page.html"):
        (tmp_path / "work" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "work" / name).write_text(name)
    return tmp_path / "work"


def names(content: bytes) -> list[str]:
    """Return the members of an archive."""
    return sorted(zipfile.ZipFile(io.BytesIO(content)).namelist())


@pytest.mark.parametrize(
    ("paths", "members"),
    [
        (["e2e/artifacts/report.json"], ["report.json"]),
        (["e2e/artifacts/report.json", "e2e/artifacts/bursts"], ["bursts/1.json", "report.json"]),
        (["e2e/artifacts"], ["bursts/1.json", "report.json"]),
        (["e2e/artifacts/report.json", "missing.txt"], ["e2e/artifacts/report.json"]),
    ],
)
def test_names_in_an_archive_count_from_what_the_paths_have_in_common(work: Path, paths: list[str], members: list[str]) -> None:
    """Names are relative to the paths' common parent, and hidden files are excluded."""
    made, _ = upload(ArtifactStore(), 1, work, "a", paths, missing="error", archive=True)

    assert made is not None
    assert names(made.content) == members


def test_a_missing_file_warns_or_fails_as_is_asked(work: Path) -> None:
    """`ignore` produces no message."""
    store = ArtifactStore()

    assert upload(store, 1, work, "a", ["none"], missing="ignore", archive=True) == (None, "")
    assert "no files were found" in upload(store, 1, work, "a", ["none"], missing="warn", archive=True)[1]
    with pytest.raises(ActionFailed):
        upload(store, 1, work, "a", ["none"], missing="error", archive=True)


def test_a_name_is_taken_once_in_a_run(work: Path) -> None:
    """Another run can use the same name."""
    store = ArtifactStore()
    upload(store, 1, work, "a", ["page.html"], missing="error", archive=True)
    upload(store, 2, work, "a", ["page.html"], missing="error", archive=True)

    with pytest.raises(ActionFailed):
        upload(store, 1, work, "a", ["page.html"], missing="error", archive=True)


def test_a_single_file_without_archive_keeps_its_own_name(work: Path) -> None:
    """The given name is ignored."""
    made, _ = upload(ArtifactStore(), 1, work, "other", ["page.html"], missing="error", archive=False)

    assert made is not None
    assert (made.name, made.content) == ("page.html", b"page.html")


def test_a_download_by_name_has_no_folder_and_one_by_pattern_has(work: Path, tmp_path: Path) -> None:
    """Both download only from the given run."""
    store = ArtifactStore()
    for run, name in ((1, "kindgate-report-a-1"), (1, "kindgate-report-b-1"), (1, "other"), (2, "kindgate-report-c-1")):
        upload(store, run, work, name, ["e2e/artifacts/report.json"], missing="error", archive=True)

    download(store, 1, tmp_path / "one", name="other", pattern="", merge=False)
    download(store, 1, tmp_path / "all", name="", pattern="kindgate-report-*", merge=False)

    assert [file.name for file in (tmp_path / "one").iterdir()] == ["report.json"]
    assert sorted(str(file.relative_to(tmp_path / "all")) for file in (tmp_path / "all").rglob("*.json")) == [
        "kindgate-report-a-1/report.json",
        "kindgate-report-b-1/report.json",
    ]
    with pytest.raises(ActionFailed):
        download(store, 2, tmp_path / "none", name="other", pattern="", merge=False)
