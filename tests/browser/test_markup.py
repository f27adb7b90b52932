"""The page's HTML and CSS against the standard, checked by the Nu Html Checker, which W3C's own validator runs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.browser.conftest import HERE

pytestmark = pytest.mark.browser

CHECKER = HERE / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"


def _errors(*pages: Path) -> list[str]:
    """The checker's errors, with their location."""
    result = subprocess.run(
        ["java", "-jar", CHECKER, "--errors-only", "--format", "json", *pages], capture_output=True, text=True, timeout=60, check=False
    )
    messages = json.loads(result.stderr)["messages"]
    return [f"{Path(one.get('url', '')).name}:{one.get('lastLine')}: {one['message']}" for one in messages if one["type"] == "error"]


def test_the_pages_have_no_markup_errors(addresses: dict[str, Path]) -> None:
    """The pages of real runs have no markup errors."""
    assert _errors(*addresses.values()) == []


def test_the_checker_detects_an_error(tmp_path: Path) -> None:
    """A duplicate id is reported, so the checker really ran."""
    page = tmp_path / "broken.html"
    page.write_text('<!doctype html><html lang="en"><head><title>t</title></head><body><p id="a"></p><p id="a"></p></body></html>')
    assert _errors(page)
