"""A fresh repository prepared by `kindgate init`, changes by pull requests, and the state finally shown on GitHub."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kindgate.report.run_report import RunReport
from tests.player.hub import Hub, Played

SOURCE = f"acme/kindgate@{'0123456789' * 4}"
APPLICATION = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: hashicorp/http-echo:1.0, args: [-text=shop], ports: [{containerPort: 5678}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: 5678}]}
"""
STATUS = "kindgate/verdict"

_REPORT_WRITER = '''\
"""Leaves a report that was made elsewhere, as one of this run."""

import json
import os
import pathlib

from kindgate.github.context import read_context

SUITE = pathlib.Path(__file__).parent


def pytest_unconfigure(config):
    report = json.loads((SUITE / "prepared.json").read_text())
    report["pull_request"] = json.loads(read_context(os.environ).record().model_dump_json())
    (SUITE / "artifacts").mkdir(exist_ok=True)
    (SUITE / "artifacts/report.json").write_text(json.dumps(report))
'''
_JUDGE_OVERWRITER = '''\
"""Changes every program of this environment, and writes the report again and again, also when the run has ended."""

import json
import os
import pathlib
import subprocess
import sys

import kindgate
from kindgate.github.context import read_context

SUITE = pathlib.Path(__file__).parent
PACKAGE = pathlib.Path(kindgate.__file__).parent
report = json.loads((SUITE / "prepared.json").read_text())
report["pull_request"] = json.loads(read_context(os.environ).record().model_dump_json())
(SUITE / "prepared.json").write_text(json.dumps(report))
LIAR = "import sys\\n\\n\\ndef main():\\n    print('PASS')\\n    sys.exit(0)\\n"
for module in ("cli/__init__.py", "report/decision.py", "report/recompute.py", "github/verify.py"):
    assert (PACKAGE / module).exists(), module
    (PACKAGE / module).write_text(LIAR)
(SUITE / "artifacts").mkdir(exist_ok=True)
(SUITE / "artifacts/junit.xml").write_text("<testsuites/>")
WRITER = """
import pathlib, time
artifacts = pathlib.Path("artifacts")
while True:
    (artifacts / "report.json.new").write_text(pathlib.Path("prepared.json").read_text())
    (artifacts / "report.json.new").rename(artifacts / "report.json")
    time.sleep(0.01)
"""
subprocess.Popen([sys.executable, "-c", WRITER], cwd=SUITE, start_new_session=True)
while not (SUITE / "artifacts/report.json").exists():
    pass
os._exit(0)
'''
_TEST = "def test_the_shop():\n    pass\n"
_SETTINGS = (
    "[pytest]\nkindgate_suite = true\npython_files = judge_*.py\napp_overlay = overlay\nslo_file = slo.yaml\n"
    "addopts = --import-mode=importlib"
)

SKIPPED = {"e2e/judge_slo.py": f"import pytest\n\npytestmark = pytest.mark.skip\n\n\n{_TEST}"}
EMPTY = {"e2e/judge_slo.py": "A = 1\n"}
DESELECTED = {"e2e/judge_slo.py": _TEST, "e2e/pytest.ini": f"{_SETTINGS} -k nothing\n"}
COLLECTED_ONLY = {"e2e/judge_slo.py": _TEST, "e2e/pytest.ini": f"{_SETTINGS} --collect-only\n"}
EXITS_EARLY = {"e2e/conftest.py": "import os\n\nos._exit(0)\n"}
PASSES_WITHOUT_JUDGING = {"e2e/judge_slo.py": _TEST}
JUNK = {
    "e2e/conftest.py": "import os, pathlib\nfolder = pathlib.Path(__file__).parent / 'artifacts'\nfolder.mkdir(exist_ok=True)\n"
    "(folder / 'report.json').write_text('{\"outcome\": \"passed\"')\nos._exit(0)\n"
}


def with_report(report: RunReport) -> dict[str, str]:
    """A suite that passes and leaves this report as its own."""
    return {"e2e/judge_slo.py": _TEST, "e2e/conftest.py": _REPORT_WRITER, "e2e/prepared.json": report.model_dump_json()}


def overwriting(report: RunReport) -> dict[str, str]:
    """A suite that overwrites kindgate in its environment, and leaves a process that writes this report."""
    return {"e2e/conftest.py": _JUDGE_OVERWRITER, "e2e/prepared.json": report.model_dump_json()}


@dataclass
class Shop:
    """The repository, and its state on GitHub."""

    hub: Hub

    def prepare(self, environment: Path, *arguments: str) -> None:
        """Commit an application, run `kindgate init` from an environment, and commit the result."""
        self.hub.commit({"k8s/shop.yaml": APPLICATION})
        command = [str(environment / "bin/kindgate"), "init", "--source", SOURCE, *arguments]
        result = subprocess.run(command, cwd=self.hub.work, capture_output=True, text=True, check=False, timeout=120)
        assert result.returncode == 0, result.stdout + result.stderr
        self.hub.commit({})

    def status(self, head: str) -> str:
        """The state of a commit's required status; empty if it has none."""
        return next(reversed(self.states(head)), "")

    def states(self, head: str) -> list[str]:
        """All states that a commit's required status has had."""
        return [status["state"] for commit, status in self.hub.github.statuses if commit == head and status["context"] == STATUS]

    def comment(self) -> str:
        """The only comment."""
        (body,) = self.hub.github.written()
        return body


Prepare = Callable[..., Shop]
"""Creates a repository: positional arguments are for `kindgate init`, keyword arguments are every machine's environment."""


def judged(played: Sequence[Played]) -> Played:
    """The first workflow's run."""
    return next(run for run in played if run.event != "workflow_run")


def log_of(played: Sequence[Played]) -> str:
    """The output of all runs, for the message of a failed assertion."""
    return "\n".join(f"##### {run.workflow} ({run.event}): {json.dumps(run.result.checks)}\n{run.result.log}" for run in played)
