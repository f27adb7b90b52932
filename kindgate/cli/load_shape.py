"""Load profile of `kindgate load`: the open or closed loop that its options describe."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kindgate.duration import duration_seconds
from kindgate.errors import LoadError
from kindgate.load.plan import ClosedLoop, OpenLoop, Stage
from kindgate.settings import LoadSettings


@dataclass(frozen=True)
class Amount:
    """The options that define the load; None or empty if not given."""

    rate: float | None
    duration: float | None
    requests: int | None
    users: int | None
    arrival: Literal["poisson", "uniform"] | None
    stages: Sequence[str] = ()

    @property
    def given(self) -> bool:
        """Whether any of them was given."""
        return bool(self.stages) or (self.rate, self.duration, self.requests, self.users, self.arrival) != (None,) * 5

    def loop(self, usual: LoadSettings) -> OpenLoop | ClosedLoop:
        """Build the loop, with settings as defaults. Raise `LoadError` if options contradict each other."""
        if self.stages:
            return self._staged(usual)
        seconds = self.duration if self.duration is not None or self.requests is not None else usual.duration
        if self.users is not None:
            if self.rate is not None or self.arrival is not None:
                raise LoadError("--users is a closed loop, which has neither rate nor arrivals: remove --rate and --arrival")
            return ClosedLoop(self.users, seconds, self.requests)
        wanted = usual.rate if self.rate is None else self.rate
        return OpenLoop.constant(wanted, seconds=seconds, requests=self.requests, arrival=self.arrival or usual.arrival)

    def _staged(self, usual: LoadSettings) -> OpenLoop:
        """Build the stages: each ramps linearly from the previous rate to its own; the first starts at --rate, or at zero."""
        if (self.duration, self.requests, self.users) != (None, None, None):
            raise LoadError("--stage defines both duration and load: remove --duration, --requests and --users")
        rate, stages = self.rate or 0.0, []
        for text in self.stages:
            length, colon, end = text.rpartition(":")
            if not colon:
                raise LoadError(
                    f"--stage {text!r} is not of the form SECONDS:RATE", next_step="for example --stage 10:500 --stage 1m30s:500"
                )
            seconds = duration_seconds(length)
            if seconds is None:
                raise LoadError(f"--stage {text!r}: {length!r} is not a number of seconds or a duration such as 1m30s")
            if not re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", end):
                raise LoadError(f"--stage {text!r}: {end!r} is not a number")
            stages.append(Stage(seconds, rate, float(end)))
            rate = float(end)
        return OpenLoop(tuple(stages), self.arrival or usual.arrival)


def json_object(path: Path) -> dict[str, Any]:
    """Read a k6 options file; raise `LoadError` if it holds no JSON object."""
    try:
        value = json.loads(path.read_bytes())  # bytes, so the encoding is detected: PowerShell redirects in UTF-16
    except (OSError, ValueError) as error:
        raise LoadError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise LoadError(f"{path} does not contain a JSON object")
    return value
