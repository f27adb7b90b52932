"""A mutation session: a sample determined by the seed, and a score of the judged mutants."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

from tests.mutants.session import Survivor, keep_sample, read_score

SCHEMA = """
create table work_items (job_id varchar primary key);
create table mutation_specs (module_path varchar, operator_name varchar, operator_args json, occurrence integer, start_pos_row integer,
                             start_pos_col integer, job_id varchar primary key);
create table work_results (worker_outcome varchar, test_outcome varchar, job_id varchar primary key);
"""


def session(file: Path, mutants: int) -> list[str]:
    """Write a session as cosmic-ray 8 does, with random identifiers; return its jobs in line order."""
    jobs = [uuid.uuid4().hex for _ in range(mutants)]
    with closing(sqlite3.connect(file)) as database, database:
        database.executescript(SCHEMA)
        for line, job in sorted(enumerate(jobs), key=lambda pair: pair[1]):
            database.execute("insert into work_items values (?)", (job,))
            database.execute("insert into mutation_specs values ('kindgate/slo/a.py', 'core/Not', '{}', 0, ?, 4, ?)", (line, job))
    return jobs


def lines(file: Path) -> list[int]:
    """Return the lines whose mutants are in a session."""
    with closing(sqlite3.connect(file)) as database, database:
        assert (
            database.execute("select count(*) from work_items").fetchone()
            == database.execute("select count(*) from mutation_specs").fetchone()
        )
        return [row[0] for row in database.execute("select start_pos_row from mutation_specs order by 1")]


def test_a_seed_draws_the_same_mutants_of_the_same_code(tmp_path: Path) -> None:
    """Identifiers differ in every session."""
    for name in ("one", "two"):
        session(tmp_path / name, 50)
        keep_sample(tmp_path / name, 10, seed=3)
    session(tmp_path / "other", 50)
    keep_sample(tmp_path / "other", 10, seed=4)

    assert len(lines(tmp_path / "one")) == 10
    assert lines(tmp_path / "one") == lines(tmp_path / "two")
    assert lines(tmp_path / "one") != lines(tmp_path / "other")


def test_a_sample_of_more_than_there_are_is_all(tmp_path: Path) -> None:
    """A small package is judged completely."""
    session(tmp_path / "one", 5)
    keep_sample(tmp_path / "one", 10, seed=3)

    assert len(lines(tmp_path / "one")) == 5


def test_what_no_test_has_noticed_survives(tmp_path: Path) -> None:
    """A mutant that cannot be imported or whose tests do not end is killed; an unjudged one does not count."""
    jobs = session(tmp_path / "one", 5)
    outcomes = [("NORMAL", "KILLED"), ("NORMAL", "SURVIVED"), ("ABNORMAL", "INCOMPETENT"), ("SKIPPED", None)]
    with closing(sqlite3.connect(tmp_path / "one")) as database, database:
        database.executemany(
            "insert into work_results values (?, ?, ?)", [(*outcome, job) for outcome, job in zip(outcomes, jobs, strict=False)]
        )
    score = read_score(tmp_path / "one")

    assert (score.mutants, score.judged, score.killed) == (5, 3, 2)
    assert score.survivors == (Survivor("kindgate/slo/a.py:1", "Not 0"),)
