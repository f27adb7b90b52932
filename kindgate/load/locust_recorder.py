"""A locustfile next to the user's own one: records every request that its users send, and ends the burst on time.

The workers record; the master merges their exact histograms. Locust's own statistics are rounded, and it gives workers
half a second for their last report. Its run time is therefore not used: the master asks each worker to end and waits for
its result before Locust ends.

Locust patches the standard library when imported: only Locust may import this module.
"""

from __future__ import annotations

import functools
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import gevent
from locust import events, runners
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.rpc import Message
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from kindgate.load.client_errors import client_failure_kind
from kindgate.load.locust_settings import heartbeats, output, planned
from kindgate.load.machine import MachineTimes, health_between
from kindgate.load.plan import BurstPlan
from kindgate.load.recorded_requests import RecordedRequests
from kindgate.load.result import BurstResult, FailureKind
from kindgate.waiting import Deadline

END = "kindgate_end"
RESULT = "kindgate_result"

LAG_INTERVAL = 0.02
"""Seconds between two measurements of the delay of a worker's event loop."""

REPORT_SECONDS = 20.0
"""Seconds for a result to arrive after the last user has been stopped."""


class Master:
    """Ends the burst when its time is over, and outputs the merged result before Locust exits."""

    def __init__(self, runner: MasterRunner, plan: BurstPlan) -> None:
        self._runner = runner
        self._plan = plan
        self._started = 0.0
        self._clients: list[str] = []
        self._results: dict[str, BurstResult] = {}
        self._interrupted = False
        self._ended = False

    def start(self, **_: object) -> None:
        """Begin the burst."""
        self._started = time.time()
        self._clients = sorted(self._runner.clients.keys())
        gevent.spawn_later(self._plan.loop.seconds or 0.0, self._runner.quit)

    def interrupt(self) -> None:
        """End the burst now."""
        self._interrupted = True
        gevent.spawn(self._runner.quit)

    def report(self, environment: Environment, msg: Message, **_: object) -> None:  # noqa: ARG002  # Locust's signature
        """Keep a worker's result."""
        self._results[msg.node_id] = BurstResult.from_json(msg.data)

    def gather(self, **_: object) -> None:
        """Have every worker stop its users and report; Locust continues to exit when this returns."""
        if self._ended or not self._clients:
            return
        self._ended = True
        seconds = time.time() - self._started
        for client in self._clients:
            self._runner.send_message(END, {"started": self._started, "interrupted": self._interrupted}, client)
        deadline = Deadline.after(self._plan.timeout + REPORT_SECONDS)
        while not deadline.expired and any(self._can_report(client) for client in self._clients):
            gevent.sleep(0.1)
        if self._results:
            merged = BurstResult.merged(self._results[client] for client in sorted(self._results))
            lost = (len(self._clients) - len(self._results)) / len(self._clients)
            output(replace(merged, missing=lost, seconds=seconds))

    def _can_report(self, client: str) -> bool:
        node = self._runner.clients.get(client)
        return client not in self._results and node is not None and node.state != STATE_MISSING


class Worker:
    """Records the requests of one worker's users."""

    def __init__(self, runner: WorkerRunner, plan: BurstPlan) -> None:
        self._runner = runner
        self._plan = plan
        self._requests = RecordedRequests()
        self._before = MachineTimes.now()
        self._wall, self._cpu = time.monotonic(), time.process_time()
        self._lag, self._due = 0.0, float("inf")
        self._ended = False

    def start(self, **_: object) -> None:
        """Begin to measure."""
        self._before = MachineTimes.now()
        self._wall, self._cpu = time.monotonic(), time.process_time()
        gevent.spawn(self._measure_lag)

    def request(
        self,
        *,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int | None = 0,
        exception: BaseException | str | None = None,
        start_time: float | None = None,
        response: Any = None,  # noqa: ANN401  # of whatever client the user uses
        **_: object,
    ) -> None:
        """Record a request that has ended: the arguments are those of Locust's event `request`."""
        seconds = (response_time or 0.0) / 1000
        status = getattr(response, "status_code", 0)
        status = status if isinstance(status, int) else 0
        failure = None
        if exception:
            failure = client_failure_kind(exception if isinstance(exception, BaseException) else Exception(exception), status)
        self._add(
            str(name),
            str(request_type),
            start_time if start_time is not None else time.time() - seconds,
            seconds,
            failure=failure,
            status=status,
            size=response_length or 0,
            checked=getattr(response, "_catch_response", getattr(response, "catch_response", False)) is True and status > 0,
        )

    def unanswered(self, name: str, method: str, sent: float) -> None:
        """Record a request that was not answered when its user was stopped."""
        self._add(name, method, sent, time.time() - sent, failure=FailureKind.UNANSWERED)

    def end(self, environment: Environment, msg: Message, **_: object) -> None:  # noqa: ARG002  # Locust's signature
        """Stop the users, each at the end of its task or at the latest after the plan's timeout, and report."""
        after_load = MachineTimes.now()
        wall, cpu = time.monotonic() - self._wall, time.process_time() - self._cpu
        self._runner.stop()
        self._ended = True
        health = health_between(self._before, after_load, [(cpu, wall)])
        result = self._requests.result(self._plan, msg.data["started"], health, interrupted=msg.data["interrupted"])
        self._runner.send_message(RESULT, result.to_json())

    def _add(self, name: str, method: str, sent: float, seconds: float, **figures: Any) -> None:  # noqa: ANN401  # those of RecordedRequests.add
        if not self._ended:
            lag = max(self._lag, time.perf_counter() - self._due)
            self._requests.add(name, method, sent, seconds, lag=lag, **figures)

    def _measure_lag(self) -> None:
        """Measure how late this process wakes up: its responses are read that late, and its requests sent."""
        while not self._ended:
            self._due = time.perf_counter() + LAG_INTERVAL
            gevent.sleep(LAG_INTERVAL)
            self._lag = max(0.0, time.perf_counter() - self._due)


