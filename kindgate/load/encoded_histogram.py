"""A histogram as a field of data that is stored as JSON."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

from kindgate.histogram import Histogram


def _decode(value: object) -> Histogram:
    return value if isinstance(value, Histogram) else Histogram.from_text(str(value))


EncodedHistogram = Annotated[Histogram, PlainValidator(_decode), PlainSerializer(Histogram.to_text, return_type=str, when_used="json")]
"""A histogram stored as a short text in JSON."""
