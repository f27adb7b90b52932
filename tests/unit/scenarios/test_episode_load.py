"""Episodes against real servers: their phases and losses, how they end, and what is kept if they cannot."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import Counter as Counts
from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from kindgate.errors import LoadError
from kindgate.load.own_cpu import OwnCpu
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Route
from kindgate.load.schedule import NANOS, make_schedule
from kindgate.load.template import Encoding, Placeholder, Template
from kindgate.load.variables import Counter
from kindgate.report.episode_records import episode_record
from kindgate.scenarios.episode_load import EpisodeLoad, Ramp
from kindgate.scenarios.run import Load
from kindgate.slo.episode import Episode, Phase, ReplicaCount, Requests
from tests.unit.load.conftest import Serve, answering, hanging, read_request

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FATES = {1: "close", 2: "fail", 3: "hang", 4: "close once"}
ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


def plan_of(url: str, rate: float = 200, timeout: float = 5.0) -> BurstPlan:
    """GET requests of one route."""
    return BurstPlan((Route(url, name="foo"),), OpenLoop.constant(rate, seconds=1), timeout=timeout, processes=1)


def episode_of(load: Load) -> Episode:
    """The episode of a load that has ended, whose figures add up."""
    episode = load.episode(scenario="rollout", action="restart", targets=("Deployment shop/web",))
    assert not episode_record(episode).inconsistency
    return episode


def continue_until(load: EpisodeLoad, seconds: float) -> None:
    """Return when the load has run for so long."""
    while load.elapsed < seconds:
        threading.Event().wait(max(0.0, seconds - load.elapsed))


@dataclass
class Dropping:
    """Serves requests for `/NUMBER`, and drops a known set of them: four of ten to each method, by their number.

    `received` has the numbers by method, `lost` what the client must make of each dropped one.
    """

    received: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    lost: dict[int, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, connection: socket.socket) -> None:
        """Serve one connection."""
        for earlier in range(1_000_000):
            method, path, _ = read_request(connection).split(b"\r\n")[0].decode().split(" ")
            number = int(path[1:])
            fate = FATES.get(number // 2 % 10, "answer")
            with self.lock:
                repeated = number in self.received[method]
                self.received[method].add(number)
                if fate in {"close", "fail", "hang"}:
                    self.lost[number] = "failed" if fate == "fail" else "unanswered"
                elif fate == "close once" and not repeated:
                    # a client may repeat a safe request, and can do so if an old connection breaks
                    self.lost[number] = "sent_twice" if method == "GET" and earlier else "unanswered"
            if fate == "close" or (fate == "close once" and not repeated):
                return
            if fate == "hang":
                hanging(connection)
                return
            connection.sendall(ERROR if fate == "fail" else ANSWER)


def test_a_known_set_of_dropped_requests_is_counted_exactly(serve: Serve) -> None:
    """Each dropped request is lost in the phase of its intended time, in its route, and as its own kind; no other one is."""
    server = Dropping()
    url = serve(server.handle)
    path = Template(("/", Placeholder("id", Encoding.URL)))
    routes = tuple(Route(url, name=method, method=method, path=path) for method in ("GET", "POST"))
    plan = BurstPlan(routes, OpenLoop.constant(200, seconds=1), variables=(Counter("id"),), timeout=1.0, processes=1)
    with EpisodeLoad(plan, warmup=0, before=1.0, after=0.5) as load:
        load.begin()
        continue_until(load, 2.0)
        load.end()
    episode = episode_of(load)

    edges = [round(mark * NANOS) for mark in (episode.marks.began, episode.marks.ended, episode.marks.finished)]
    phases: dict[tuple[str, int], Counts[str]] = defaultdict(Counts)
    schedule = make_schedule(OpenLoop.constant(200, seconds=900), routes, plan.seed)
    for index, route in enumerate(routes):
        numbers = sorted(server.received[route.method])  # the n-th request has the n-th smallest number
        due = schedule.intended[schedule.route == index][: len(numbers)]
        assert len(due) == len(numbers) == int((schedule.intended[schedule.route == index] < edges[2]).sum())
        for number, phase in zip(numbers, np.searchsorted(edges[:2], due, side="right").tolist(), strict=True):
            phases[route.method, phase]["scheduled"] += 1
            if number in server.lost:
                phases[route.method, phase][server.lost[number]] += 1

    def counted(*keys: tuple[str, int]) -> Requests:
        return Requests(**sum((phases[key] for key in keys), Counts[str]()))

    methods = ("GET", "POST")
    assert [each.requests for each in episode.phases[:3]] == [counted(*((each, phase) for each in methods)) for phase in range(3)]
    assert [each.requests for each in episode.routes] == [counted(*((each, phase) for phase in range(3))) for each in methods]
    assert episode.phases[3].requests == Requests()
    assert min(episode.requests.failed, episode.requests.unanswered, episode.requests.sent_twice) > 0
    assert (episode.complete, episode.health.punctual, episode.error, episode.recovery) == (True, 1.0, "", None)


@dataclass
class Refusing:
    """Answers requests, and closes connections without an answer while `down`; `refused` has the times at which it did."""

    down: bool = False
    refused: list[float] = field(default_factory=list)

    def handle(self, connection: socket.socket) -> None:
        """Serve one connection."""
        while True:
            read_request(connection)
            if self.down:
                self.refused.append(time.monotonic())
                return
            connection.sendall(ANSWER)


def test_an_outage_is_as_long_as_on_the_servers_clock(serve: Serve) -> None:
    """Within what a busy machine adds; the first success comes when it is over, and recovery too."""
    server = Refusing()
    plan = plan_of(serve(server.handle))
    with EpisodeLoad(replace(plan, routes=(replace(plan.routes[0], method="POST"),)), warmup=0, before=1.0, after=60) as load:
        load.begin()
        server.down = True
        continue_until(load, load.elapsed + 4.0)
        server.down = False
        load.end()
    episode = episode_of(load)

    seconds = server.refused[-1] - server.refused[0]
    assert episode.outage == pytest.approx(seconds, abs=1.0)
    assert episode.first_success / 1000 == pytest.approx(seconds, abs=1.0)
    assert episode.requests.lost == episode.requests.unanswered == len(server.refused)
    assert episode.phases[3].requests.lost == 0
    assert episode.recovery is not None


@dataclass
class Delaying:
    """Answers each request after `delay` seconds."""

    delay: float = 0.0

    def handle(self, connection: socket.socket) -> None:
        """Serve one connection."""
        while True:
            read_request(connection)
            threading.Event().wait(self.delay)
            connection.sendall(ANSWER)


def test_an_episode_ends_when_the_steady_state_is_back(serve: Serve) -> None:
    """Requests are slow until a second after the action; the load waits for the proof that they no longer are, and no longer."""
    server = Delaying(0.02)
    with EpisodeLoad(plan_of(serve(server.handle)), warmup=0.5, before=1.0, after=300) as load:
        assert load.elapsed >= 1.0
        load.begin()
        server.delay = 0.5
        continue_until(load, 2.0)
        load.end()
        fast = threading.Timer(1.0, lambda: setattr(server, "delay", 0.02))
        fast.start()
    fast.join()
    episode = episode_of(load)

    assert episode.recovery is not None
    assert episode.marks.recovered == pytest.approx(episode.marks.ended + episode.recovery / 1000)
    assert 500 <= episode.recovery < 60_000
    assert [each.phase for each in episode.phases] == list(Phase)
    before, during, _, after = (each.p95 or 0.0 for each in episode.phases)
    assert during > 2 * max(before, after) > 0
    assert episode.requests == Requests(episode.requests.scheduled)
    assert episode.phases[3].seconds >= 3.0


def test_an_episode_gives_up_waiting_for_the_steady_state(serve: Serve) -> None:
    """The service stays slow, by more than a busy machine causes; the episode is complete, without recovery."""
    server = Delaying(0.01)
    with EpisodeLoad(plan_of(serve(server.handle), rate=100), warmup=0.5, before=1.0, after=4) as load:
        load.begin()
        server.delay = 1.0
        load.end()
    episode = episode_of(load)

    assert (episode.recovery, episode.marks.recovered, episode.complete) == (None, None, True)
    assert episode.marks.finished >= episode.marks.ended + 4


def test_an_action_without_an_end_lasts_until_the_block_is_left(serve: Serve) -> None:
    """Without a beginning either, it takes no time."""
    with EpisodeLoad(plan_of(serve(answering())), warmup=0, before=0.5, after=0.1) as load:
        load.begin()
        continue_until(load, 1.0)
    with EpisodeLoad(plan_of(serve(answering())), warmup=0, before=0.5, after=0.1) as unmarked:
        pass

    assert episode_of(load).marks.ended >= 1.0
    assert episode_of(load).phases[1].requests.scheduled > 0
    assert episode_of(unmarked).phases[1].requests.scheduled == 0


def test_the_warm_up_is_no_part_of_an_episode(serve: Serve) -> None:
    """Its requests are sent, and not counted."""
    served = []

    def counting(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            served.append(connection)
            connection.sendall(ANSWER)

    with EpisodeLoad(plan_of(serve(counting), rate=50), warmup=0.5, before=0.5, after=0.1) as load:
        pass

    assert episode_of(load).requests == Requests(len(served) - 25)


def test_an_exception_ends_the_load_and_keeps_what_was_measured(serve: Serve) -> None:
    """Half of the requests would take a minute: the episode does not wait for them, and does not call them lost."""
    plan = plan_of(serve(answering()), timeout=60)
    silent = replace(plan.routes[0], url=serve(hanging), name="silent")
    started = time.monotonic()
    load = EpisodeLoad(replace(plan, routes=(*plan.routes, silent)), warmup=0, before=1.0, after=300)
    with pytest.raises(KeyboardInterrupt), load:  # noqa: PT012  # the block is what is interrupted
        load.begin()
        raise KeyboardInterrupt
    episode = episode_of(load)

    assert time.monotonic() - started < 30
    assert not episode.complete
    assert episode.requests.lost == 0
    assert {each.route: each.requests.answered > 50 for each in episode.routes} == {"foo": True, "silent": False}


def test_ctrl_c_while_waiting_for_the_steady_state_ends_the_load(serve: Serve) -> None:
    """The episode is not complete, and keeps its marks."""
    server = Delaying(0.01)
    load = EpisodeLoad(plan_of(serve(server.handle)), warmup=0, before=1.0, after=300)
    interrupt = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt), load:  # noqa: PT012  # leaving the block is what is interrupted
        load.begin()
        server.delay = 0.2
        load.end()
        interrupt.start()
    interrupt.join()
    episode = episode_of(load)

    assert not episode.complete
    assert episode.recovery is None
    assert episode.phases[2].requests.answered > 0


def test_the_death_of_the_only_generator_is_an_error_of_an_episode_with_its_rows(serve: Serve) -> None:
    """What it had reported is kept, and leaving the block does not wait for a steady state."""
    with EpisodeLoad(plan_of(serve(answering())), warmup=0, before=1.2, after=300) as load:
        load.begin()
        os.kill(load._pool.process_ids[0], signal.SIGKILL)
    episode = episode_of(load)

    assert "load generator exited" in episode.error
    assert (episode.complete, episode.health.missing) == (False, 1.0)
    assert episode.requests.answered > 50
    assert episode.marks.finished <= load.elapsed


def test_the_death_of_one_of_two_generators_is_an_error_with_the_share_that_is_missing(serve: Serve) -> None:
    """Its rows until then count once, with all of the other's."""
    plan = replace(plan_of(serve(answering())), processes=2)
    with EpisodeLoad(plan, warmup=0, before=1.2, after=0.1) as load:
        load.begin()
        os.kill(load._pool.process_ids[1], signal.SIGKILL)
        continue_until(load, 2.0)
    episode = episode_of(load)

    assert "50% of the load" in episode.error
    assert (episode.complete, episode.health.missing) == (False, 0.5)
    due = make_schedule(OpenLoop.constant(200, seconds=900), plan.routes, plan.seed).intended
    most = int((due < episode.marks.finished * NANOS).sum())
    assert most / 2 + 50 < episode.requests.answered < most


