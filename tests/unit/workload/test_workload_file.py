"""The files of a workload document."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kindgate.errors import SloError
from kindgate.workload.workload_file import read_workload

ROUTES = "routes: [{name: a, path: /a, body: {file: x.bin}}]\n"


def test_a_workload_is_in_the_slo_file_or_in_the_file_that_it_names(tmp_path: Path) -> None:
    """Other files are relative to the document that names them, and errors name that document."""
    (tmp_path / "load").mkdir()
    (tmp_path / "load/shop.yaml").write_text("\ufeff" + ROUTES, encoding="utf-8")
    slo_file = tmp_path / "slo.yaml"

    slo_file.write_text("workload: {" + ROUTES.strip() + "}")
    inline = read_workload(slo_file, "e2e/slo.yaml")
    slo_file.write_text("workload: load/shop.yaml")
    included = read_workload(slo_file, "e2e/slo.yaml")

    assert inline is not None
    assert included is not None
    assert included == inline
    assert (inline.folder, included.folder) == (tmp_path, tmp_path / "load")
    assert inline.source("routes").file == "e2e/slo.yaml"
    assert included.source("routes").file == "e2e/load/shop.yaml"


def test_without_a_workload_there_is_none(tmp_path: Path) -> None:
    """Entries are requested then; the objectives' reader decides whether a missing file is an error."""
    (tmp_path / "slo.yaml").write_text("thresholds: {http_req_duration: [p(95)<200]}")

    assert read_workload(tmp_path / "slo.yaml", "slo.yaml") is None
    assert read_workload(tmp_path / "missing.yaml", "slo.yaml") is None


def test_a_file_that_cannot_be_read_is_reported_where_it_is_named(tmp_path: Path) -> None:
    """A missing file, a folder, a pipe and a binary file are different problems."""
    (tmp_path / "slo.yaml").write_text("workload: load.yaml")
    load = tmp_path / "load.yaml"

    def problem() -> str:
        with pytest.raises(SloError) as caught:
            read_workload(tmp_path / "slo.yaml", "slo.yaml")
        assert caught.value.message.startswith("slo.yaml:1:11: ")
        return caught.value.message

    assert "No such file" in problem()
    load.mkdir()
    assert "not a file" in problem()
    load.rmdir()
    os.mkfifo(load)
    assert "not a file" in problem()
    load.unlink()
    load.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in problem()


def test_a_mistake_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    """The position is that in the included file."""
    (tmp_path / "slo.yaml").write_text("workload: load.yaml")
    (tmp_path / "load.yaml").write_text("routes:\n  - name: a\n")

    with pytest.raises(SloError, match=r"^load\.yaml:2:5: the request has no path"):
        read_workload(tmp_path / "slo.yaml", "slo.yaml")