def noting_unanswered(request: Callable[..., Any], worker: Worker) -> Callable[..., Any]:
    """A session's `request` that records a request whose user is stopped while it waits; Locust forgets those."""

    @functools.wraps(request)
    def wrapped(self: Any, method: Any, url: Any, name: Any = None, *args: Any, **options: Any) -> Any:  # noqa: ANN401  # Locust's signature
        sent = time.time()
        try:
            return request(self, method, url, name, *args, **options)
        except gevent.GreenletExit:
            worker.unanswered(str(name or self.request_name or url), str(method), sent)
            raise

    return wrapped


def verifying(create: Callable[..., None], verify: bool | str) -> Callable[..., None]:  # noqa: FBT001  # the value of requests
    """A session's `__init__` that sets which certificates it trusts."""

    @functools.wraps(create)
    def wrapped(self: Any, *args: Any, **options: Any) -> None:  # noqa: ANN401  # Locust's signature
        create(self, *args, **options)
        self.verify = verify

    return wrapped


def resolving(lookup: Callable[..., Any], host: str, address: str) -> Callable[..., Any]:
    """A `getaddrinfo` that finds `host` at `address`: the application's names need not be in any DNS."""

    @functools.wraps(lookup)
    def wrapped(name: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401  # the signature of socket.getaddrinfo
        text = name.decode() if isinstance(name, bytes) else name
        return lookup(address if text == host else name, *args, **options)

    return wrapped


def prepare_clients(plan: BurstPlan, worker: Worker) -> None:
    """Have Locust's HTTP clients reach the application, trust its certificates, and record what is never answered."""
    target = plan.routes[0]
    host = urlsplit(f"//{target.host}").hostname
    if host:
        address = urlsplit(target.url).hostname or ""
        for module in (socket, gevent.socket):
            setattr(module, "getaddrinfo", resolving(module.getaddrinfo, host, address))  # noqa: B010  # gevent's module has no types
    if plan.ca_file or not plan.verify:
        setattr(HttpSession, "__init__", verifying(HttpSession.__init__, plan.ca_file if plan.verify else False))  # noqa: B010  # a method
    for session in (HttpSession, FastHttpSession):
        setattr(session, "request", noting_unanswered(session.request, worker))  # noqa: B010  # a method


def on_init(environment: Environment, **_: object) -> None:
    """Become the master or a worker."""
    plan = planned()
    if isinstance(environment.runner, MasterRunner):
        runners.HEARTBEAT_LIVENESS = heartbeats()  # Locust has no option for this
        master = Master(environment.runner, plan)
        gevent.signal_handler(signal.SIGUSR1, master.interrupt)
        environment.runner.register_message(RESULT, master.report)
        environment.events.test_start.add_listener(master.start)
        environment.events.test_stopping.add_listener(master.gather)
    elif isinstance(environment.runner, WorkerRunner):
        worker = Worker(environment.runner, plan)
        prepare_clients(plan, worker)
        environment.runner.register_message(END, worker.end, concurrent=True)
        environment.events.test_start.add_listener(worker.start)
        environment.events.request.add_listener(worker.request)


events.init.add_listener(on_init)
