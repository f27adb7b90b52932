"""Guarantees for every unit test: it sees no CI, whatever machine runs it, and it does not reach GitHub."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kindgate.plugin.markers import SCENARIOS

FOREIGN_PREFIXES = ("GITHUB_", "ACTIONS_", "RUNNER_")
FORBIDDEN_DOMAINS = ("github.com", "githubusercontent.com", "ghcr.io")
PYTHON = sys.executable
PROFILE = "unit"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip unit tests in a run of e2e tests: reading them takes seconds, and packages that such a run does not need."""
    del collection_path
    if str(config.option.markexpr).startswith(("e2e", *SCENARIOS)):
        return True
    from hypothesis import settings  # noqa: PLC0415 - as above

    # each registration inherits from the previous one, and hypothesis follows them recursively
    if settings.get_current_profile_name() != PROFILE:
        settings.register_profile(PROFILE, deadline=None)  # a slow machine must not fail a property
        settings.load_profile(PROFILE)
    return None


def pytest_collection_finish() -> None:
    """Exempt a million permanent objects from garbage collection: a pytest that ends in this process collects several times."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _restore_signal_handling() -> None:
    """Undo the ignored signals of `nohup` and a shell's `&`: tests interrupt programs, which inherit them."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _outside_of_github(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the workflow that runs the tests, also from nested pytest runs, and refuse to resolve GitHub's hosts."""
    for name in [name for name in os.environ if name.startswith(FOREIGN_PREFIXES) or name == "CI"]:
        monkeypatch.delenv(name)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    resolve = socket.getaddrinfo

    def guarded(host: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name.endswith(FORBIDDEN_DOMAINS):
            raise AssertionError(f"a unit test asks for {name}")
        return resolve(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", guarded)


@pytest.fixture
def quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bursts are really sent, but no verdict depends on the machine: for tests of anything but the validity checks."""
    from tests.unit.quiet_machine import use_quiet_machine  # noqa: PLC0415 - of tests that ask for it

    use_quiet_machine(monkeypatch)


@pytest.fixture(scope="session", name="_forking_python")
def _forking_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    from tests.unit.forked.session import forking_python  # noqa: PLC0415 - of tests that ask for it

    base = tmp_path_factory.getbasetemp()
    with forking_python((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "forks") as python:
        yield python


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch, _forking_python: Path) -> None:
    """Let `sys.executable` fork a Python that has imported everything, for tests of a program's behavior rather than its start."""
    monkeypatch.setattr(sys, "executable", str(_forking_python))


@pytest.fixture
def no_fork(monkeypatch: pytest.MonkeyPatch, forks: None) -> None:
    """Let `sys.executable` start a new Python, in a module whose other tests fork."""
    del forks  # requested so that it is set up first
    monkeypatch.setattr(sys, "executable", PYTHON)
