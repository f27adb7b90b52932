"""A conftest.py that shifts the clock by the number of seconds in the file `clock`, once it exists."""

from __future__ import annotations

import json
import time
from pathlib import Path

FILE = Path(__file__).parent / "clock"
_REAL = time.time


def jumping() -> float:
    """The shifted time."""
    return _REAL() + (json.loads(FILE.read_text()) if FILE.exists() else 0.0)


time.time = jumping
