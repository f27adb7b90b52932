"""The pages in docs/ are true: their blocks work, and each command, option and make target in them exists."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from iniconfig import IniConfig
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from kindgate.cli.commands import app
from kindgate.options import option_fields
from kindgate.pipeline.run_objectives import read_slo_file, refuse_too_small_plan
from kindgate.scaffold.manifest_facts import Application
from kindgate.scaffold.provenance import UNKNOWN
from kindgate.scaffold.repository import Repository
from kindgate.scaffold.suite_files import Plan, wanted_changes
from kindgate.settings import Settings, SloSettings
from kindgate.settings_sources import build_settings
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import Objectives
from kindgate.slo.slo_file import parse_document
from tests.tools.pages import DOCS, README, ROOT, blocks

PYTEST = {"--collect-only", "--help", "--html", "--log-cli-level"}
"""Options of pytest itself, and of its plugins."""


def block(page: str, language: str) -> str:
    """The only block of a language on a page."""
    (found,) = (one.text for one in blocks(DOCS / page) if one.language == language)
    return found


def shown(program: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each command of a program in the shell blocks of all pages, with its page; programs in a `bin` folder count by name."""
    for page in (README, *sorted(DOCS.glob("*.md"))):
        for one in blocks(page):
            for line in one.commands if one.language in {"sh", "console"} else ():
                words = shlex.split(line)
                while words and "=" in words[0]:
                    words = words[1:]
                if words[1:2] == ["-m"]:  # python -m PROGRAM
                    words = words[2:]
                if words and Path(words[0]).name == program:
                    yield page.name, tuple(words[1:])


def of_kindgate(words: tuple[str, ...]) -> TyperCommand:
    """The command that `words` call. Raises KeyError if it does not exist."""
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    found = root.commands[words[0]]
    if isinstance(found, TyperGroup):
        found = found.commands[words[1]]
    assert isinstance(found, TyperCommand)
    return found


def options(words: tuple[str, ...]) -> set[str]:
    """The long options of a command line, up to a `--`."""
    own = words[: words.index("--")] if "--" in words else words
    return {word.partition("=")[0] for word in own if word.startswith("--")}


def test_both_workflows_match_the_output_of_init(tmp_path: Path) -> None:
    """They are identical byte for byte, for a repository with its own image."""
    repository = Repository(tmp_path, tmp_path, tmp_path / "e2e", "main")
    plan = Plan((tmp_path / "k8s",), Application(("shop.localhost",), ()))
    files = {change.path.name: change.after for change in wanted_changes(repository, plan, UNKNOWN)}
    on_the_page = [one.text for one in blocks(DOCS / "how-to-ci.md") if one.language == "yaml"]

    assert on_the_page == [files["kindgate.yml"], files["kindgate-report.yml"]]


def test_the_objectives_and_settings_are_valid() -> None:
    """Each parses in its own grammar."""
    values = dict(IniConfig("how-to-adopt.md", data=f"[pytest]\n{block('how-to-adopt.md', 'ini')}")["pytest"].items())

    assert parse_document(block("how-to-adopt.md", "yaml"), "how-to-adopt.md").thresholds
    assert set(values) <= {row.option.ini for row in option_fields(Settings)}
    assert build_settings(Path(), {}, values, {}).deploy.secrets == ("shop-credentials=API_TOKEN",)


def test_the_readmes_objectives_can_be_decided(tmp_path: Path) -> None:
    """Its workload sends enough requests of every route for its thresholds and comparisons, with the default settings."""
    (example,) = (one.text for one in blocks(README) if one.language == "yaml")
    (tmp_path / "slo.yaml").write_text(example)
    settings = Settings(root=tmp_path, slo=SloSettings(file=Path("slo.yaml"), base="main"))
    slo_file = read_slo_file(settings)
    tests = re.findall(r"@pytest\.mark\.slo\((.*)\)", "\n".join(one.text for one in blocks(README) if one.language == "python"))

    refuse_too_small_plan(slo_file, settings)
    for arguments in tests:
        thresholds = parse_marker(tuple(ast.literal_eval(f"[{arguments}]")))
        refuse_too_small_plan(replace(slo_file, objectives=Objectives(thresholds)), settings)
    assert tests


def test_the_objectives_of_each_explanation_are_valid() -> None:
    """Examples of the SLO file on the page about it parse in its own grammar."""
    examples = [one.text for one in blocks(DOCS / "slo.md") if one.language == "yaml"]

    assert len([parse_document(example) for example in examples]) >= 2


@pytest.mark.usefixtures("forks")
def test_the_tests_are_collected_in_a_strict_suite(pytester: pytest.Pytester) -> None:
    """Their markers and fixtures are known."""
    pytester.makeini("[pytest]\naddopts = -p no:locust --strict-markers\nfilterwarnings = error\nkindgate_suite = true\n")
    pytester.makepyfile(test_shop=block("how-to-adopt.md", "python"))

    lines = pytester.runpytest_subprocess("-m", "e2e", "--collect-only", "-q").stdout.lines

    assert [line for line in lines if "::" in line] == [
        "test_shop.py::test_the_shop_greets",
        "test_shop.py::test_checkout_is_fast_and_reliable",
    ]


def test_every_command_and_its_options_exist() -> None:
    """A renamed command or option would leave readers of the page with an error."""
    unknown = []
    for page, words in shown("kindgate"):
        known = {name for parameter in of_kindgate(words).params for name in parameter.opts} | {"--help"}
        unknown += [(page, *words, option) for option in options(words) if option not in known]

    assert unknown == []


def test_every_option_of_pytest_exists() -> None:
    """As above, for the options that kindgate adds to pytest."""
    known = {row.option.flag for row in option_fields(Settings)} | PYTEST

    assert [(page, *words) for page, words in shown("pytest") if not options(words) <= known] == []


def test_every_make_target_exists() -> None:
    """As above, for the Makefile."""
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    called = {words[0] for _, words in shown("make")}

    assert {"e2e", "test"} <= called <= targets


def test_every_page_is_reached_from_the_index() -> None:
    """A page outside the navigation is not found by readers."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    trees = "\n".join(re.findall(r"^```\{toctree\}\n(.*?)^```$", index, re.MULTILINE | re.DOTALL))
    listed = set(re.findall(r"^(?:.+ <)?([\w-]+)>?$", trees, re.MULTILINE))

    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} <= listed