def test_a_load_that_ends_before_the_action_is_an_error(serve: Serve) -> None:
    """The marks lie within the load."""
    with EpisodeLoad(plan_of(serve(answering())), warmup=0, before=0.5, longest=1.0) as load:
        load.begin()
        continue_until(load, 1.5)
    episode = episode_of(load)

    assert "ended after 1 s" in episode.error
    assert not episode.complete
    assert episode.marks.ended == episode.marks.finished == pytest.approx(1.0, abs=0.1)
    assert sum(each.seconds for each in episode.phases) == pytest.approx(episode.marks.finished)


def test_a_load_that_cannot_start_is_an_error_before_the_action(monkeypatch: pytest.MonkeyPatch, serve: Serve) -> None:
    """The block is not entered."""
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # no Python starts with it
    with pytest.raises(LoadError, match="did not start"), EpisodeLoad(plan_of(serve(answering())), warmup=0):
        pytest.fail("the action must not begin")


def test_a_closed_loop_is_rejected_before_anything_begins() -> None:
    """It would hide an outage."""
    with pytest.raises(LoadError, match="use an open loop"):
        EpisodeLoad(replace(plan_of("http://127.0.0.1/"), loop=ClosedLoop(1, seconds=1)))


def test_the_rate_is_the_highest_of_the_plan_all_the_time(serve: Serve) -> None:
    """The steady state before the action would otherwise not be that after it."""
    plan = replace(plan_of(serve(answering())), loop=OpenLoop.constant(50, seconds=0.1, arrival="uniform"))
    with EpisodeLoad(plan, warmup=0, before=1.0, after=0.1) as load:
        pass
    episode = episode_of(load)

    assert episode.requests.scheduled == pytest.approx(50 * episode.marks.finished, abs=1)


