"""The objectives of a run: read from the SLO file, where there is one."""

from __future__ import annotations

from kindgate.errors import SloError
from kindgate.settings import Settings, SloSettings
from kindgate.slo.document import parse_document
from kindgate.slo.objectives import Objectives


def read_objectives(settings: Settings) -> Objectives:
    """The objectives in --slo-file; none when the default file is not there.

    Raises `SloError` that names file and line, also for a file that was asked for and cannot be read.
    """
    path = settings.path(settings.slo.file)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if settings.slo.file == SloSettings().file:
            return Objectives()
        raise SloError(f"--slo-file {settings.slo.file}: there is no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SloError(f"--slo-file {settings.slo.file}: cannot be read: {error}") from error
    return parse_document(text, str(settings.slo.file))
