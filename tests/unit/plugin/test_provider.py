"""Workers get what the controller's pipeline reached, and the whole story of a failure exactly once."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.errors import ClusterError, ImageError
from kindgate.model import ClusterAddress, Rendered
from kindgate.pipeline.stages import Provisioned, Stage
from kindgate.plugin.provider import LocalProvider, ProviderServer, RemoteProvider, StageUnreachable
from kindgate.report.build import Measurement

ADDRESS = ClusterAddress("c", Path("kubeconfig"), "kind-c", "http://127.0.0.1:1")
PROVISIONED = Provisioned(ADDRESS, Rendered(Path("overlay"), ()), Path("kubectl"), Path("artifacts"), Path("measurements"))


class Counting:
    """A pipeline that counts how often it is asked, and fails where it is told to."""

    def __init__(self, error: ImageError | None = None) -> None:
        self.asked: list[Stage] = []
        self.busy = 0
        self.overlapped = False
        self._error = error

    def reach(self, stage: Stage) -> Provisioned:
        """Note the stage; raise the error if there is one."""
        self.busy += 1
        self.overlapped |= self.busy > 1
        self.asked.append(stage)
        self.busy -= 1
        if self._error is not None:
            raise self._error
        return PROVISIONED


@pytest.fixture(name="remote")
def _remote() -> Iterator[tuple[LocalProvider, Counting, list[RemoteProvider]]]:
    pipeline = Counting()
    local = LocalProvider(pipeline)
    server = ProviderServer(local)
    workers = [RemoteProvider(server.address, server.authkey) for _ in range(4)]
    yield local, pipeline, workers
    for worker in workers:
        worker.close()
    server.close()


def test_workers_get_plain_data_from_the_controller(remote: tuple[LocalProvider, Counting, list[RemoteProvider]]) -> None:
    """What the pipeline reached arrives equal in every worker, one request at a time."""
    _, pipeline, workers = remote
    answers: list[Provisioned] = []
    threads = [threading.Thread(target=lambda worker=worker: answers.append(worker.reach(Stage.APP))) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert answers == [PROVISIONED] * 4
    assert not pipeline.overlapped


def test_a_workers_results_reach_the_controller(remote: tuple[LocalProvider, Counting, list[RemoteProvider]]) -> None:
    """A measurement arrives as it was sent."""
    local, _, workers = remote
    workers[0].record(Measurement("test_a"))

    assert local.measurements == [Measurement("test_a")]


def test_only_the_first_error_shows_the_whole_story() -> None:
    """A failed phase is tried once; later tests get one line that points to the first."""
    pipeline = Counting(ImageError("no such image: x", last_state="404", next_step="spell it right"))
    local = LocalProvider(pipeline)
    server = ProviderServer(local)
    worker = RemoteProvider(server.address, server.authkey)

    with pytest.raises(StageUnreachable) as first:
        worker.reach(Stage.APP)
    with pytest.raises(StageUnreachable) as second:
        local.reach(Stage.CLUSTER)
    worker.close()
    server.close()

    assert "spell it right" in str(first.value)
    assert str(second.value) == "no such image: x (the first error of this run has the whole story)"
    assert (first.value.failure.exit_code, pipeline.asked) == (15, [Stage.APP])


def test_a_controller_that_is_gone_is_an_error_of_its_own() -> None:
    """A worker does not hang when the controller dies."""
    server = ProviderServer(LocalProvider(Counting()))
    worker = RemoteProvider(server.address, server.authkey)
    worker.close()
    server.close()

    with pytest.raises(ClusterError, match="the xdist controller is gone"):
        worker.reach(Stage.CLUSTER)


def test_an_interrupted_run_brings_the_pipeline_no_further() -> None:
    """Workers that go on for a moment create nothing any more; a failure that was there before stays the one that is told."""
    pipeline = Counting()
    local = LocalProvider(pipeline)
    local.refuse("the run was interrupted")

    with pytest.raises(StageUnreachable, match="the run was interrupted"):
        local.reach(Stage.APP)
    assert pipeline.asked == []

    failed = LocalProvider(Counting(ImageError("no such image: x")))
    with pytest.raises(StageUnreachable):
        failed.reach(Stage.APP)
    failed.refuse("the run was interrupted")
    assert failed.failure is not None
    assert failed.failure.summary == "no such image: x"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no abstract sockets: there the listener is a file")
def test_a_killed_controller_leaves_no_socket_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The listener's address is no file: there is nothing to remove."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    server = ProviderServer(LocalProvider(Counting()))
    try:
        assert list(tmp_path.iterdir()) == []
    finally:
        server.close()
