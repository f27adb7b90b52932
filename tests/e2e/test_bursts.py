"""Bursts run alone on the machine, with any number of workers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate import Bursts


@pytest.mark.e2e
@pytest.mark.parametrize("rate", [50, 100, 150, 200])
def test_a_burst_has_the_machine_to_itself(burst: Bursts, rate: int) -> None:
    """No burst of this run starts before the previous one ends, although `-n 2 --dist worksteal` could overlap them."""
    sent = burst(rate=rate, duration=1, warmup=0.5)

    windows = burst.windows()
    assert sent.window in windows
    assert [(earlier, later) for earlier, later in pairwise(windows) if later.start < earlier.end] == []