def test_an_episode_has_its_events_in_order_and_what_its_caller_adds(serve: Serve) -> None:
    """Events of other threads, of now and of a known time; the share of other programs is known with the run's CPU time."""
    own_cpu = OwnCpu(os.getpid(), ())
    with EpisodeLoad(plan_of(serve(answering())), own_cpu=own_cpu, warmup=0, before=0.3, after=0.1) as load:
        assert load.started == pytest.approx(time.time() - load.elapsed, abs=0.5)
        thread = threading.Thread(target=load.note, args=("action", "restarted"))
        thread.start()
        thread.join()
        load.note("kubernetes", "Scheduled: web-1", at=0.1)
    replicas = (ReplicaCount(0.0, "Deployment shop/web", 2),)
    episode = load.episode(
        scenario="chaos", action="kill", targets=["Deployment shop/web"], error="no pod was ready", undone="nothing", replicas=replicas
    )

    assert [(each.source, each.text) for each in episode.events] == [("kubernetes", "Scheduled: web-1"), ("action", "restarted")]
    assert 0.3 <= episode.events[1].at <= episode.marks.finished
    assert (episode.scenario, episode.action, episode.targets) == ("chaos", "kill", ("Deployment shop/web",))
    assert (episode.error, episode.undone, episode.replicas) == ("no pod was ready", "nothing", replicas)
    assert episode.foreign is not None
    assert Episode.from_json(episode.to_json()) == episode


def test_a_ramp_begins_with_the_action_and_stays_at_its_peak(serve: Serve) -> None:
    """The rate before is that of the plan, and so is that of the warm-up; episodes without a ramp keep it."""
    plan = plan_of(serve(answering()), rate=100)
    with EpisodeLoad(plan, warmup=0, before=1.0, after=0.2, ramp=Ramp(4.0, seconds=1.0)) as load:
        load.begin()
        continue_until(load, 3.0)
        load.end()
    before, during = episode_of(load).phases[:2]

    assert before.requests.scheduled / before.seconds == pytest.approx(100, rel=0.25)
    assert during.requests.scheduled / during.seconds > 250
    loop = load.plan.loop
    assert isinstance(loop, OpenLoop)
    assert [(stage.start_rate, stage.end_rate) for stage in loop.stages] == [(100, 100), (100, 400), (400, 400)]
    constant = EpisodeLoad(plan).plan.loop
    assert isinstance(constant, OpenLoop)
    assert [(stage.seconds, stage.end_rate) for stage in constant.stages] == [(900, 100)]
