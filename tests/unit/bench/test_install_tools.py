"""The tools that `make bench` installs, and its behavior if it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.install_tools import DEBIAN_PACKAGES, GO_PROGRAMS, RUST_PROGRAMS
from bench.tools import TOOLS, WRK

SCRIPT = """
import json
from bench.install_tools import install_tools
messages = []
tools = install_tools(messages.append)
print(json.dumps([sorted(tools.programs), messages]))
"""


def test_every_tool_has_an_installation_source() -> None:
    """Sources are Debian packages, Go modules, crates and the lock file; a tool without one would be missing everywhere."""
    provided = {*DEBIAN_PACKAGES, *(recipe.name for recipe in GO_PROGRAMS), *RUST_PROGRAMS, "locust", "requests"}
    assert {tool.program for tool in (WRK, *TOOLS)} <= provided


def test_compiled_programs_are_pinned_by_hash() -> None:
    """The README's figures are for exactly these versions."""
    assert all(recipe.sum.startswith("h1:") and recipe.version for recipe in GO_PROGRAMS)


def test_tools_that_cannot_be_installed_are_reported(tmp_path: Path) -> None:
    """Without them, the tools in the lock file can still be measured, and no error is raised."""
    (tmp_path / "bin").mkdir()
    environment = {**os.environ, "PATH": str(tmp_path / "bin"), "KINDGATE_CACHE_DIR": str(tmp_path / "cache")}
    process = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    programs, messages = json.loads(process.stdout)
    if Path("/usr/sbin/nginx").exists():  # found outside PATH, as Debian users do not have /usr/sbin in it
        programs.remove("nginx")
    assert programs == ["locust", "requests"]
    missing = (*DEBIAN_PACKAGES.values(), *(recipe.title for recipe in GO_PROGRAMS), *RUST_PROGRAMS)
    assert all(any(name in line for line in messages) for name in missing)
