"""A locustfile as the load of a burst: real Locust processes against a server on loopback."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from kindgate.errors import LoadError
from kindgate.load.distributed import launched_swarm, read_result
from kindgate.load.generator_pool import run_burst
from kindgate.load.locust_users import RECORDER, base_url, locust_options, refuse_unusable_users, user_classes
from kindgate.load.plan import BurstPlan, ClosedLoop, Route
from kindgate.load.program import LocustUsers
from kindgate.load.result import FailureKind
from kindgate.waiting import Deadline, Pending, Ready, wait_for
from tests.unit.load.conftest import read_request

Handler = Callable[[socket.socket], None]
Serve = Callable[[Handler], str]
Behaviors = dict[str, Handler]

FILE = """
from locust import FastHttpUser, HttpUser, constant, task


class Visitor(HttpUser):
    wait_time = constant(0.02)

    @task
    def browse(self):
        self.client.get("/item/7", name="/item/[id]")
        self.client.get("/broken")
        with self.client.get("/wrong", name="wrong", catch_response=True) as response:
            if response.text != "expected":
                response.failure("not what was expected")


class Fast(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def post(self):
        self.client.post("/orders", json={"product": 1})
"""


def _answer(connection: socket.socket) -> None:
    """Answer 500 for /broken and 200 for everything else; refuse requests for other hosts."""
    while True:
        request = read_request(connection)
        known = b"\r\nhost: shop.localhost:" in request.lower()
        status = b"404 Not Found" if not known else b"500 Oops" if request.startswith(b"GET /broken") else b"200 OK"
        connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 3\r\n\r\nfoo")


def _written(folder: Path, text: str = FILE) -> Path:
    path = folder / "users.py"
    path.write_text(text)
    return path


def _plan(url: str, locustfile: Path, *, users: int = 4, seconds: float = 2.0, workers: int = 1, timeout: float = 2.0) -> BurstPlan:
    program = LocustUsers(str(locustfile), float(users), workers)
    return BurstPlan((Route(url, "shop.localhost"),), ClosedLoop(users, seconds), timeout=timeout, program=program)


def test_every_request_of_every_worker_is_recorded_by_its_name(serve: Serve, tmp_path: Path) -> None:
    """Both clients of Locust; the host's name needs no DNS, and figures of two workers are added up."""
    result = run_burst(_plan(serve(_answer), _written(tmp_path), workers=2))
    series = {one.route: one for one in result.series}
    assert set(series) == {"/item/[id]", "/broken", "wrong", "/orders"}
    assert (series["/item/[id]"].failures, series["/orders"].failures, series["/orders"].method) == (0, 0, "POST")
    assert set(series["/broken"].failed) == {FailureKind.HTTP}
    assert set(series["wrong"].failed) == {FailureKind.CHECK}
    assert series["wrong"].checks_failed == series["wrong"].sent > 0
    assert result.total.completed == series["/item/[id]"].completed + series["/orders"].completed > 20
    assert (result.missing, result.interrupted, result.health.processes) == (0.0, False, 2)
    assert result.loop_lag.count == result.send_lag.count == result.sent
    assert result.plan.program == LocustUsers(str(tmp_path / "users.py"), 4.0, 2)


def test_a_request_that_is_never_answered_is_a_failure(serve: Serve, behaviors: Behaviors, tmp_path: Path) -> None:
    """Locust itself forgets a request whose user is stopped while waiting, which would hide an outage."""
    locustfile = _written(tmp_path, FILE.partition("class Fast")[0])
    result = run_burst(_plan(serve(behaviors["hanging"]), locustfile, users=3, seconds=1, timeout=1))
    assert result.failed == {FailureKind.UNANSWERED: 3}
    assert result.total.response.count == 0


def test_a_killed_workers_requests_are_missing(serve: Serve, tmp_path: Path) -> None:
    """Half of the load is missing if one of two workers dies."""
    plan = _plan(serve(_answer), _written(tmp_path), seconds=8, workers=2)
    assert isinstance(plan.program, LocustUsers)
    files, options = f"{RECORDER},{plan.program.locustfile}", locust_options(plan, plan.program)

    def spawned() -> Ready[None] | Pending:
        output = (tmp_path / "locust.log").read_text()
        return Ready(None) if "All users spawned" in output else Pending(output[-500:])

    with launched_swarm(plan, 2, tmp_path, locustfiles=files, load=options, heartbeats=3) as swarm:
        wait_for("Locust to start", spawned, Deadline.after(60), interval=0.1)
        swarm.workers[0].kill()
        swarm.master.wait(60)
    result = read_result(tmp_path)
    assert result.missing == pytest.approx(1 / 2)
    assert result.sent > 0


INTERRUPTED = """
import sys
from kindgate.load.generator_pool import run_burst
from kindgate.load.plan import BurstPlan, ClosedLoop, Route
from kindgate.load.program import LocustUsers
url, locustfile = sys.argv[1:]
plan = BurstPlan((Route(url, "shop.localhost"),), ClosedLoop(2, 60.0), timeout=2.0, program=LocustUsers(locustfile, 2.0))
result = run_burst(plan)
print(result.interrupted, result.sent > 0, result.seconds < 60)
"""


def test_ctrl_c_ends_the_burst_and_keeps_what_was_measured(serve: Serve, tmp_path: Path) -> None:
    """The workers report what they have recorded until then."""
    answered = threading.Event()

    def handle(connection: socket.socket) -> None:
        answered.set()
        _answer(connection)

    command = [sys.executable, "-c", INTERRUPTED, serve(handle), str(_written(tmp_path))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert answered.wait(120)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert output == "True True True\n"


def test_a_load_shape_ends_the_burst_early(serve: Serve, tmp_path: Path) -> None:
    """The file's own shape replaces the number of users; the rate is that of the time that it took."""
    shape = (
        "\n\nfrom locust import LoadTestShape\n\n\nclass Short(LoadTestShape):\n    def tick(self):\n"
        "        return (2, 2) if self.get_run_time() < 2 else None\n"
    )
    result = run_burst(_plan(serve(_answer), _written(tmp_path, FILE + shape), seconds=60))
    assert result.seconds < 30
    assert result.total.completed > 0


def test_the_users_of_a_file_are_listed(tmp_path: Path) -> None:
    """Locust itself loads the file."""
    assert set(user_classes(_written(tmp_path))) == {"Visitor", "Fast"}


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("users.txt", FILE, "is not a locustfile"),
        ("a,b.py", FILE, "is not a locustfile"),
        ("users.py", "from locust import HttpUser\nclass A(HttpUser:\n", "users.py:2:"),
        ("users.py", "import a_module_that_is_nowhere\n", "Locust cannot load the file"),
        ("users.py", "from locust import HttpUser\n", "defines no user"),
        ("users.py", "\0", "users.py"),
    ],
)
def test_a_file_that_defines_no_load_is_rejected(tmp_path: Path, name: str, text: str, problem: str) -> None:
    """Each with a reason, before any process of a burst is started."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(LoadError, match=problem):
        user_classes(path)


def test_a_missing_file_is_rejected(tmp_path: Path) -> None:
    """The error names it."""
    with pytest.raises(LoadError, match=r"nowhere\.py: file not found"):
        user_classes(tmp_path / "nowhere.py")


def test_users_that_start_after_the_burst_are_rejected(tmp_path: Path) -> None:
    """Ten users at one per second need ten seconds."""
    program = LocustUsers(str(_written(tmp_path)), 1.0)
    plan = BurstPlan((Route("http://127.0.0.1/"),), ClosedLoop(10, 5.0), program=program)
    with pytest.raises(LoadError, match="take 10 s to start"):
        refuse_unusable_users(plan, program)


@pytest.mark.parametrize(("spawn_rate", "workers"), [(0.0, 1), (-1.0, 1), (float("nan"), 1), (1.0, 0), (1.0, 65)])
def test_users_that_never_start_are_rejected(spawn_rate: float, workers: int) -> None:
    """No rate, and no or too many workers."""
    with pytest.raises(LoadError):
        LocustUsers("users.py", spawn_rate, workers)


@pytest.mark.parametrize(
    ("target", "url"),
    [
        (Route("http://127.0.0.1:8080/"), "http://127.0.0.1:8080"),
        (Route("http://127.0.0.1:8080/api/"), "http://127.0.0.1:8080/api"),
        (Route("https://127.0.0.1:8443", "shop.localhost"), "https://shop.localhost:8443"),
        (Route("http://172.18.0.2", "bücher.example"), "http://xn--bcher-kva.example"),
        (Route("http://[::1]:8080/", ""), "http://[::1]:8080"),
    ],
)
def test_requests_go_to_the_hosts_name_at_the_targets_port(target: Route, url: str) -> None:
    """The Host header and TLS's server name then are the application's."""
    assert base_url(target) == url


@pytest.mark.parametrize("trusted", [True, False])
def test_certificates_are_verified_by_the_plans_authorities(serve: Serve, tmp_path: Path, trusted: bool) -> None:  # noqa: FBT001  # a case
    """For the host's name, which no DNS knows; without the authority, no request succeeds."""
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("shop.localhost").configure_cert(context)
    (authority if trusted else other).cert_pem.write_to_path(tmp_path / "ca.pem")

    def handle(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            _answer(secure)

    url = serve(handle).replace("http:", "https:")
    only_page = FILE.partition('        self.client.get("/broken")')[0]
    plan = replace(_plan(url, _written(tmp_path, only_page), users=1, seconds=1), ca_file=str(tmp_path / "ca.pem"))
    total = run_burst(plan).total
    assert (total.completed > 0, set(total.failed)) == (trusted, set() if trusted else {FailureKind.TLS})
