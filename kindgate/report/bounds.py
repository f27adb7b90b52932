"""Limits on the content of untrusted JSON, counted before it is parsed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


class BoundsExceeded(ValueError):
    """A text holds more than a report can; the message names the limit and quotes nothing."""


@dataclass(frozen=True)
class Bounds:
    """Maximum number of objects and lists, of values in them, and nesting depth."""

    containers: int
    values: int
    depth: int = 20

    def check(self, text: bytes) -> None:
        """Raise `BoundsExceeded` for a text that holds more; this takes a few bytes of memory per byte of text."""
        opened = text.count(b"[") + text.count(b"{")
        if opened <= min(self.depth, self.containers) and opened + text.count(b",") <= self.values:
            return  # within bounds even if no such character is in a string
        signs = np.frombuffer(text.replace(rb"\\", b"").replace(rb"\"", b""), np.uint8)
        signs = signs[~np.logical_xor.accumulate(signs == ord('"'))]  # outside of strings
        starts = (signs == ord("[")) | (signs == ord("{"))
        containers = int(np.count_nonzero(starts))
        if containers > self.containers:
            raise BoundsExceeded(f"more than {self.containers} objects and lists")
        if containers + int(np.count_nonzero(signs == ord(","))) > self.values:
            raise BoundsExceeded(f"more than {self.values} values")
        ends = (signs == ord("]")) | (signs == ord("}"))
        steps = np.where(starts, np.int8(1), np.int8(-1))[starts | ends] if containers else np.zeros(1, np.int8)
        if int(np.cumsum(steps, dtype=np.int64).max()) > self.depth:
            raise BoundsExceeded(f"objects and lists nested more than {self.depth} deep")


REPORT = Bounds(containers=250_000, values=1_500_000)
"""The largest report has 20,000 tests, 2,400 bursts with a few series each, and half a million chart points."""

PART = Bounds(containers=10_000, values=100_000)
"""One test, one burst, or one window of resources: 200 workloads with all points of their series."""
