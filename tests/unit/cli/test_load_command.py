"""`kindgate load` against a real server, with no cluster."""

from __future__ import annotations

import json
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from kindgate.cli.load_command import load
from kindgate.cli.load_run import LoadRun, run_load
from kindgate.cli.load_thresholds import parse_thresholds
from kindgate.errors import CommandNotFound, LoadError, SettingsError, SloError
from kindgate.load.aggregate import burst_result
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import OK
from kindgate.load.result import Health

pytestmark = pytest.mark.usefixtures("quiet_machine")

app = typer.Typer()
app.command()(load)

INVALID = 21
"""The exit code of bursts that cannot be judged."""


class Answering(BaseHTTPRequestHandler):
    """Answers `foo`, 500 below /broken, a redirect below /moved; below /closing only the first request of each connection."""

    protocol_version = "HTTP/1.1"
    fresh = True
    disable_nagle_algorithm = True  # head and body are two packets, so Nagle's algorithm would delay the second by 40 ms

    def do_GET(self) -> None:
        """Answer once, or close without an answer; below /hanging, wait until the client closes."""
        if self.path.startswith("/hanging"):
            self.rfile.read(1)
        if self.path.startswith("/closing") and not self.fresh:
            self.close_connection = True
            return
        self.fresh = False
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/")
        else:
            self.send_response(500 if self.path.startswith("/broken") else 200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"foo")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name for it
        """Silence the request log."""


