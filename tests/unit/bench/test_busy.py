"""Programs that keep CPUs busy."""

from __future__ import annotations

import time

import psutil
import pytest

from bench.busy import busy_programs


@pytest.mark.parametrize(("cores", "programs"), [(0.0, 0), (0.3, 1), (2.0, 2), (1.5, 2)])
def test_each_core_or_part_of_one_gets_a_program(cores: float, programs: int) -> None:
    """They end with the block and are not children of the run."""
    with busy_programs(cores, 60.0) as busy:
        ids = busy.ids
        assert len(ids) == programs
        assert not set(ids) & {child.pid for child in psutil.Process().children(recursive=True)}
    assert not any(_busy(number) for number in ids)


def test_a_part_of_a_core_is_less_than_one() -> None:
    """A program at a tenth of a core uses less CPU time than one that never idles, however busy the machine."""
    with busy_programs(0.1, 60.0) as part, busy_programs(1.0, 60.0) as whole:
        deadline = time.monotonic() + 50.0
        while whole.cpu_seconds() < 0.5 and time.monotonic() < deadline:
            pass
        assert 0 < part.cpu_seconds() < 0.8 * whole.cpu_seconds()


def _busy(number: int) -> bool:
    """Return whether the program still runs; a zombie does not count."""
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
