"""The base branch's requirements for a suite: its objectives file and its load, from the base's own pytest settings."""

from __future__ import annotations

from kindgate.github.gate import objectives_path
from kindgate.github.suite import ReadsFile, Suite, suite_settings
from kindgate.report.base_objectives import BaseObjectives
from kindgate.slo.document import parse_document


def base_objectives(read: ReadsFile, suite: Suite, branch: str) -> BaseObjectives | None:
    """The base's objectives for a suite; None if the base has no objectives file.

    Raises `SettingsError` and `SloError` if the base's settings or objectives file cannot be read.
    """
    settings = suite_settings(read, suite)
    file = objectives_path(settings)
    text = read(file) if not file.startswith(("/", "../")) else ""
    if not text.strip():
        return None
    objectives = parse_document(text, file)
    sizes, slo, load = objectives.bursts, settings.slo, settings.load
    return BaseObjectives(
        branch=branch,
        objectives=objectives,
        bursts=sizes.count or slo.bursts,
        rate=sizes.rate or load.rate,
        seconds=sizes.duration or load.duration,
        quick=slo.quick,
        compares=slo.compares,
        required=suite.required,
        inconclusive=slo.inconclusive,
    )