class Server(ThreadingHTTPServer):
    """Accepts many connections at a time and waits for none of them on shutdown."""

    request_queue_size = 256
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a server for this module."""
    with Server(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=socketserver.BaseServer.serve_forever, args=(server, 0.02))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def run(*arguments: str) -> Result:
    """Return the command's result; its own errors are raised."""
    result = CliRunner().invoke(app, ["--warmup", "0", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_burst_is_shown_and_written(url: str, tmp_path: Path) -> None:
    """There is a table on stdout, and files with the document, k6's summary and every sample."""
    files = [tmp_path / name for name in ("out.json", "k6.json", "raw.csv")]
    result = run(
        *("--url", url, "--header", "Host: foo.localhost", "--rate", "100", "--requests", "30", "--arrival", "uniform", "--seed", "7"),
        *("--json", str(files[0]), "--k6-summary", str(files[1]), "--raw", str(files[2])),
    )
    assert result.exit_code == 0
    assert "response" in result.stdout
    document = json.loads(files[0].read_text())
    assert (document["count"], document["failed"]["total"], document["dropped"]) == (30, 0, 0)
    assert document["routes"][0]["host"] == "foo.localhost"
    assert document["verdict"] is None
    assert json.loads(files[1].read_text())["metrics"]["http_reqs"]["count"] == 30
    assert len(files[2].read_text().splitlines()) == 31


def test_retried_requests_are_shown_and_count_as_failures(url: str, tmp_path: Path) -> None:
    """The output, the document and k6's summary count them, and a threshold on failures is missed."""
    files = [tmp_path / name for name in ("out.json", "k6.json")]
    result = run(
        *("--url", url + "closing", "--users", "1", "--requests", "10", "--threshold", "http_req_failed{kind:retried}: rate<0.1"),
        *("--json", str(files[0]), "--k6-summary", str(files[1])),
    )
    assert result.exit_code == 20
    assert "9 retried" in result.stdout
    assert json.loads(files[0].read_text())["failed"]["retried"] == 9
    assert json.loads(files[1].read_text())["metrics"]["retried"]["count"] == 9


def test_ctrl_c_during_an_outage_does_not_pass(url: str, tmp_path: Path) -> None:
    """Nothing is answered: the objective is missed, and every request counts as lost."""
    out = tmp_path / "out.json"
    command = [sys.executable, "-c", "from kindgate.cli import main; main()", "load", "--url", url + "hanging", "--json", str(out)]
    command += ["--warmup", "0", "--rate", "100", "--duration", "60", "--threshold", "p(95)<200", "--in-flight", "8"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert "in flight 8" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    document = json.loads(out.read_text())
    assert document["failed"]["kinds"] == {"unanswered": 8, "unsent": document["count"] - 8}
    assert document["thresholds"] == [{"threshold": "http_req_duration: p(95)<200", "ok": False, "value": None}]
    assert "8 unanswered" in " ".join(output.split())


def test_a_missed_threshold_sets_the_documented_exit_code(url: str, tmp_path: Path) -> None:
    """A server error in every answer is not the generator's fault, however busy the machine."""
    out = tmp_path / "out.json"
    threshold = "http_req_failed: rate<0.5"
    result = run("--url", url + "broken", "--rate", "100", "--requests", "20", "--threshold", threshold, "--json", str(out))
    assert result.exit_code == 20
    assert "NOT MET" in result.stdout
    assert json.loads(out.read_text())["thresholds"] == [{"threshold": threshold, "ok": False, "value": 1.0}]


def test_a_met_threshold_passes(url: str) -> None:
    """Ten seconds suffice on any machine, and the rate is shown too."""
    result = run("--url", url, "--rate", "50", "--requests", "20", "--threshold", "p(95)<10000")
    assert result.exit_code == 0
    assert "NOT MET" not in result.stdout


def test_no_data_is_not_met(url: str) -> None:
    """A threshold on checks has no data if nothing is checked."""
    result = run("--url", url, "--rate", "50", "--requests", "5", "--threshold", "checks: rate>0.1")
    assert result.exit_code == 20
    assert "no data" in result.stdout


def test_responses_are_checked_for_an_expected_text(url: str) -> None:
    """A wrong body is a failure."""
    assert "5 check" in run("--url", url, "--rate", "50", "--requests", "5", "--expect", "bar").stdout
    assert "failures: none" in run("--url", url, "--rate", "50", "--requests", "5", "--expect", "foo").stdout


def test_bodies_are_checked_by_size_and_json(url: str) -> None:
    """`foo` has three bytes and is not JSON."""
    few = ("--url", url, "--rate", "50", "--requests", "5")
    assert "failures: none" in run(*few, "--expect-size", "3").stdout
    assert "5 check" in run(*few, "--expect-size", "4").stdout
    assert "5 check" in run(*few, "--expect-json", "items.0=1").stdout


def test_stages_ramp_and_hold(url: str, tmp_path: Path) -> None:
    """Half a second from zero to 100 per second sends 25 requests, and half a second at that rate sends 50."""
    out = tmp_path / "out.json"
    run("--url", url, "--stage", "0.5:100", "--stage", "0.5s:100", "--arrival", "uniform", "--json", str(out))
    document = json.loads(out.read_text())
    assert document["count"] == 75
    assert [stage["end_rate"] for stage in document["plan"]["loop"]["stages"]] == [100, 100]


def test_urls_are_requested_in_proportion_to_their_weights(url: str, tmp_path: Path) -> None:
    """One request in four goes to the first."""
    out = tmp_path / "out.json"
    run("--url", url + "a", "--weight", "1", "--url", url + "b", "--weight", "3", "--rate", "100", "--requests", "40", "--json", str(out))
    assert [route["count"] for route in json.loads(out.read_text())["routes"]] == [10, 30]


def test_k6_options_define_the_load(url: str, tmp_path: Path) -> None:
    """Rate, duration and thresholds come from the k6 file."""
    options = tmp_path / "options.json"
    scenario = {"executor": "constant-arrival-rate", "rate": 40, "duration": "500ms"}
    options.write_text(json.dumps({"scenarios": {"s": scenario}, "thresholds": {"http_reqs": ["count>=1000"]}}))
    result = run("--url", url, "--from-k6", str(options))
    assert "20 requests" in result.stdout
    assert result.exit_code == 20
    with pytest.raises(SettingsError, match="--from-k6"):
        run("--url", url, "--from-k6", str(options), "--rate", "5")


def test_k6_options_about_connections_are_applied(url: str, tmp_path: Path) -> None:
    """Command-line options take precedence."""
    options, out = tmp_path / "options.json", tmp_path / "out.json"
    scenario = {"executor": "constant-arrival-rate", "rate": 40, "duration": "250ms"}
    given = {"noConnectionReuse": True, "insecureSkipTLSVerify": True, "userAgent": "mine/1", "maxRedirects": 3}
    options.write_text(json.dumps({"scenarios": {"s": scenario}, **given}))
    command = ("--url", url, "--from-k6", str(options), "--json", str(out))

    run(*command)
    plan = json.loads(out.read_text())["plan"]
    assert (plan["keep_alive"], plan["verify"], plan["redirects"]) == (False, False, 3)
    assert plan["routes"][0]["headers"] == [["User-Agent", "mine/1"]]

    run(*command, "--redirects", "0", "--header", "User-Agent: other")
    plan = json.loads(out.read_text())["plan"]
    assert plan["redirects"] == 0
    assert plan["routes"][0]["headers"] == [["User-Agent", "other"]]


def test_redirects_cause_a_warning_if_they_are_most_responses(url: str) -> None:
    """A figure about redirects would look like one about the application."""
    few = ("--rate", "100", "--requests", "12")
    most = run("--url", url + "moved", "--weight", "2", "--url", url, "--weight", "1", *few).stdout
    half = run("--url", url + "moved", "--url", url, *few).stdout
    followed = run("--url", url + "moved", "--redirects", "1", *few).stdout

    assert "8 of 12 answers were redirects" in " ".join(most.split())
    assert "warning" not in half
    assert "12 answers were redirects" not in followed
    assert "redirects followed: 12;" in followed


def test_a_threshold_that_k6_rejects_is_reported_with_its_file(url: str, tmp_path: Path) -> None:
    """The error points at the text and names its file."""
    options = tmp_path / "options.json"
    scenario = {"executor": "constant-arrival-rate", "rate": 40, "duration": "500ms"}
    options.write_text(json.dumps({"scenarios": {"s": scenario}, "thresholds": {"http_req_duration": ["p(95)=<5"]}}))
    with pytest.raises(SloError, match=r"options\.json, column"):
        run("--url", url, "--from-k6", str(options))


@pytest.mark.parametrize(
    ("allow", "thresholds", "code"),
    [
        (False, (), 21),
        (False, ("p(95)<10000",), 21),
        (True, ("p(95)<10000",), 0),
        (False, ("http_req_failed: rate>0.5",), 20),
        (True, (), 0),
    ],
)
def test_a_lost_workers_share_is_reported_and_invalid_unless_allowed(
    *, allow: bool, thresholds: tuple[str, ...], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """With one of three workers lost, a met objective cannot pass, but a clear miss stays a miss."""
    plan = BurstPlan((Route("http://127.0.0.1/"),), OpenLoop.constant(100, requests=90))
    rows = np.array([(0, n, n, n + 1_000_000, 0, 1, OK, 200) for n in range(60)], np.int64)
    two_thirds = burst_result(plan, rows, started=1000.0, health=Health(), missing=1 / 3)
    load_run = LoadRun(
        plan=plan,
        warmup=0.0,
        workers=3,
        distribute=lambda _plan, _workers: two_thirds,
        allow_missing=allow,
        thresholds=parse_thresholds(thresholds),
        find_capacity=False,
        json_file=None,
        k6_summary=None,
        raw_file=None,
    )

    assert run_load(load_run) == code
    assert "33% of the load is missing" in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.parametrize(("to_urls", "code"), [(True, INVALID), (False, 20)])
def test_pressure_excuses_a_slow_plain_url_but_not_the_application(*, to_urls: bool, code: int) -> None:
    """Only for a server outside the run's clusters is it unknown whether other programs slowed it down."""
    plan = BurstPlan((Route("http://127.0.0.1/"),), OpenLoop.constant(100, requests=60))
    rows = np.array([(0, n, n, n + 1_000_000, 0, 1, OK, 200) for n in range(60)], np.int64)
    pressed = burst_result(plan, rows, started=1000.0, health=Health(pressure=0.9))
    load_run = LoadRun(
        plan=plan,
        warmup=0.0,
        workers=2,
        distribute=lambda _plan, _workers: pressed,
        allow_missing=False,
        thresholds=parse_thresholds(("p(95)<0.5",)),
        find_capacity=False,
        json_file=None,
        k6_summary=None,
        raw_file=None,
        to_urls=to_urls,
    )

    assert run_load(load_run) == code


def test_capacity_is_searched_from_the_given_rate(url: str) -> None:
    """Every rate fails twice, down to a tenth of the first, so no capacity is reported."""
    result = run("--url", url + "broken", "--rate", "50", "--requests", "5", "--find-capacity")
    assert result.exit_code == 20
    assert result.stdout.count("50 requests per second: only 0 % of the requests sent succeeded") == 2
    assert "no rate passes" in result.stdout


@pytest.mark.parametrize(("limit", "code"), [(3, 0), (1e7, 20)])
def test_a_threshold_on_the_capacity_needs_a_search(url: str, limit: float, code: int) -> None:
    """A search decides it; without one, it is an error before any load is sent."""
    required = ("--threshold", f"capacity: value>{limit:.0f}", "--threshold", "http_req_failed: rate<0.01", "--rate", "20")
    with pytest.raises(LoadError, match="add --find-capacity"):
        run("--url", url, *required)

    slow = ("--threshold", "http_reqs: count<30")  # met up to 50 requests per second
    result = run("--url", url, *required, *slow, "--duration", "0.6", "--find-capacity")
    assert result.exit_code == code


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        (("--rate", "0"), LoadError, "rate must be greater than 0"),
        (("--duration", "-1"), LoadError, "duration must be greater than 0"),
        (("--spawn-rate", "3"), SettingsError, "--locustfile"),
        (("--users", "3", "--rate", "5"), LoadError, "closed loop"),
        (("--in-flight", "100000000"), LoadError, "open files"),
        (("--header", "nonsense"), LoadError, "Name: value"),
        (("--threshold", "p(95)<<1"), SloError, "is not a number"),
        (("--json", "/nowhere/out.json"), LoadError, "cannot write"),
        (("--body", "@/nowhere"), LoadError, "/nowhere"),
        (("--ca-file", "/nowhere"), LoadError, "cannot read --ca-file /nowhere"),
        (("--threshold", "http_req_failed: rate>1"), SloError, "no measurement can meet it"),
        (("--threshold", "http_req_duration{host:other}: p(95)<9"), SloError, "no planned request has these tags"),
        (("--threshold", "http_req_duration{status:200}: p(95)<9", "--users", "1"), SloError, "no planned request has these tags"),
        (("--redirects", "5", "--method", "POST"), LoadError, "not for POST"),
        (("--stage", "10:5", "--duration", "3"), LoadError, "remove --duration"),
        (("--stage", "fast"), LoadError, "SECONDS:RATE"),
        (("--stage", "1.2.3:5"), LoadError, "is not a number"),
        (("--stage", "1m:fast"), LoadError, "'fast' is not a number"),
        (("--weight", "1", "--weight", "2"), LoadError, "2 weights for 1 URLs"),
        (("--expect-json", "=1"), LoadError, "JSON path"),
        (("--expect-json", "$.items[0].name"), LoadError, "which is JSONPath"),
        (("--expect-json", "items[0]=1"), LoadError, r"contains \[0\], which is JSONPath"),
        (("--expect-json", "items..name"), LoadError, "an empty step"),
        (("--expect-json", "name=foo"), LoadError, "'foo' is not JSON"),
        (("--expect-json", "name="), LoadError, "'' is not JSON"),
        (("--body", "\udce4"), LoadError, "terminal's encoding"),
        (("--header", "Näme: 1"), LoadError, "not a header name"),
        (("--in-cluster",), SettingsError, "--in-cluster"),
        (("--from-k6", "/nowhere"), LoadError, "cannot be read as JSON"),
    ],
)
def test_bad_input_is_refused_with_a_reason(arguments: tuple[str, ...], error: type[Exception], reason: str, url: str) -> None:
    """The error comes before any load."""
    with pytest.raises(error, match=reason):
        run("--url", url, *arguments)


@pytest.mark.parametrize("text", ["$schema", "a.$ref=1", 'a.0="[0]"'])
def test_other_json_paths_are_accepted(url: str, text: str) -> None:
    """Many keys start with a dollar sign, and values can contain anything; the body is not JSON here."""
    result = run("--url", url, "--requests", "5", "--rate", "100", "--expect-json", text)

    assert "5 check" in result.stdout


def test_credentials_in_a_url_are_shown_nowhere(url: str, tmp_path: Path) -> None:
    """One URL or several, neither the output nor any file shows them."""
    secret = url.replace("://", "://mona:hunter2@")
    files = [tmp_path / name for name in ("out.json", "k6.json", "raw.csv")]
    options = ("--requests", "10", "--rate", "100", "--json", str(files[0]), "--k6-summary", str(files[1]), "--raw", str(files[2]))

    results = [run("--url", secret, *options), run("--url", secret, "--url", secret + "x", *options)]

    for text in (*(result.output for result in results), *(file.read_text() for file in files)):
        assert "hunter2" not in text
        assert "mona" not in text
    assert "http://***@127.0.0.1" in files[2].read_text()


def test_an_unknown_host_is_refused() -> None:
    """The error says how to reach a host behind an address."""
    with pytest.raises(LoadError, match="cannot resolve") as caught:
        run("--url", "http://nobody.invalid/")
    assert "Host:" in caught.value.next_step


def test_brackets_in_a_threshold_are_shown(url: str) -> None:
    """They are not taken for terminal markup."""
    threshold = "http_req_duration{route:[b]foo}: p(95)<1000"
    result = run("--url", url, "--header", "Host: [b]foo", "--requests", "20", "--rate", "100", "--threshold", threshold)

    assert "│ http_req_duration{route:[b]foo}" in result.stdout


LOCUSTFILE = """
from locust import HttpUser, task


class Visitor(HttpUser):
    @task
    def browse(self):
        self.client.get("/{path}", name="the page")
"""


def run_locustfile(url: str, folder: Path, *arguments: str, path: str = "") -> Result:
    """Send one second of the load of one user, with only the given checks."""
    locustfile = folder / "locustfile.py"
    locustfile.write_text(LOCUSTFILE.format(path=path))
    options = ("--users", "1", "--duration", "1", "--timeout", "1")
    return run("--url", url, "--locustfile", str(locustfile), *options, *arguments)


def test_the_users_of_a_locustfile_are_measured_by_request_name(url: str, tmp_path: Path) -> None:
    """Table, document and summary say that it is a closed loop."""
    files = [tmp_path / name for name in ("out.json", "k6.json")]
    result = run_locustfile(url, tmp_path, "--json", str(files[0]), "--k6-summary", str(files[1]))
    assert result.exit_code == 0
    assert "closed loop with 1 user" in result.stdout
    document = json.loads(files[0].read_text())
    assert (document["closed_loop"], document["failed"]["total"], document["verdict"]) == (True, 0, None)
    assert [(route["route"], route["method"]) for route in document["routes"]] == [("the page", "GET")]
    summary = json.loads(files[1].read_text())
    assert summary["closed_loop"] is True
    assert summary["metrics"]["http_reqs{route:the page}"]["count"] == document["count"]


def test_a_locustfile_never_passes_a_threshold_on_a_time(url: str, tmp_path: Path) -> None:
    """The reason is given, whatever the measured value."""
    result = run_locustfile(url, tmp_path, "--threshold", "p(95)<10000")
    assert result.exit_code == INVALID
    assert "closed loop" in " ".join(result.stdout.split())


def test_wrong_statuses_of_a_locustfile_fail(url: str, tmp_path: Path) -> None:
    """A threshold on the name of a request is missed."""
    result = run_locustfile(url, tmp_path, "--threshold", "http_req_failed{route:the page}: rate<0.01", path="broken")
    assert result.exit_code == 20


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ((), LoadError, "number of users"),
        (("--users", "2", "--rate", "5"), SettingsError, "remove --rate"),
        (("--users", "2", "--header", "A: b", "--find-capacity"), SettingsError, "remove --header, --find-capacity"),
        (("--users", "2", "--url", "http://127.0.0.1:9/"), LoadError, "one address"),
        (("--users", "2", "--workers", "65"), LoadError, "workers"),
        (("--users", "2", "--spawn-rate", "0"), LoadError, "spawn rate"),
    ],
)
def test_contradictions_about_a_locustfile_are_refused(
    url: str, tmp_path: Path, arguments: tuple[str, ...], error: type[Exception], problem: str
) -> None:
    """Before anything is sent."""
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(LOCUSTFILE.format(path=""))
    with pytest.raises(error, match=problem):
        run("--url", url, "--locustfile", str(locustfile), *arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ((), CommandNotFound, "k6 is not on PATH"),
        (("--rate", "5"), SettingsError, "remove --rate"),
        (("--users", "5", "--duration", "3"), SettingsError, "remove --users, --duration"),
        (("--locustfile", "users.py"), SettingsError, "remove --locustfile"),
        (("--spawn-rate", "2"), SettingsError, "remove --spawn-rate"),
    ],
)
def test_a_k6_script_defines_its_load_and_needs_k6(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], error: type[Exception], problem: str
) -> None:
    """Before anything is sent."""
    monkeypatch.setenv("PATH", str(tmp_path))
    script = tmp_path / "load.js"
    script.write_text("export default function () {}\n")
    with pytest.raises(error, match=problem):
        CliRunner().invoke(app, ["--url", "http://127.0.0.1:9/", "--k6-script", str(script), *arguments], catch_exceptions=False)
