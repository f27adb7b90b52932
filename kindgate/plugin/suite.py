"""A suite that `kindgate init` generated: everything in it is an e2e test, and it is run by itself.

Its pytest.ini has `kindgate_suite = true`. `pytest e2e` takes that file, so pytest reads no settings and no conftest.py
above it; a run of the repository's other tests passes over the folder.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.adoption.suite import SUITE_KEY, is_suite


def add_suite_key(parser: pytest.Parser) -> None:
    """Register the ini key."""
    parser.addini(SUITE_KEY, "Whether every test below this ini file needs the cluster; set by `kindgate init`", type="bool", default=False)


def runs_a_suite(config: pytest.Config) -> bool:
    """Whether this run's settings are those of a generated suite."""
    return bool(config.getini(SUITE_KEY))


def refuse_mixed_paths(config: pytest.Config) -> None:
    """Raise `UsageError` where a run holds paths inside and outside of a generated suite.

    pytest takes one file of settings for all paths of a command line: tests of one side would get those of the other.
    """
    paths = [(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args]
    suites = {path: next((folder for folder in (path, *path.parents) if is_suite(folder)), None) for path in paths}
    found = next((suite for suite in suites.values() if suite is not None), None)
    if found is not None and (found != config.rootpath.resolve() or any(suite != found for suite in suites.values())):
        raise pytest.UsageError(f"{found} has its own settings, which other paths do not share: run `pytest {found}` separately")


def is_foreign_suite(path: Path, config: pytest.Config) -> bool:
    """Whether `path` is the folder of a generated suite that this run does not belong to."""
    return path != config.rootpath and path.is_dir() and is_suite(path)
