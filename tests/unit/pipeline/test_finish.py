"""The evidence collected at the end of a run."""

from __future__ import annotations

from pathlib import Path

from kindgate.pipeline.finish import bundles_of
from kindgate.report.run_report import TestResult


def test_a_tests_failure_bundle_lists_its_files(tmp_path: Path) -> None:
    """Files are listed as in the artifact, in order; a test without a folder has no bundle."""
    folder = tmp_path / "failures" / "test-a"
    (folder / "logs").mkdir(parents=True)
    for name in ("bundle.json", "logs/pod.txt"):
        (folder / name).write_text("x")
    tests = [
        TestResult(node_id="t.py::test_a", outcome="failed", seconds=1.0, bundle="failures/test-a", cause="it broke"),
        TestResult(node_id="t.py::test_b", outcome="passed", seconds=1.0),
    ]
    (bundle,) = bundles_of(tests, tmp_path)
    assert (bundle.name, bundle.path, bundle.cause) == ("t.py::test_a", "failures/test-a", "it broke")
    assert bundle.files == ("failures/test-a/bundle.json", "failures/test-a/logs/pod.txt")
