"""What the base branch demands of a suite: its objectives file and its load, as the base's own pytest settings name them."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable
from pathlib import Path

from kindgate.adoption.pytest_config import find_config_by
from kindgate.errors import SettingsError
from kindgate.options import option_fields
from kindgate.report.base_objectives import BaseObjectives
from kindgate.settings import Settings, build_settings
from kindgate.slo.document import parse_document

ReadsFile = Callable[[str], str]
"""The text of a file of the base, by its path from the repository's root; empty where there is none."""

_GROUPS = frozenset({"slo", "load"})
"""The settings that say by what a run is judged."""


def base_objectives(read: ReadsFile, directory: str, branch: str, arguments: str = "", *, required: bool = True) -> BaseObjectives | None:
    """What the base demands of the suite in `directory`; None where it has no objectives file.

    `arguments` are those that the workflow gives to pytest. Raises `SettingsError` and `SloError` for settings and an
    objectives file of the base that cannot be read.
    """
    config = find_config_by(lambda path: read(path.as_posix()) or None, Path(posixpath.normpath(directory)))
    values = dict(config.values) if config is not None else {}
    given = _given(values.get("addopts", "")) | _given(arguments)
    settings = build_settings(Path(directory), given, values, {})
    file = posixpath.normpath((settings.root / settings.slo.file).as_posix())
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
        required=required,
        inconclusive=slo.inconclusive,
    )


def _given(arguments: str) -> dict[str, object]:
    """The settings among a command line's arguments that say by what a run is judged, by their ini names."""
    rows = {row.option.flag: row for row in option_fields(Settings) if row.group in _GROUPS}
    try:
        words = shlex.split(arguments)
    except ValueError as error:
        raise SettingsError(f"the arguments {arguments!r} cannot be read: {error}") from error
    found: dict[str, object] = {}
    for place, word in enumerate(words):
        flag, equals, value = word.partition("=")
        row = rows.get(flag)
        if row is not None:
            text = value if equals else next(iter(words[place + 1 : place + 2]), "")
            found[row.option.ini] = True if row.switch else (text,) if row.repeatable else text
    return found
