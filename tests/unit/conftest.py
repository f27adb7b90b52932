"""What every unit test may rely on: it is in no CI, whatever machine runs it, and it reaches no GitHub."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

FOREIGN_PREFIXES = ("GITHUB_", "ACTIONS_", "RUNNER_")
FORBIDDEN_DOMAINS = ("github.com", "githubusercontent.com", "ghcr.io")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Read no unit test in a run that asks for e2e tests alone: it takes seconds, and packages that such a run does not need."""
    del collection_path
    if str(config.option.markexpr).startswith("e2e"):
        return True
    from hypothesis import settings  # noqa: PLC0415 - as above

    settings.register_profile("unit", deadline=None)  # a busy machine is no failure of the code
    settings.load_profile("unit")
    return None


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard() -> None:
    """Undo what `nohup` and a shell's `&` do to a run: tests interrupt programs, and what is ignored is inherited."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _outside_of_github(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the workflow that runs the tests, in nested pytest runs too, and look up no address of GitHub's."""
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
