"""Recorded comparisons on a real cluster."""

from __future__ import annotations

from pathlib import Path

from bench.real_runs import RealRun, RealRuns, read_real_runs, write_real_runs


def test_runs_survive_writing_and_reading(tmp_path: Path) -> None:
    """A missing file means no runs."""
    path = tmp_path / "runs.json"
    assert read_real_runs(path) is None
    runs = (RealRun("PASS", 10, 0.01, 0.8), RealRun("FAIL", 30, None, 1.2))
    write_real_runs(runs, path)
    assert read_real_runs(path) == RealRuns(runs)


def test_runs_are_grouped_by_foreign_load() -> None:
    """Recorded clusters are also counted, because runs that share a cluster are not fully independent."""
    old, quiet, busy = RealRun("PASS", 10, 0.0, 0.5), RealRun("PASS", 10, 0.0, 0.5, 0.0, "a"), RealRun("FAIL", 30, 0.1, 1.9, 2.0, "b", 1.7)
    runs = RealRuns((old, quiet, quiet, busy))
    assert runs.levels == (0.0, 2.0)
    assert runs.at(2.0) == RealRuns((busy,))
    assert (runs.at(0.0).others, runs.at(2.0).others) == (None, 1.7)
    assert [RealRuns(part).clusters for part in ((old,), (quiet, quiet), (old, quiet), (quiet, busy))] == [
        "unrecorded",
        "1",
        "1 and unrecorded",
        "2",
    ]


def test_the_summary_counts_verdicts_and_bounds_the_share_of_failures() -> None:
    """With no FAIL in 30, up to 11.6 % are possible (Clopper and Pearson); INVALID runs are counted separately."""
    runs = RealRuns((*(RealRun("PASS", 10, 0.0, 0.5),) * 29, RealRun("INCONCLUSIVE", 30, 0.1, 0.5), RealRun("INVALID", 10, 0.1, 1.9)))
    assert runs.summary == "0 FAIL of 30 (95 % interval 0.0% to 11.6%), 29 PASS, 1 INCONCLUSIVE, 1 INVALID"
