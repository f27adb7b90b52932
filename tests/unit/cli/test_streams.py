"""An encoding error or a closed terminal stops no command: files are written and the exit code is the verdict's."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from kindgate.cli.streams import SteadyStream, steady_streams
from tests.unit.load.conftest import Server, answering

pytestmark = pytest.mark.usefixtures("forks")

PROGRAM = ("-c", "from kindgate.cli import main; main()")
WITHOUT_UTF8 = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(name="url", scope="module")
def _url() -> Iterator[str]:
    """The address of a server that answers `foo`."""
    server = Server(answering())
    yield server.url
    server.close()


def burst(url: str, folder: Path, threshold: str) -> list[str]:
    """Return a command that measures, judges and writes."""
    sent = ["load", "--url", url, "--header", "X-Name: \u65e5\u672c", "--requests", "20", "--rate", "200", "--warmup", "0"]
    return [sys.executable, *PROGRAM, *sent, "--threshold", threshold, "--json", str(folder / "\u00e4.json")]


def environment(**more: str) -> dict[str, str]:
    """Return a command's environment."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **more}


@pytest.mark.parametrize(
    "more",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", **WITHOUT_UTF8},
    ],
    ids=str,
)
def test_an_ascii_terminal_stops_no_burst(url: str, tmp_path: Path, more: Mapping[str, str]) -> None:
    """Neither its output nor its arguments cause an error."""
    command = burst(f"{url}\u65e5", tmp_path, "http_reqs: count<1")

    result = subprocess.run(command, env=environment(**more), capture_output=True, timeout=120, check=False)

    assert b"Traceback" not in result.stderr + result.stdout
    assert result.returncode in {20, 21}
    assert b"NOT MET" in result.stdout
    document = json.loads((tmp_path / "\u00e4.json").read_text(encoding="utf-8"))
    assert document["sent"] == 20
    assert document["plan"]["routes"][0]["headers"] == [["X-Name", "\u65e5\u672c"]]


def test_an_error_with_non_ascii_text_is_shown_in_ascii() -> None:
    """The exit code is kept."""
    command = [sys.executable, *PROGRAM, "load", "--url", "http://\u65e5\u672c/\n"]

    refused = subprocess.run(command, env=environment(PYTHONIOENCODING="ascii"), capture_output=True, timeout=60, check=False)

    assert (refused.returncode, b"control character" in refused.stderr) == (18, True)


def test_a_closed_reader_loses_no_result(url: str, tmp_path: Path) -> None:
    """With `kindgate load ... | head -1`, the result is in its file and the exit code is the verdict's."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = burst(url, tmp_path, "http_reqs: count>1000")
        result = subprocess.run(command, env=environment(), stdout=writing, stderr=writing, timeout=120, check=False)
    finally:
        os.close(writing)

    assert result.returncode in {20, 21}
    assert json.loads((tmp_path / "\u00e4.json").read_text(encoding="utf-8"))["thresholds"][0]["ok"] is False


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is always full")
def test_a_full_disk_behind_standard_output_is_reported(url: str, tmp_path: Path) -> None:
    """The result file is still written."""
    with Path("/dev/full").open("wb") as full:
        command = burst(url, tmp_path, "http_req_failed: rate<0.5")
        result = subprocess.run(command, env=environment(), stdout=full, stderr=subprocess.PIPE, timeout=120, check=False)

    assert b"cannot write output" in result.stderr
    assert b"Traceback" not in result.stderr
    assert json.loads((tmp_path / "\u00e4.json").read_text(encoding="utf-8"))["sent"] == 20


def test_a_result_that_cannot_be_written_is_still_shown(url: str, tmp_path: Path) -> None:
    """The disk can fill up while load is sent."""
    if not Path("/dev/full").exists():
        pytest.skip("only Linux has a file that is always full")
    command = [*burst(url, tmp_path, "http_req_failed: rate<0.5")[:-1], "/dev/full"]

    result = subprocess.run(command, env=environment(), capture_output=True, timeout=120, check=False)

    assert result.returncode == 18
    assert b"cannot write the result" in result.stderr
    assert b"20 requests" in result.stdout


class Failing(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str, /) -> int:
        """Fail."""
        raise OSError(28, text)


def test_a_failed_stream_is_not_written_again(capsys: pytest.CaptureFixture[str]) -> None:
    """The first failure is reported once."""
    stream = SteadyStream(Failing())

    stream.writelines(["a", "b"])
    stream.flush()

    assert capsys.readouterr().err.count("cannot write output") == 1


def test_streams_are_restored_afterwards() -> None:
    """A process that calls main() gets its own streams back."""
    before = sys.stdout, sys.stderr

    with steady_streams():
        assert isinstance(sys.stdout, SteadyStream)

    assert (sys.stdout, sys.stderr) == before
