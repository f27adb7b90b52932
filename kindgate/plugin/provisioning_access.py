"""A test's access to the environment: the provider, the file lock, and a failure that is reported once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from kindgate.pipeline.environment import StageT, VersionSwap, stage_of
from kindgate.pipeline.load_lock import LoadLock, load_lock_of_run
from kindgate.plugin.provider import Failure, Provider, RemoteProvider, StageUnreachable, repeated_failure_line
from kindgate.plugin.session_state import ENVIRONMENT, LOAD_LOCK, PROVIDER, WORKER_INPUT

T = TypeVar("T")


class PhaseFailed(pytest.fail.Exception):  # type: ignore[name-defined,misc]  # a class that pytest publishes as an instance's attribute
    """A test cannot be set up because the pipeline failed.

    pytest raises the same exception object for every test that uses a failed session fixture; `reported` limits the full
    error to the first of them.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.details if failure.first else repeated_failure_line(failure), pytrace=False)
        self.failure = failure
        self.reported = False


def load_lock_of(config: pytest.Config) -> LoadLock:
    """The run's file lock, the same in every process of the run."""
    if LOAD_LOCK not in config.stash:
        config.stash[LOAD_LOCK] = load_lock_of_run(config.workerinput[WORKER_INPUT]["run_id"])  # type: ignore[attr-defined]  # xdist adds it in workers
    return config.stash[LOAD_LOCK]


def provider_of(config: pytest.Config) -> Provider:
    """The provider of this process: the controller's own, or a connection to it."""
    if PROVIDER not in config.stash:
        worker_input = config.workerinput[WORKER_INPUT]  # type: ignore[attr-defined]  # xdist adds it in workers
        remote = RemoteProvider(worker_input["address"], bytes.fromhex(worker_input["authkey"]))
        config.add_cleanup(remote.close)
        config.stash[PROVIDER] = remote
    return config.stash[PROVIDER]


def environment_at(config: pytest.Config, stage: type[StageT]) -> StageT:
    """The environment at `stage`; fails the test if the pipeline cannot reach it, and skips it if only secrets are missing."""
    environment = config.stash[ENVIRONMENT] = _call_provider(lambda: provider_of(config).reach(stage))
    return stage_of(environment, stage)


def swap_versions(config: pytest.Config) -> VersionSwap:
    """Swap the two versions of a comparison; fails the test if that fails.

    Meanwhile no burst is sent, and no other test of the run uses the application.
    """
    with load_lock_of(config).exclusive():
        return _call_provider(provider_of(config).swap_versions)


def _call_provider(request: Callable[[], T]) -> T:
    try:
        return request()
    except StageUnreachable as error:
        failure = error.failure
    if failure.skips:
        pytest.skip(failure.summary)
    raise PhaseFailed(failure)
