"""Commands' output as GitHub's runner parses it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import IO

import pytest

from kindgate.cli import main
from kindgate.cli.console import without_secrets
from tests.unit.actions_runner import read_as_commands
from tests.unit.kubectl import write_kubectl

pytestmark = pytest.mark.usefixtures("forks")

PROGRAM = ("-c", "from kindgate.cli import main; main()")
BURST = ("load", "--url=http://127.0.0.1:9/", "--requests=20", "--rate=100", "--warmup=0")
FORGED = "##[add-matcher]of-a-pull-request.json"
"""A workflow command that the runner obeys anywhere in a line, such as in a foreign name or error message."""


def started(folder: Path, *arguments: str, stdout: int | IO[str] = subprocess.PIPE, stderr: int | IO[str] = subprocess.STDOUT) -> str:
    """Return a command's output in a step of GitHub Actions, by default with both streams in the order written."""
    environment = os.environ | {"GITHUB_ACTIONS": "true", "PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "400"}
    result = subprocess.run(
        [sys.executable, *PROGRAM, *arguments],
        cwd=folder,
        env=environment,
        stdout=stdout,
        stderr=stderr,
        text=True,
        check=False,
        timeout=120,
    )
    return result.stdout or result.stderr or ""


@pytest.fixture
def in_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Run a command in this process as `started` does in a new one, which spends most of a second on imports."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["kindgate", *arguments])
        reading, writing = os.pipe()
        with ThreadPoolExecutor(1) as pool, open(reading) as pipe:  # noqa: PTH123  # a descriptor is no path
            printed = pool.submit(pipe.read)
            with open(writing, "w") as stream, redirect_stdout(stream), redirect_stderr(stream), suppress(SystemExit):  # noqa: PTH123  # the same
                main()
            return printed.result()

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    "command",
    [["up"], ["deploy"], ["monitor"], ["load"], ["images", "list"], ["scan"]],
    ids=" ".join,
)
def test_the_runner_obeys_no_line_of_a_failing_command(
    command: list[str], in_step: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the text is a folder's name from the pull request, but it could also be a pod's log."""
    (tmp_path / FORGED).mkdir()
    monkeypatch.setenv("KINDGATE_KIND_KUBECTL_BIN", str(write_kubectl(tmp_path)))
    monkeypatch.setenv("KINDGATE_KIND_BIN", str(write_kubectl(tmp_path)))  # it is never called, and would be downloaded

    printed = in_step(*command, f"--app-overlay={FORGED}")

    assert printed.count("::stop-commands::") == 2  # before the command's first line, and before the error
    assert FORGED in printed
    assert read_as_commands(printed.splitlines()) == []


def test_the_runner_obeys_no_line_of_a_refusal(in_step: Callable[..., str]) -> None:
    """The message quotes the refused threshold."""
    printed = in_step(*BURST, f"--threshold=http_req_duration{{name:{FORGED}}}: p(95)<100")

    assert FORGED in printed
    assert read_as_commands(printed.splitlines()) == []


def test_the_runner_obeys_only_the_annotations_of_a_run(in_step: Callable[..., str], tmp_path: Path) -> None:
    """The closing table can name pods and hosts; only lines after the token are parsed."""
    printed = in_step("run", f"--slo-file={FORGED}.yaml")

    assert printed.count(FORGED) > 1
    (annotation,) = read_as_commands(printed.splitlines())
    assert annotation.startswith("::error title=kindgate::")
    assert (tmp_path / "artifacts/report.json").is_file()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_each_stream_is_guarded_separately(stream: str, tmp_path: Path) -> None:
    """The runner reads both streams in no fixed order."""
    other = "stderr" if stream == "stdout" else "stdout"

    printed = started(tmp_path, *BURST, **{stream: subprocess.PIPE, other: subprocess.DEVNULL})

    first, *_, last = printed.splitlines()
    assert first == f"::stop-commands::{last.strip(':')}"


def test_a_redirected_file_contains_only_the_result(tmp_path: Path) -> None:
    """The runner does not parse redirected output, which must not contain commands."""
    with (tmp_path / "out").open("w") as out:
        started(tmp_path, *BURST, stdout=out)

    text = (tmp_path / "out").read_text()
    assert "requests" in text
    assert "::" not in text


def test_no_command_is_printed_outside_actions(tmp_path: Path) -> None:
    """A terminal gets no workflow commands."""
    result = subprocess.run(
        [sys.executable, *PROGRAM, "validate"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "::" not in result.stdout + result.stderr


def test_a_single_problem_is_reported_once(tmp_path: Path) -> None:
    """It is not listed and then repeated as the closing error."""
    result = subprocess.run(
        [sys.executable, *PROGRAM, "validate", "--app-overlay", "k8s/nowhere"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode
    assert (result.stdout + result.stderr).count("nowhere") == 1


def test_output_contains_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command's progress and errors quote tools and servers."""
    monkeypatch.setenv("CANARY_TOKEN", "canary-of-the-environment")
    assert without_secrets("GET http://me:pw@host/ with canary-of-the-environment") == "GET http://***@host/ with [redacted]"
