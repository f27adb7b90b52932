"""A bundle's folder: limited in size, redacted, and with a record of what is missing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.deploy.diagnosis.cause import Cause, CauseKind
from kindgate.errors import ApiError
from kindgate.model import ObjectRef
from kindgate.observe import bundle
from kindgate.observe.bundle import MAX_FILE_BYTES, BundleWriter, bundle_folder
from kindgate.redaction.known_values import KnownValue
from kindgate.redaction.redactor import Redactor

CANARY = "planted-canary"


@pytest.fixture
def writer(tmp_path: Path) -> BundleWriter:
    """A bundle writer that knows one secret."""
    return BundleWriter(tmp_path / "bundle", Redactor([KnownValue(CANARY, "canary")]))


def summary(writer: BundleWriter) -> dict[str, object]:
    """Return the content of bundle.json."""
    finished: dict[str, object] = json.loads((writer.folder / "bundle.json").read_text())
    return finished


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("tests/e2e/test_slo.py::test_latency[foo.localhost]", r"tests-e2e-test_slo\.py--test_latency-foo\.localhost-[0-9a-f]{10}"),
        ("deploy", "deploy"),
        ("../../etc/passwd", "etc-passwd-[0-9a-f]{10}"),
        ("///", "failure-[0-9a-f]{10}"),
        ("x" * 300, "x{100}-[0-9a-f]{10}"),
    ],
)
def test_a_test_name_becomes_a_folder(tmp_path: Path, name: str, folder: str) -> None:
    """Characters that file systems and artifact uploads reject are replaced."""
    folder_found = bundle_folder(tmp_path, name)

    assert folder_found.parent == tmp_path / "failures"
    assert re.fullmatch(folder, folder_found.name)


ALIKE = st.text(alphabet="aA:/[]-. \u00e4\u2212", max_size=8)


@given(first=ALIKE, second=ALIKE, before=st.sampled_from(["", "t" * 150]), behind=st.sampled_from(["", "t" * 150]))
def test_two_names_never_share_a_folder(first: str, second: str, before: str, behind: str) -> None:
    """Names that differ only in a replaced character, a truncated part or case get different folders."""
    names = {before + first + behind, before + second + behind}

    assert len({bundle_folder(Path("/a"), name).name.lower() for name in names}) == len(names)


def test_a_name_equal_to_another_folder_gets_a_different_one() -> None:
    """A name that equals another name's folder gets a different folder."""
    first = bundle_folder(Path("/a"), "t.py::a")

    assert bundle_folder(Path("/a"), first.name) != first


@given(st.text())
def test_no_name_escapes_the_folder(name: str) -> None:
    """Any test name stays inside the folder."""
    folder = bundle_folder(Path("/artifacts"), name)
    assert folder.parent == Path("/artifacts/failures")
    assert folder.name not in {"", ".", ".."}


def test_files_are_redacted(writer: BundleWriter) -> None:
    """All files are written through the redactor."""
    writer.write("logs/app.log", f"connecting with {CANARY}")
    assert (writer.folder / "logs/app.log").read_text() == "connecting with [redacted]"


def test_the_summary_is_redacted(writer: BundleWriter) -> None:
    """Causes and error messages quote untrusted text, so the summary is redacted."""
    with writer.piece("a"):
        raise ApiError(f"refused: {CANARY}")
    with writer.piece("b"):
        raise ValueError(CANARY)
    ref = ObjectRef("Pod", "echo", "foo")
    probe = Cause(CauseKind.PROBE, ref, "Unhealthy", f"probe failed: {CANARY}")
    start = Cause(CauseKind.START, ref, "StartError", "failed to start", reported=f"container app: StartError: {CANARY}")
    finished = writer.finish((probe, start))
    text = (writer.folder / "bundle.json").read_text()
    assert CANARY not in text
    assert [CANARY in cause.finding for cause in finished.causes] == [False, False]
    assert finished.missing["b"] == "ValueError: [redacted]"


def test_a_failed_piece_does_not_affect_the_others(writer: BundleWriter) -> None:
    """Each failure is recorded under the piece's name."""
    with writer.piece("first"):
        raise ApiError("no answer")
    with writer.piece("second"):
        writer.write("second.txt", "there")
    finished = writer.finish(())
    assert finished.files == ("bundle.json", "second.txt")
    assert finished.missing == {"first": "no answer"}
    assert summary(writer) == {"causes": [], "files": ["second.txt"], "missing": {"first": "no answer"}}


def test_an_interrupt_is_not_swallowed(writer: BundleWriter) -> None:
    """A ctrl-C ends the collection."""
    with pytest.raises(KeyboardInterrupt), writer.piece("any"):
        raise KeyboardInterrupt


def test_a_long_file_is_cut_in_the_middle(writer: BundleWriter) -> None:
    """Beginning and end are kept, and the cut is marked."""
    writer.write("long.log", "begin" + "x" * (2 * MAX_FILE_BYTES) + "end")
    text = (writer.folder / "long.log").read_text()
    assert len(text) <= MAX_FILE_BYTES
    assert text.startswith("begin")
    assert text.endswith("end")
    assert "bytes cut" in text


@pytest.mark.parametrize(("limit", "value"), [("MAX_BUNDLE_BYTES", 10), ("MAX_FILES", 1)])
def test_a_full_bundle_lists_omitted_files(writer: BundleWriter, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    """Neither many nor large files can fill a disk; the omitted ones are listed."""
    monkeypatch.setattr(bundle, limit, value)
    writer.write("a.txt", "x" * 8)
    writer.write("b.txt", "x" * 8)
    assert writer.finish(()).missing == {"b.txt": "the bundle is full"}
    assert not (writer.folder / "b.txt").exists()
