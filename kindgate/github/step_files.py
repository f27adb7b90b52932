"""Files that a GitHub Actions step writes: its job summary (Markdown on the run's page), and its outputs for later steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from kindgate.errors import GitHubError


def write_summary(render: Callable[[int], str], env: Mapping[str, str]) -> str:
    """Append a page to the step's summary, and return a line about it; empty outside of GitHub Actions.

    `render` gets the number of bytes already in the summary, because GitHub drops a summary that is too large, and raises
    `ValueError` if its page does not fit. If the summary cannot be written, only the returned line reports it.
    """
    path = Path(env.get("GITHUB_STEP_SUMMARY", ""))
    if path == Path():
        return ""
    try:
        used = path.stat().st_size if path.exists() else 0
        page = f"{render(used + 2).rstrip()}\n"
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{page}" if used else page)
    except ValueError:
        return "the step's job summary is full: nothing was added"
    except OSError as error:
        return f"cannot write the job summary: {error}"
    return "job summary written"


def write_output(name: str, value: str, env: Mapping[str, str]) -> None:
    """Set an output of the current step; does nothing outside of GitHub Actions.

    Raises `GitHubError` for a value with several lines, which the file's format reads as more outputs.
    """
    if "\n" in value or "\r" in value:
        raise GitHubError(f"output {name}: a value of several lines")
    file = env.get("GITHUB_OUTPUT", "")
    if file:
        with Path(file).open("a", encoding="utf-8") as output:
            output.write(f"{name}={value}\n")
