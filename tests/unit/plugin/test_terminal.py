"""The terminal output: the header line, progress from any thread, and lines that GitHub's runner must not read as commands."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from kindgate.plugin.terminal import CommandGuard, Terminal, commit_of, header_line
from kindgate.settings import ClusterSettings, Settings
from tests.unit.actions_runner import read_as_commands

THREADS_SUITE = """
import sys
import threading

def test_two_threads(request):
    sys.setswitchinterval(1e-6)
    terminal = request.config.pluginmanager.get_plugin("kindgate.controller").terminal
    threads = [threading.Thread(target=lambda: [terminal.progress("at work") for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


@pytest.mark.usefixtures("forks")
def test_progress_of_other_threads_is_never_captured(pytester: pytest.Pytester) -> None:
    """Images are prepared while the cluster starts: both report progress, although pytest captures a fixture's output."""
    pytester.makeini("[pytest]\naddopts = -p no:locust\n")
    pytester.makepyfile(THREADS_SUITE)

    result = pytester.runpytest_subprocess()

    assert result.stdout.str().count("at work") == 800


@pytest.mark.usefixtures("forks")
def test_a_lost_terminal_fails_no_phase(pytester: pytest.Pytester) -> None:
    """A closed pipe does not end the pipeline that reports its progress."""
    config = pytester.parseconfig("-p", "no:locust")
    reading, writing = os.pipe()
    os.close(reading)
    with suppress(BrokenPipeError), os.fdopen(writing, "w") as stream:
        config.pluginmanager.register(TerminalReporter(config, stream), "terminalreporter")
        terminal = Terminal(config)

        terminal.progress("at work")
        terminal.line("at work")
        terminal.section("kindgate", ["at work"])

        with pytest.raises(BrokenPipeError):
            print("at work", file=stream, flush=True)


def git(root: Path, *arguments: str) -> str:
    """Run git in `root` and return its output."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    return subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def test_the_header_names_cluster_image_overlay_commit_and_run() -> None:
    """These values distinguish one log from another."""
    settings = Settings(Path("/suite"), cluster=ClusterSettings(name="mine", node_image="kindest/node:v1.37.0"))

    assert header_line(settings, "run-1", "0123456789ab") == (
        "kindgate: cluster mine, node image kindest/node:v1.37.0, overlay k8s/overlays/ci, commit 0123456789ab, run run-1"
    )


def test_the_default_node_image_is_the_sources() -> None:
    """The node image is known only once its source is resolved; an unknown commit is left out."""
    settings = Settings(Path("/suite"), cluster=ClusterSettings(name="mine"))

    assert header_line(settings, "r", "") == "kindgate: cluster mine, node image from image source auto, overlay k8s/overlays/ci, run r"


def test_an_existing_cluster_is_named_by_its_kubeconfig() -> None:
    """Kindgate does not choose its node image."""
    settings = Settings(
        Path("/suite"), cluster=ClusterSettings(existing=Path("/home/me/kubeconfig"), context="c", ingress_url="http://127.0.0.1")
    )

    assert header_line(settings, "r", "").startswith("kindgate: the cluster of /home/me/kubeconfig, overlay ")


def test_a_changed_file_is_marked(tmp_path: Path) -> None:
    """The judged files then differ from the commit."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    commit = git(tmp_path, "rev-parse", "--short=12", "HEAD")
    assert commit_of(tmp_path) == commit

    (tmp_path / "file").write_text("two")

    assert commit_of(tmp_path) == f"{commit}+"


def test_no_commit_is_shown_outside_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing git is not an error either."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit_of(tmp_path) == ""

    monkeypatch.setenv("PATH", "")
    assert commit_of(tmp_path) == ""


FORGED_COMMANDS_SUITE = """
import pytest

@pytest.mark.e2e
def test_needs_the_application(app):
    pass

@pytest.mark.e2e
@pytest.mark.parametrize("name", ["::error::named"])
def test_forges(name):
    print("::error::printed")
    pytest.fail("\\n::error::raised", pytrace=False)
"""


def test_the_runner_reads_only_kindgates_annotations(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures, captured output, the short summary and the report are wrapped between a stop command and its token."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    suite.makepyfile(FORGED_COMMANDS_SUITE)

    lines = suite.runpytest_inprocess("-m", "e2e", "--slo-file=::error::absent.yaml").outlines

    printed = [line.strip() for line in lines]
    assert "::error::printed" in printed
    assert "::error::raised" in printed
    (annotation,) = read_as_commands(lines)
    assert annotation.startswith("::error title=prepare failed::")
    assert "absent.yaml" in annotation


def test_no_commands_are_shown_outside_actions(suite: pytest.Pytester) -> None:
    """A developer's terminal gets no workflow commands."""
    suite.makepyfile("def test_plain():\n    pass\n")

    assert not any(line.startswith("::") for line in suite.runpytest_inprocess().outlines)


def test_only_written_commands_are_read() -> None:
    """Commands are parsed only within calls of `write_commands`, and again after the end."""
    lines: list[str] = []
    guard = CommandGuard(lines.append, {"GITHUB_ACTIONS": "true"})

    guard.stop()
    lines.append("::error::untrusted")
    guard.write_commands(["::error::own"])
    lines.append("::error::untrusted again")
    guard.stop()
    lines.append("::error::and again")
    guard.close()
    lines.append("::notice::of a later command of the step")

    assert read_as_commands(lines) == ["::error::own", "::notice::of a later command of the step"]
