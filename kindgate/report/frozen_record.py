"""Base types of a report's parts: strict, frozen records with bounded strings, numbers and lists.

Reports are also read from artifacts of untrusted runs, so nothing in them may be larger than a page can show.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

NAME_LIMIT = 300
LINE_LIMIT = 1000
TEXT_LIMIT = 8000


def _fail_fast(node: object) -> None:
    """Make every list in a schema stop at its first error."""
    if isinstance(node, dict):
        if node.get("type") in {"list", "tuple"} and ("items_schema" in node):
            node["fail_fast"] = True
        for value in node.values():
            _fail_fast(value)
    elif isinstance(node, list):
        for item in node:
            _fail_fast(item)


class Record(BaseModel):
    """A part of a report: frozen, unknown fields are errors, types are not converted, numbers are finite.

    A list is read only up to its first wrong item: an untrusted report may have a hundred thousand of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - as pydantic has it
        """The schema of the class, with fail-fast lists."""
        schema = handler(source)
        _fail_fast(schema)
        return schema


def _inside_artifacts(path: str) -> str:
    if path.startswith(("/", "\\", "~")) or ".." in path.replace("\\", "/").split("/") or ":" in path:
        raise ValueError("a path in a report must be relative to the artifacts folder and stay inside it")
    return path


Name = Annotated[str, Field(max_length=NAME_LIMIT)]
"""A name: of a host, a pod, a metric."""

Line = Annotated[str, Field(max_length=LINE_LIMIT)]
"""One sentence or one line of output."""

Text = Annotated[str, Field(max_length=TEXT_LIMIT)]
"""Several lines of foreign output."""

Tags = Annotated[dict[Name, Line], Field(max_length=16)]
"""The tags of a series of requests, or of a selector: as many as `kindgate.slo.sample.TAGS_LIMIT`."""

RelativePath = Annotated[str, Field(max_length=NAME_LIMIT), AfterValidator(_inside_artifacts)]
"""A file or folder inside the artifacts folder."""

WebAddress = Annotated[str, Field(max_length=LINE_LIMIT, pattern=r"^(https?://[A-Za-z0-9._~:/?#@!$&*+,;=%-]+)?$")]
"""A URL without characters that could end a Markdown link or an HTML attribute; empty if unknown."""

Unit = Annotated[str, Field(pattern=r"^[A-Za-zµ%/]{0,12}$")]
"""The unit of a figure, shown next to it outside of code; empty for shares and counts."""

Sha = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})?$")]
"""A commit hash; empty if unknown."""

Count = Annotated[int, Field(ge=0, le=10**15)]
Epoch = Annotated[float, Field(ge=0, le=10**11)]
"""Seconds since 1970."""

Seconds = Annotated[float, Field(ge=0, le=10**9)]
Milliseconds = Annotated[float, Field(ge=0, le=10**12)]
Amount = Annotated[float, Field(ge=0, le=10**18)]
"""Cores, bytes, requests per second."""

Figure = Annotated[float, Field(ge=-(10**18), le=10**18)]
"""A number that may be negative."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole: 0 to 1."""
