"""Options of an objective in addition to its expression, named as in k6: `abortOnFail` and `delayAbortEval`."""

from __future__ import annotations

from kindgate.duration import MILLISECOND, duration_seconds
from kindgate.slo.source_location import Source

THRESHOLD_KEYS = ("threshold", "abortOnFail", "delayAbortEval")
"""Keys of a threshold's object form; the last two can be null, which means k6's default."""

_SWITCHES = {
    spelled: word in {"true", "yes", "on"}
    for word in ("true", "yes", "on", "false", "no", "off")
    for spelled in (word, word.title(), word.upper())
}
"""JSON, Python and YAML 1.1 spellings."""


def read_switch(source: Source) -> bool:
    """Whether `abortOnFail` is on. Raises `SloError`, pointing at the text, for any other word."""
    if source.text not in _SWITCHES:
        raise source.error(f"{source.text!r} is neither true nor false")
    return _SWITCHES[source.text]


def read_delay(source: Source) -> float:
    """`delayAbortEval` in seconds; as in k6, a bare number is milliseconds. Raises `SloError`, pointing at the text."""
    seconds = duration_seconds(source.text, MILLISECOND)
    if seconds is None:
        raise source.error(
            f"{source.text!r} is not a duration", next_step="use a value such as 10s, 1m30s or 500ms; a bare number is in milliseconds"
        )
    return seconds
