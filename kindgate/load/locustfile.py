"""The locustfile of a distributed burst: Locust's master hands out shares, each worker's User sends one.

Locust connects the workers and carries messages; kindgate sends and measures, in a generator process next to each
worker, because gevent's timers have a resolution of only one millisecond. Results travel as exact histograms in the
reports that workers send to the master (Locust's events `report_to_master` and `worker_report`).

Locust patches the standard library when imported: only Locust may import this module.
"""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from typing import Any

import gevent
from locust import User, constant, events, runners, task
from locust.env import Environment
from locust.rpc import Message
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from kindgate.load.burst_duration import max_duration
from kindgate.load.generator_pool import GeneratorPool, Shares
from kindgate.load.locust_settings import heartbeats, output, planned
from kindgate.load.plan import BurstPlan
from kindgate.load.report_collector import GRACE_SECONDS
from kindgate.load.result import BurstResult
from kindgate.waiting import Deadline

SHARE = "kindgate_share"
STOP = "kindgate_stop"
REPORT = "kindgate_result"
LEAD_SECONDS = 2.0
"""Seconds between handing out shares and sending, for the workers to start their generators."""


class Master:
    """Hands out shares when the test starts, gathers results, and ends Locust when all have arrived or time is up."""

    def __init__(self, runner: MasterRunner, plan: BurstPlan) -> None:
        self._runner = runner
        self._plan = plan
        self._results: dict[str, BurstResult] = {}
        self._clients: list[str] = []

    def start(self, **_: object) -> None:
        """Give every connected worker its share; all start at the same wall-clock time."""
        self._clients = sorted(self._runner.clients.keys())
        started = time.time() + LEAD_SECONDS
        for index, client in enumerate(self._clients):
            share = {"plan": self._plan.to_json(), "index": index, "of": len(self._clients), "started": started}
            self._runner.send_message(SHARE, share, client)
        gevent.spawn(self._gather)

    def stop(self) -> None:
        """Have every worker end its share now and report what it has measured."""
        for client in self._clients:
            self._runner.send_message(STOP, {}, client)

    def report(self, client_id: str, data: dict[str, Any], **_: object) -> None:
        """Handle a worker's report; most reports carry no result."""
        if REPORT in data:
            self._results[client_id] = BurstResult.from_json(data[REPORT])

    def _gather(self) -> None:
        deadline = Deadline.after(LEAD_SECONDS + max_duration(self._plan) + 2 * GRACE_SECONDS)
        while not deadline.expired and any(self._can_report(client) for client in self._clients):
            gevent.sleep(0.2)
        if self._results:
            merged = BurstResult.merged(self._results[client] for client in sorted(self._results))
            lost = (len(self._clients) - len(self._results) + sum(part.missing for part in self._results.values())) / len(self._clients)
            output(replace(merged, missing=lost))
        self._runner.quit()

    def _can_report(self, client: str) -> bool:
        """Whether `client` can still report a result."""
        node = self._runner.clients.get(client)
        return client not in self._results and node is not None and node.state != STATE_MISSING


class Worker:
    """Holds the master's share until the User takes it, and the result until the next report."""

    def __init__(self) -> None:
        self._share: dict[str, Any] | None = None
        self._result: BurstResult | None = None
        self._stopping = False

    def store_share(self, environment: object, msg: Message, **_: object) -> None:  # noqa: ARG002  # Locust's signature
        """Store the share sent by the master."""
        self._share = msg.data

    def stop(self, **_: object) -> None:
        """Stop the running share."""
        self._stopping = True

    def begin(self) -> None:
        """Start sending the share, if there is one, in a separate greenlet.

        Locust stops Users when it redistributes them, for example when a worker is lost or joins late; a share continues.
        """
        share, self._share = self._share, None
        if share is not None:
            gevent.spawn(self._send, share)

    def _send(self, share: dict[str, Any]) -> None:
        """Send the share; other greenlets, such as the heartbeat, run meanwhile."""
        with GeneratorPool() as pool:
            shares = Shares((share["index"],), share["of"], share["started"])
            self._result = pool.run_shares(BurstPlan.from_json(share["plan"]), shares, stop=lambda: self._stopping)

    def report(self, client_id: str, data: dict[str, Any], **_: object) -> None:  # noqa: ARG002  # Locust's signature
        """Add the result to the next report."""
        if self._result is not None:
            data[REPORT], self._result = self._result.to_json(), None


class Generator(User):
    """The one User of each worker: triggers sending of the worker's share."""

    wait_time = constant(0.1)
    worker: Worker | None = None

    @task
    def burst(self) -> None:
        """Start the share that has been handed out."""
        if self.worker:
            self.worker.begin()


def on_init(environment: Environment, **_: object) -> None:
    """Become the master or a worker."""
    if isinstance(environment.runner, MasterRunner):
        runners.HEARTBEAT_LIVENESS = heartbeats()  # Locust has no option for this
        master = Master(environment.runner, planned())
        gevent.signal_handler(signal.SIGUSR1, master.stop)
        environment.events.test_start.add_listener(master.start)
        environment.events.worker_report.add_listener(master.report)
    elif isinstance(environment.runner, WorkerRunner):
        worker = Worker()
        Generator.worker = worker
        environment.runner.register_message(SHARE, worker.store_share)
        environment.runner.register_message(STOP, worker.stop)
        environment.events.report_to_master.add_listener(worker.report)


events.init.add_listener(on_init)
