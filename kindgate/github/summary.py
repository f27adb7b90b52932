"""The job summary: Markdown on the run's page, instead of or in addition to a comment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path


def write_summary(render: Callable[[int], str], env: Mapping[str, str]) -> str:
    """Append a page to the step's summary, and return a line about it; empty outside of GitHub Actions.

    `render` gets the number of bytes already in the summary, because GitHub drops a summary that is too large, and raises
    `ValueError` if its page does not fit. If the summary cannot be written, only the returned line reports it.
    """
    path = Path(env.get("GITHUB_STEP_SUMMARY", ""))
    if path == Path():
        return ""
    try:
        held = path.stat().st_size if path.exists() else 0
        page = f"{render(held + 2).rstrip()}\n"
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{page}" if held else page)
    except ValueError:
        return "the step's job summary is full: nothing was added"
    except OSError as error:
        return f"cannot write the job summary: {error}"
    return "job summary written"
