"""A test process's access to the environment: from the pipeline in its own process, or from the controller.

Without xdist, the only process owns the pipeline. Under xdist, the controller owns it and answers workers over a local
socket; a worker receives plain data and never creates or deletes anything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from kindgate.errors import ClusterError, KindgateError, SecretsMissing
from kindgate.pipeline.environment import Environment, StageT, VersionSwap

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from kindgate.pipeline.report_builder import Measurement

T = TypeVar("T")

ANSWER_SECONDS = 1800.0
"""Seconds that a worker waits for the controller: longer than all pipeline deadlines together."""


@dataclass(frozen=True)
class Failure:
    """Why a stage cannot be reached, as data; `first` is set in the one answer that should show the full error.

    `skips` is set if nothing failed, but something is missing that this run cannot have.
    """

    summary: str
    details: str
    exit_code: int
    first: bool
    skips: bool = False


def repeated_failure_line(failure: Failure) -> str:
    """The error text for tests after the first one."""
    return f"{failure.summary} (see the first error of this run for details)"


class StageUnreachable(KindgateError):
    """The pipeline failed; only the first test affected shows the full error."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.details if failure.first else repeated_failure_line(failure))
        self.failure = failure


class Provider(Protocol):
    """The interface that fixtures call."""

    def reach(self, stage: type[StageT]) -> Environment:
        """Bring the pipeline to `stage`; raises `StageUnreachable`."""
        ...

    def swap_versions(self) -> VersionSwap:
        """Swap the two versions of a comparison, once per run; raises `StageUnreachable`."""
        ...

    def record(self, measurement: Measurement) -> None:
        """Add a test's measurement to the report."""
        ...

    def reject(self, message: str, exit_code: int) -> None:
        """End the run before its first test, because of an error at collection."""
        ...

    def announce_scenarios(self, tests: Sequence[str]) -> None:
        """Name the scenarios' tests, which run after all others."""
        ...

    def request_autoscaling(self) -> None:
        """Have metrics in the cluster, if the application has autoscalers that need them."""
        ...


class ProvisioningAccess(Protocol):
    """The part of the pipeline that a provider drives."""

    def reach(self, stage: type[StageT]) -> Environment:
        """Bring the pipeline to `stage`; raises `KindgateError`."""
        ...

    def swap_versions(self) -> VersionSwap:
        """Swap the two versions of a comparison; raises `KindgateError`."""
        ...

    def request_autoscaling(self) -> None:
        """Have metrics for autoscalers; called before the first stage is reached."""
        ...


@dataclass
class LocalProvider:
    """Drive the pipeline of this process, once per stage, for one caller at a time.

    `on_reached` is called after each stage, reached or not: more secrets are known then.
    """

    pipeline: ProvisioningAccess
    on_reached: Callable[[], object] = lambda: None
    measurements: list[Measurement] = field(default_factory=list)
    failure: Failure | None = None
    rejection: Failure | None = None
    scenarios: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _swapped: VersionSwap | None = None

    def reach(self, stage: type[StageT]) -> Environment:
        """Bring the pipeline to `stage`; after a failure, every further call fails with the same cause."""
        return self._drive(lambda: self.pipeline.reach(stage))

    def swap_versions(self) -> VersionSwap:
        """Swap the two versions; tests that share a comparison's bursts also share the swap."""

        def once() -> VersionSwap:
            if self._swapped is None:
                self._swapped = self.pipeline.swap_versions()
            return self._swapped

        return self._drive(once)

    def _drive(self, drive: Callable[[], T]) -> T:
        with self._lock:
            if self.failure is not None:
                raise StageUnreachable(replace(self.failure, first=False))
            try:
                return drive()
            except KindgateError as error:
                self.failure = Failure(error.message, str(error), error.exit_code, first=True, skips=isinstance(error, SecretsMissing))
                raise StageUnreachable(self.failure) from error
            finally:
                self.on_reached()

    def reject(self, message: str, exit_code: int) -> None:
        """Record why the run must end; every worker collects the same tests, so the first reason is enough."""
        if self.rejection is None:
            self.rejection = Failure(message, message, exit_code, first=True)

    def announce_scenarios(self, tests: Sequence[str]) -> None:
        """Keep the names of the scenarios' tests; all workers collect the same."""
        self.scenarios.update(tests)

    def request_autoscaling(self) -> None:
        """Pass it on to the pipeline."""
        self.pipeline.request_autoscaling()

    def refuse(self, reason: str) -> None:
        """Stop the pipeline here: later callers get `reason`."""
        if self.failure is None:
            self.failure = Failure(reason, reason, ClusterError.exit_code, first=False)

    def record(self, measurement: Measurement) -> None:
        """Keep a test's measurement for the report."""
        self.measurements.append(measurement)


