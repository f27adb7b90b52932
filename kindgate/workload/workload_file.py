"""The files of a workload document: the SLO file, and the file that it includes."""

from __future__ import annotations

from pathlib import Path

from kindgate.errors import SloError
from kindgate.workload.document import LIMITS, IncludedWorkload, parse_slo_document, parse_workload
from kindgate.workload.model import Workload


def read_workload(slo_file: Path, name: str) -> Workload | None:
    """The workload of an SLO file; None if it has none, or does not exist. `name` is the SLO file's name in errors.

    Raises `SloError` with file, line and column for anything that is not understood, and for an included file that cannot be
    read.
    """
    try:
        text = slo_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SloError(f"{name}: cannot be read: {error}") from error
    found = parse_slo_document(text, name, slo_file.parent)
    if not isinstance(found, IncludedWorkload):
        return found
    path = slo_file.parent / found.file
    included = str(Path(name).parent / found.file)
    try:
        if path.exists() and not path.is_file():  # opening a pipe would block
            raise found.source.error(f"{found.file} is not a file")
        with path.open(encoding="utf-8-sig") as stream:
            text = stream.read(LIMITS.characters + 1)
    except OSError as error:
        raise found.source.error(f"{found.file} cannot be read: {error.strerror}", next_step=f"looked for {path}") from error
    except UnicodeDecodeError as error:
        raise found.source.error(f"{found.file} is not UTF-8", next_step="save the file as UTF-8") from error
    return parse_workload(text, included, path.parent)
