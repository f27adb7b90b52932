"""actionlint gets the workflows in its own spelling, and its output is passed on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "lint_workflows.py"
SHA = "3d3c42e5aac5ba805825da76410c181273ba90b1"
WORKFLOW = f"jobs:\n  own:\n    uses: $/.github/workflows/e2e.yml\n  foreign:\n    steps:\n      - uses: actions/checkout@{SHA} # v7.0.1\n"


def _run(root: Path, cache: Path, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run the tool, or a line of code that has it as `tool`, on a machine without Go."""
    start = f"import runpy, sys; tool = runpy.run_path({str(TOOL)!r}); "
    command = [sys.executable, "-c", start + code] if code else [sys.executable, str(TOOL), str(root)]
    environment = {"PATH": "/usr/bin:/bin", "KINDGATE_CACHE_DIR": str(cache)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def _repository(folder: Path) -> Path:
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / ".github" / "workflows" / "ci.yml").write_text(WORKFLOW)
    return folder


def _stand_in(folder: Path, text: str) -> Path:
    program = folder / "actionlint"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def _lint(tmp_path: Path, program: Path) -> str:
    root = _repository(tmp_path / "repository")
    code = f"from pathlib import Path; print(tool['lint'](Path({str(root)!r}), Path({str(program)!r}), tool['Deadline'].after(30)))"
    return _run(root, tmp_path / "cache", code).stdout


def test_own_and_pinned_actions_are_spelt_its_way(tmp_path: Path) -> None:
    """The stand-in prints its input and fails, so the output is passed on."""
    shown = _lint(tmp_path, _stand_in(tmp_path, 'cat "$2"; exit 1'))

    assert "uses: ./.github/workflows/e2e.yml" in shown
    assert "uses: actions/checkout@v7\n" in shown
    assert SHA not in shown


def test_the_workflows_themselves_stay_as_they_are(tmp_path: Path) -> None:
    """Only a copy is rewritten."""
    _lint(tmp_path, _stand_in(tmp_path, "exit 0"))

    assert (tmp_path / "repository" / ".github" / "workflows" / "ci.yml").read_text() == WORKFLOW


def test_a_machine_without_go_and_seed_is_told_what_to_install(tmp_path: Path) -> None:
    """The lint fails."""
    ended = _run(_repository(tmp_path / "repository"), tmp_path / "cache")

    assert ended.returncode == 12
    assert "install Go 1.26" in ended.stderr
    assert "KINDGATE_IMAGE_SEED" in ended.stderr
