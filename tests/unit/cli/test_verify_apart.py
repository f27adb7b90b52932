"""The reason for deciding the verdict on another machine: a suite can change every file of its own job, including kindgate's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.model import Verdict
from kindgate.report.objective_records import ThresholdOutcome
from kindgate.report.run_report import Outcome, Run, RunReport, TestResult
from kindgate.waiting import Deadline, Pending, Ready, wait_for

ROOT = Path(__file__).parents[3]
OBJECTIVE = ThresholdOutcome(metric="http_req_duration", expression="p(95)<50", verdict=Verdict.FAIL)
TEST = TestResult(node_id="judge_slo.py::test_slo", outcome="passed", seconds=1.0)
LYING = RunReport(run=Run(id="r1", started=0.0, seconds=1.0), outcome=Outcome.PASSED, exit_code=0, tests=(TEST,), objectives=(OBJECTIVE,))
"""A report that claims PASS with a missed objective."""

FORGED = LYING.model_copy(update={"objectives": (OBJECTIVE.model_copy(update={"verdict": Verdict.PASS}),)})

CONFTEST = """
import os, pathlib, subprocess, sys
import kindgate

package = pathlib.Path(kindgate.__file__).parent
(package / "cli/__init__.py").write_text("import sys\\n\\ndef main():\\n    print('e2e: PASS')\\n    sys.exit(0)\\n")
pathlib.Path("artifacts").mkdir()
report = pathlib.Path("artifacts/report.json")
report.write_text(pathlib.Path("lying.json").read_text())
WRITER = '''
import os, pathlib, time
forged = pathlib.Path("forged.json").read_text()
while not pathlib.Path("uploaded").exists():
    time.sleep(0.01)
pathlib.Path("artifacts/report.json").write_text(forged)
pathlib.Path("rewritten").touch()
while True:
    time.sleep(1)
'''
writer = subprocess.Popen([sys.executable, "-c", WRITER], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
pathlib.Path("writer").write_text(str(writer.pid))
os._exit(0)
"""


@pytest.fixture(name="job")
def _job(tmp_path: Path) -> Iterator[Path]:
    """A folder with a suite, next to an environment with its own copy of kindgate."""
    job = tmp_path / "job"
    job.mkdir()
    shutil.copytree(ROOT / "kindgate", tmp_path / "site/kindgate")
    shutil.copytree(ROOT / "k8s", tmp_path / "site/k8s")
    for name, text in {
        "conftest.py": CONFTEST,
        "pytest.ini": "[pytest]\nkindgate_suite = true\npython_files = judge_*.py\n",
        "judge_slo.py": "def test_slo(): raise AssertionError\n",
        "lying.json": LYING.model_dump_json(),
        "forged.json": FORGED.model_dump_json(),
    }.items():
        (job / name).write_text(text)
    yield job
    if (job / "writer").exists():
        os.kill(int((job / "writer").read_text()), signal.SIGKILL)


def _called(package: Path, folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = {"kindgate": "from kindgate.cli import main; main()", "pytest": "import pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"}
    command = [sys.executable, "-c", code[program], *arguments]
    variables = os.environ | {"PYTHONPATH": str(package)}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=120)


def test_a_suite_that_tampers_with_the_judge_fails_in_another_job(job: Path, tmp_path: Path) -> None:
    """In its own job everything is green: the run, the judge, and the report rewritten after the upload."""
    site = tmp_path / "site"
    assert _called(site, job, "pytest", "-m", "e2e").returncode == 0

    legs = tmp_path / "legs/kindgate-report-e2e-1"
    shutil.copytree(job / "artifacts", legs)
    (job / "uploaded").touch()
    wait_for(
        "the writer to rewrite the report",
        lambda: Ready(None) if (job / "rewritten").exists() else Pending("not yet"),
        Deadline.after(30),
        interval=0.05,
    )

    assert _called(site, job, "kindgate", "verify", str(tmp_path / "legs"), "--leg", "e2e").returncode == 0
    apart = _called(ROOT, tmp_path, "kindgate", "verify", "legs", "--leg", "e2e", "--conclusion", "success")
    assert apart.returncode != 0
    assert apart.stdout.startswith("e2e: UNTRUSTED: the report claims FAIL")
