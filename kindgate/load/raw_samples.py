"""Raw record of a generator: one row of integers per request whose outcome is known."""

from __future__ import annotations

import enum
import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kindgate.load.result import FailureKind

Rows = NDArray[np.int64]
"""Shape (requests, 8): the columns of `Column`."""


class Column(enum.IntEnum):
    """Column meanings. Times are nanoseconds after the burst's start; `SENT` is -1 for requests never sent.

    A journey has a row of its own, with its index in the plan as `ROUTE`, and `SENT` of its first step.
    """

    ROUTE = 0
    INTENDED = 1
    SENT = 2
    DONE = 3
    CAP_WAIT = 4
    WAITING = 5
    OUTCOME = 6
    STATUS_AND_SIZE = 7


OK: Final = 0

LATE: Final = -1
"""Outcome of a request never sent, by the generator's fault."""

CODES: Final = {kind: code for code, kind in enumerate(FailureKind, start=1)}
"""Failure codes in the column `OUTCOME`; 0 is success."""

SIZE_UNIT: Final = 1000
"""`STATUS_AND_SIZE` is size * SIZE_UNIT + status."""

_LAYOUT: Final = struct.Struct(f"{len(Column)}q")

ROW: Final = _LAYOUT.pack
"""Packs one row, with the numbers in the order of `Column`."""


NO_ROWS: Final[Rows] = np.empty((0, len(Column)), np.int64)


class Recorder:
    """Collects rows while a burst runs; `data` grows by one `ROW` at a time."""

    def __init__(self) -> None:
        self.data = bytearray()

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.data) // _LAYOUT.size

    def rows(self, start: int = 0) -> Rows:
        """A copy of the rows from index `start` on."""
        return np.frombuffer(bytes(self.data[start * _LAYOUT.size :]), np.int64).reshape(-1, len(Column))