class ProviderServer:
    """Answer workers from the controller's provider: a listener in the private `folder`, and a thread per connection.

    `address` is where workers connect. Raises `OSError` if listening fails.
    """

    def __init__(self, provider: Provider, folder: Path) -> None:
        import secrets  # noqa: PLC0415  # runs without xdist do without

        from kindgate.plugin import worker_socket  # noqa: PLC0415  # the same

        self._provider = provider
        self._is_admitted = worker_socket.is_admitted
        self.authkey = secrets.token_bytes(32)
        self._listener = worker_socket.listen(folder)
        self.address = str(folder / worker_socket.NAME)
        self._closed = threading.Event()
        threading.Thread(target=self._accept, name="kindgate-provider", daemon=True).start()

    def close(self) -> None:
        """Stop accepting workers."""
        self._closed.set()
        with suppress(OSError):  # it removes its file, which may have been deleted with the run's folder
            self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection = self._listener.accept()
            except OSError:  # closed, or out of file descriptors, which may be free for the next worker
                self._closed.wait(0.1)
                continue
            threading.Thread(target=self._serve, args=(connection,), name="kindgate-worker", daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with connection:
            if not self._is_admitted(connection, self.authkey):
                return
            while True:
                try:
                    request, *arguments = connection.recv()
                    connection.send(self._answer(request, arguments))
                except (EOFError, OSError):
                    return

    def _answer(self, request: str, arguments: list[Any]) -> Environment | VersionSwap | Failure | None:
        if request in {"record", "reject", "announce_scenarios", "request_autoscaling"}:
            getattr(self._provider, request)(*arguments)
            return None
        try:
            return self._provider.swap_versions() if request == "swap_versions" else self._provider.reach(*arguments)
        except StageUnreachable as error:
            return error.failure


class RemoteProvider:
    """Ask the controller, from a worker."""

    def __init__(self, address: str, authkey: bytes) -> None:
        from kindgate.plugin.worker_socket import connect  # noqa: PLC0415  # runs without xdist do without

        self._connection = connect(address, authkey)

    def reach(self, stage: type[StageT]) -> Environment:
        """Ask the controller for `stage`; raises `StageUnreachable`, or `ClusterError` if the controller is gone."""
        return self._drive("reach", stage)  # type: ignore[no-any-return]  # the controller answers with nothing else

    def swap_versions(self) -> VersionSwap:
        """Ask the controller to swap the two versions; raises as `reach`."""
        return self._drive("swap_versions")  # type: ignore[no-any-return]  # as above

    def _drive(self, *request: Any) -> Any:  # noqa: ANN401  # what travels depends on the request
        answer = self._ask(*request)
        if isinstance(answer, Failure):
            raise StageUnreachable(answer)
        return answer

    def record(self, measurement: Measurement) -> None:
        """Send a test's measurement to the controller, for the report."""
        self._ask("record", measurement)

    def reject(self, message: str, exit_code: int) -> None:
        """Report to the controller why the run must end: a worker cannot end it."""
        self._ask("reject", message, exit_code)

    def announce_scenarios(self, tests: Sequence[str]) -> None:
        """Send the names of the scenarios' tests to the controller, before it distributes any test."""
        self._ask("announce_scenarios", tests)

    def request_autoscaling(self) -> None:
        """Pass it on to the controller, before it distributes any test."""
        self._ask("request_autoscaling")

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    def _ask(self, *request: Any) -> Any:  # noqa: ANN401  # what travels depends on the request
        try:
            self._connection.send(request)
            if self._connection.poll(ANSWER_SECONDS):
                return self._connection.recv()
        except (EOFError, OSError) as error:
            raise ClusterError("the xdist controller has exited", next_step="see the end of the controller's output") from error
        raise ClusterError("the xdist controller does not respond", waited=ANSWER_SECONDS)
