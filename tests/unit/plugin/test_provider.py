"""Workers get what the controller's pipeline reached, and the full text of a failure exactly once."""

from __future__ import annotations

import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from kindgate.errors import ClusterError, ImageError
from kindgate.model import ClusterAddress, Rendered
from kindgate.pipeline.environment import DeployedApplication, Environment, RunningCluster, StageT, VersionSwap
from kindgate.pipeline.report_builder import Measurement
from kindgate.plugin.provider import LocalProvider, ProviderServer, RemoteProvider, StageUnreachable
from kindgate.plugin.worker_socket import NAME, is_admitted, listen
from kindgate.report.judged_scenarios import JudgedEpisodes
from kindgate.slo.episode_judge import judge_scenario
from kindgate.slo.objectives import Objectives
from tests.unit.slo.episodes import restart

pytestmark = pytest.mark.usefixtures("forks")

ADDRESS = ClusterAddress("c", Path("kubeconfig"), "kind-c", "http://127.0.0.1:1")
CLUSTER = RunningCluster(ADDRESS, Rendered(Path("overlay"), ()), Path("kubectl"), Path("artifacts"), Path("measurements"))
PROVISIONED = DeployedApplication(CLUSTER)


class Counting:
    """A pipeline that counts requests, and fails on demand."""

    def __init__(self, error: ImageError | None = None) -> None:
        self.requested_stages: list[type[object]] = []
        self.busy = 0
        self.swaps = 0
        self.autoscaling = False
        self.overlapped = False
        self._error = error

    def reach(self, stage: type[StageT]) -> Environment:
        """Record the stage; raise the error if there is one."""
        self.busy += 1
        self.overlapped |= self.busy > 1
        self.requested_stages.append(stage)
        self.busy -= 1
        if self._error is not None:
            raise self._error
        return PROVISIONED

    def swap_versions(self) -> VersionSwap:
        """Count the request."""
        self.swaps += 1
        return VersionSwap("deployed again", f"swap {self.swaps}")

    def request_autoscaling(self) -> None:
        """Record the request."""
        self.autoscaling = True


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """A run's private folder."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(name="remote")
def _remote(folder: Path) -> Iterator[tuple[LocalProvider, Counting, list[RemoteProvider]]]:
    pipeline = Counting()
    local = LocalProvider(pipeline)
    server = ProviderServer(local, folder)
    workers = [RemoteProvider(server.address, server.authkey) for _ in range(4)]
    yield local, pipeline, workers
    for worker in workers:
        worker.close()
    server.close()


def test_workers_get_plain_data_from_the_controller(remote: tuple[LocalProvider, Counting, list[RemoteProvider]]) -> None:
    """Every worker receives an equal copy of the pipeline's result, and requests are handled one at a time."""
    _, pipeline, workers = remote
    answers: list[Environment] = []
    threads = [threading.Thread(target=lambda worker=worker: answers.append(worker.reach(DeployedApplication))) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert answers == [PROVISIONED] * 4
    assert not pipeline.overlapped


def test_versions_are_swapped_once_for_all_workers(remote: tuple[LocalProvider, Counting, list[RemoteProvider]]) -> None:
    """Tests of one comparison share its bursts: a second redeployment would remove versions under load."""
    local, pipeline, workers = remote
    answers = [worker.swap_versions() for worker in workers] + [local.swap_versions()]

    assert answers == [VersionSwap("deployed again", "swap 1")] * 5
    assert pipeline.swaps == 1


def test_a_failed_phase_also_fails_a_version_swap(folder: Path) -> None:
    """After a failed phase nothing is removed from the cluster."""
    pipeline = Counting(ImageError("no such image: x"))
    server = ProviderServer(LocalProvider(pipeline), folder)
    worker = RemoteProvider(server.address, server.authkey)
    for request in (lambda: worker.reach(DeployedApplication), worker.swap_versions):
        with pytest.raises(StageUnreachable, match="no such image"):
            request()
    worker.close()
    server.close()

    assert pipeline.swaps == 0


def test_a_workers_results_reach_the_controller(remote: tuple[LocalProvider, Counting, list[RemoteProvider]]) -> None:
    """A measurement arrives unchanged, with the episodes of a scenario."""
    local, _, workers = remote
    judged = JudgedEpisodes((restart(),), judge_scenario(Objectives(), restart()))
    measurement = Measurement("test_a", scenarios=(judged,))
    workers[0].record(measurement)

    assert local.measurements == [measurement]


def test_only_the_first_error_is_shown_in_full(folder: Path) -> None:
    """A failed phase is tried once; later tests get one line that refers to the first error."""
    pipeline = Counting(ImageError("no such image: x", last_state="404", next_step="spell it right"))
    local = LocalProvider(pipeline)
    server = ProviderServer(local, folder)
    worker = RemoteProvider(server.address, server.authkey)

    with pytest.raises(StageUnreachable) as first:
        worker.reach(DeployedApplication)
    with pytest.raises(StageUnreachable) as second:
        local.reach(RunningCluster)
    worker.close()
    server.close()

    assert "spell it right" in str(first.value)
    assert str(second.value) == "no such image: x (see the first error of this run for details)"
    assert (first.value.failure.exit_code, pipeline.requested_stages) == (15, [DeployedApplication])


def test_a_vanished_controller_raises_a_cluster_error(folder: Path) -> None:
    """A worker does not hang if the controller dies."""
    server = ProviderServer(LocalProvider(Counting()), folder)
    worker = RemoteProvider(server.address, server.authkey)
    worker.close()
    server.close()

    with pytest.raises(ClusterError, match="the xdist controller has exited"):
        worker.reach(RunningCluster)


def test_an_interrupted_run_reaches_no_further_stage() -> None:
    """Workers that are still running create nothing more; an earlier failure remains the reported one."""
    pipeline = Counting()
    local = LocalProvider(pipeline)
    local.refuse("the run was interrupted")

    with pytest.raises(StageUnreachable, match="the run was interrupted"):
        local.reach(DeployedApplication)
    assert pipeline.requested_stages == []

    failed = LocalProvider(Counting(ImageError("no such image: x")))
    with pytest.raises(StageUnreachable):
        failed.reach(DeployedApplication)
    failed.refuse("the run was interrupted")
    assert failed.failure is not None
    assert failed.failure.summary == "no such image: x"


def bad_clients() -> dict[str, Callable[[socket.socket], object]]:
    """Return what other processes might do to the socket."""
    return {
        "silence": lambda _: None,
        "garbage": lambda connection: connection.sendall(b"GET / HTTP/1.1\r\n\r\n" * 100),
        "an endless message": lambda connection: connection.sendall(b"\x7f\xff\xff\xff"),
        "half a key": lambda connection: connection.sendall(b"\0\0\0\x20half"),
        "a wrong key": lambda connection: connection.sendall(b"\0\0\0\x20" + bytes(32)),
        "a shorter key": lambda connection: connection.sendall(b"\0\0\0\x01k"),
        "a worker killed in the handshake": lambda connection: connection.close(),
    }


@pytest.mark.parametrize("behavior", bad_clients())
def test_an_unauthenticated_client_blocks_no_worker(folder: Path, behavior: str) -> None:
    """Workers that connect later are served, and the client gets no data."""
    server = ProviderServer(LocalProvider(Counting()), folder)
    try:
        with closing(socket.socket(socket.AF_UNIX)) as client:
            client.connect(server.address)
            bad_clients()[behavior](client)
            worker = RemoteProvider(server.address, server.authkey)
            assert worker.reach(DeployedApplication) == PROVISIONED
            worker.close()
    finally:
        server.close()


def test_a_silent_client_is_disconnected(folder: Path) -> None:
    """It does not block its thread for the whole run."""
    listener = listen(folder)
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(folder / NAME))
    client.sendall(b"\0\0")
    with listener.accept() as connection:
        assert not is_admitted(connection, bytes(32), seconds=0.2)
    client.settimeout(30)
    assert client.recv(1) == b""
    client.close()
    listener.close()


