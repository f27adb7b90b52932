"""`make github-smoke REPO=owner/name`: announce the plan, execute it on that repository only, and show each claim's result."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kindgate.cli.console import stopwatch_progress
from kindgate.errors import KindgateError, SettingsError
from kindgate.github.context import DEFAULT_API
from kindgate.waiting import Deadline
from tests.tools.github_smoke.claims import findings
from tests.tools.github_smoke.evidence import Evidence, State
from tests.tools.github_smoke.rest import Rest
from tests.tools.github_smoke.scratch import checked_name, find_place
from tests.tools.github_smoke.session import Names, Session, planned

SECONDS = 2 * 3600.0
REFUTED = 1
"""Exit code if GitHub refuted a claim."""

ROOT = Path(__file__).parents[3]


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command and return the exit code; raises `KindgateError`."""
    parser = argparse.ArgumentParser(prog="make github-smoke", description=__doc__)
    parser.add_argument("repository", nargs="?", default="", help="a scratch repository that holds a copy of this one: owner/name")
    parser.add_argument("--fork", default="", help="a fork of it, of another owner, to open a pull request from")
    parser.add_argument("--yes", action="store_true", help="do not ask before anything is made")
    given = parser.parse_args(arguments)
    repository = checked_name(given.repository, "REPO")
    fork = checked_name(given.fork, "FORK") if given.fork else ""
    token = environment.get("GITHUB_TOKEN", "")
    if not token:
        raise SettingsError(
            "GITHUB_TOKEN is not set", next_step="a token that may write contents, pull requests, workflows and rulesets of REPO"
        )
    progress = stopwatch_progress()
    with Rest(environment.get("GITHUB_API_URL", "") or DEFAULT_API, token) as rest:
        place = find_place(rest, repository, ROOT)
        names, login = Names(secrets.token_hex(3)), str(rest.get("/user")["login"])
        print(f"This will, on {repository}" + (f" and {fork}" if fork else "") + ":", *planned(place, names, fork, login), sep="\n")
        if not given.yes:
            _ask(repository)
        evidence = Session(rest, place, names, fork, login, progress, Deadline.after(SECONDS)).gather()
    return _show(evidence)


def _ask(repository: str) -> None:
    """Raise `SettingsError` unless a person types the repository's name."""
    if not sys.stdin.isatty():
        raise SettingsError("nobody is there to be asked", next_step="make github-smoke REPO=owner/name ARGS=--yes")
    if input(f"Type {repository} to go on: ").strip() != repository:
        raise SettingsError("nothing was made")


def _show(evidence: Evidence) -> int:
    found = findings(evidence)
    for claim, finding in found:
        print(f"{finding.state:<10} {claim.text}\n           {finding.detail}")
    counts = ", ".join(f"{sum(one.state is state for _, one in found)} {state}" for state in State)
    print(f"{len(found)} claims: {counts}")
    return REFUTED if any(one.state is State.REFUTED for _, one in found) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], os.environ))
    except KindgateError as error:
        print(f"github-smoke: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
