"""A conftest.py whose clock is set by as many seconds as the file `clock` says, once it is there."""

from __future__ import annotations

import json
import time
from pathlib import Path

FILE = Path(__file__).parent / "clock"
_REAL = time.time


def jumping() -> float:
    """The time, as a machine whose clock was set would tell it."""
    return _REAL() + (json.loads(FILE.read_text()) if FILE.exists() else 0.0)


time.time = jumping