def test_many_unauthenticated_clients_do_not_block_a_worker(folder: Path) -> None:
    """More clients connect than any listen backlog holds."""
    server = ProviderServer(LocalProvider(Counting()), folder)
    with ExitStack() as stack:
        stack.callback(server.close)
        for _ in range(200):
            client = stack.enter_context(closing(socket.socket(socket.AF_UNIX)))
            client.connect(server.address)
        worker = RemoteProvider(server.address, server.authkey)
        assert worker.reach(DeployedApplication) == PROVISIONED
        worker.close()


@pytest.mark.parametrize("length", [20, 60, 150, 240])
def test_the_socket_is_in_the_private_folder_even_if_its_path_is_long(tmp_path: Path, length: int) -> None:
    """Systems limit socket paths to about a hundred bytes, but TMPDIR and the state folder can be anywhere."""
    folder = tmp_path / ("d" * length)
    folder.mkdir(mode=0o700)
    server = ProviderServer(LocalProvider(Counting()), folder)
    try:
        assert stat.S_ISSOCK((folder / NAME).stat().st_mode)
        worker = RemoteProvider(server.address, server.authkey)
        assert worker.reach(DeployedApplication) == PROVISIONED
        worker.close()
    finally:
        server.close()


def test_a_run_with_workers_cleans_up_a_state_folder_with_a_long_path(
    suite: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket is deleted with the run's folder."""
    state = tmp_path / ("s" * 150)
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(state))
    suite.makepyfile("def test_plain():\n    pass\n")

    suite.runpytest_inprocess("-n", "1").assert_outcomes(passed=1)

    assert list((state / "runs").iterdir()) == []
