"""In GitHub Actions, no printed or raised line of a test is parsed as a workflow command."""

from __future__ import annotations

import pytest

from kindgate.plugin.terminal import CommandGuard
from tests.unit.actions_runner import read_as_commands

FORGING = """
import pytest

@pytest.mark.e2e
def test_needs_what_is_not_there(app):
    pass

@pytest.mark.e2e
@pytest.mark.parametrize("name", ["::error::named"])
def test_forges(name):
    print("::error::printed")
    pytest.fail("\\n::error::raised", pytrace=False)
"""


def test_a_failing_run_gives_the_runner_our_annotations_alone(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures, captured output, the short summary and the report are wrapped between a stop command and its token."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    suite.makepyfile(FORGING)

    lines = suite.runpytest_inprocess("-m", "e2e", "--slo-file=::error::absent.yaml").outlines

    printed = [line.strip() for line in lines]
    assert "::error::printed" in printed
    assert "::error::raised" in printed
    (annotation,) = read_as_commands(lines)
    assert annotation.startswith("::error title=prepare failed::")
    assert "absent.yaml" in annotation


def test_outside_of_actions_the_terminal_shows_no_command(suite: pytest.Pytester) -> None:
    """A developer's terminal gets no workflow commands."""
    suite.makepyfile("def test_plain():\n    pass\n")

    assert not any(line.startswith("::") for line in suite.runpytest_inprocess().outlines)


def test_only_what_is_said_is_read() -> None:
    """Commands are parsed only within calls of `say`, and again after the end."""
    lines: list[str] = []
    guard = CommandGuard(lines.append, {"GITHUB_ACTIONS": "true"})

    guard.stop()
    lines.append("::error::foreign")
    guard.write_commands(["::error::ours"])
    lines.append("::error::foreign again")
    guard.stop()
    lines.append("::error::and again")
    guard.close()
    lines.append("::notice::of a later command of the step")

    assert read_as_commands(lines) == ["::error::ours", "::notice::of a later command of the step"]
