"""The README is true: each block is run by a test, and each name in it exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from iniconfig import IniConfig

from kindgate.cli.commands import app
from kindgate.options import option_fields
from kindgate.scaffold.manifest_facts import Application
from kindgate.scaffold.provenance import UNKNOWN
from kindgate.scaffold.repository import Repository
from kindgate.scaffold.suite_files import Plan, wanted_changes
from kindgate.settings import Settings, build_settings
from kindgate.slo.slo_file import parse_document
from tests.tools.readme import README, Block, blocks

ROOT = README.parent
TEXT = README.read_text()
BLOCKS = blocks(TEXT)
ADOPTION = "Your application in five minutes"


def of(section: str, language: str) -> list[Block]:
    """Return a section's blocks in a language."""
    return [block for block in BLOCKS if (block.section, block.language) == (section, language)]


def test_every_code_block_is_run() -> None:
    """They run here, in `make adopt` (shell blocks, test, settings and objectives) or in CI."""
    counted = [(block.section, block.language) for block in BLOCKS]

    assert counted == [
        ("Try it", "sh"),
        (ADOPTION, "sh"),
        (ADOPTION, "sh"),
        (ADOPTION, "ini"),
        (ADOPTION, "yaml"),
        (ADOPTION, "python"),
        (ADOPTION, "sh"),
        ("In CI", "yaml"),
        ("In CI", "yaml"),
        ("When it fails", "sh"),
    ]


def test_ci_runs_the_first_two_commands() -> None:
    """CI fails if one of them breaks."""
    (block,) = of("Try it", "sh")
    ci = (ROOT / ".ci/run").read_text()

    assert block.commands == ("make test", "make e2e")
    assert {"test", "e2e"} <= set(re.findall(r"^make (.+)$", ci, re.MULTILINE)[0].split())


def test_both_workflows_match_the_output_of_init(tmp_path: Path) -> None:
    """They are identical byte for byte, for a repository with its own image."""
    repository = Repository(tmp_path, tmp_path, tmp_path / "e2e", "main")
    plan = Plan((tmp_path / "k8s",), Application(("shop.localhost",), ()))
    files = {change.path.name: change.after for change in wanted_changes(repository, plan, UNKNOWN)}

    assert [block.text for block in of("In CI", "yaml")] == [files["kindgate.yml"], files["kindgate-report.yml"]]


def test_the_objectives_and_settings_are_valid() -> None:
    """Each parses in its own grammar."""
    (objectives,), (settings,) = of(ADOPTION, "yaml"), of(ADOPTION, "ini")
    values = dict(IniConfig("README.md", data=f"[pytest]\n{settings.text}")["pytest"].items())

    assert parse_document(objectives.text, "README.md").thresholds
    assert set(values) <= {row.option.ini for row in option_fields(Settings)}
    assert build_settings(Path(), {}, values, {}).deploy.secrets == ("shop-credentials=API_TOKEN",)


@pytest.mark.usefixtures("forks")
def test_the_tests_are_collected_in_a_strict_suite(pytester: pytest.Pytester) -> None:
    """Their markers and fixtures are known."""
    (block,) = of(ADOPTION, "python")
    pytester.makeini("[pytest]\naddopts = -p no:locust --strict-markers\nfilterwarnings = error\nkindgate_suite = true\n")
    pytester.makepyfile(test_shop=block.text)

    lines = pytester.runpytest_subprocess("-m", "e2e", "--collect-only", "-q").stdout.lines

    assert [line for line in lines if "::" in line] == ["test_shop.py::test_the_shop_greets", "test_shop.py::test_the_shop_is_fast_enough"]


def test_every_command_exists() -> None:
    """A renamed command would leave readers with an error."""
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    groups = {group.name or getattr(group.typer_instance, "info", group).name for group in app.registered_groups}
    shown = {command.split()[1] for block in BLOCKS for command in block.commands if command.startswith("kindgate ")}

    assert shown
    assert shown <= commands | {str(name) for name in groups}


def test_every_option_exists() -> None:
    """A renamed option would leave readers with an error."""
    others = {
        "--overlay",
        "--values",
        "--dir",
        "--image",
        "--dry-run",
        "--source",
        "--fixtures",
        "--markers",
        "--log-cli-level",
    }  # and pytest's

    assert set(re.findall(r"`(--[a-z-]+)", TEXT)) <= {row.option.flag for row in option_fields(Settings)} | others


def test_every_mentioned_file_exists() -> None:
    """Pages, images and folders of this repository exist."""
    named = set(re.findall(r"\b((?:docs|tests/tools|k8s)/[\w./-]+\.\w+)", TEXT))

    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
