"""The cluster that one command leaves for the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from kindgate.cli.console import stopwatch_progress
from kindgate.settings import Keep, Settings

if TYPE_CHECKING:
    from kindgate.pipeline.session import Pipeline


@contextmanager
def standing(settings: Settings) -> Iterator[Pipeline]:
    """A pipeline that keeps its cluster afterward, for the next step."""
    from kindgate.pipeline.session import Pipeline  # noqa: PLC0415  # keeps --help quick

    keep: Keep = "never" if settings.cluster.existing is not None else "always"
    kept = replace(settings, cluster=replace(settings.cluster, keep=keep))
    pipeline = Pipeline(kept, settings.cluster_name, stopwatch_progress())
    try:
        yield pipeline
    finally:
        pipeline.release()
