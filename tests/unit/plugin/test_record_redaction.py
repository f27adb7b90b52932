"""A planted secret appears in nothing that a run writes, posts or prints."""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.errors import ClusterError
from kindgate.host.command import run
from kindgate.log_redaction import redact_record
from kindgate.model import ClusterAddress, Rendered
from kindgate.pipeline.environment import Environment, RunningCluster
from kindgate.pipeline.inputs import Inputs
from kindgate.plugin.controller import LazyPipeline
from kindgate.redaction.known_values import SHORTEST, KnownValue
from kindgate.redaction.redactor import Redactor
from kindgate.slo.objectives import Objectives
from kindgate.waiting import Deadline, Pending, Ready, wait_for
from tests.unit.actions_runner import read_as_commands
from tests.unit.github.standin import StandIn as GitHub
from tests.unit.github.standin import serving
from tests.unit.plugin.conftest import StandIn, pipeline_of
from tests.unit.redaction.secret_forms import KNOWN, KNOWN_FORMS, UNKNOWN_FORMS, WRAPPED

pytestmark = pytest.mark.usefixtures("forks")

VARIABLE, SECRET, CREDENTIAL = "canary-of-the-environment", "canary-of-a-secret", "canary-of-the-kubeconfig"

ENCODED = base64.b64encode(f"user:{VARIABLE}".encode()).decode()
TOKEN = "glpat" + "-" + "0123456789abcdefghij"
"""A secret that is not declared anywhere."""

SUITE = f"""
import logging
import os
import warnings
import pytest

@pytest.mark.e2e
def test_reaching(app):
    pass

@pytest.mark.e2e
@pytest.mark.parametrize("value", [os.environ["CANARY_TOKEN"]])
def test_named(value):
    pass

@pytest.mark.e2e
def test_logging(record_testsuite_property, record_property):
    logging.getLogger("app").warning("%s and %s", os.environ["CANARY_TOKEN"], "{TOKEN}")
    try:
        raise ValueError("{ENCODED}")
    except ValueError:
        logging.getLogger("app").exception("failed")
    record_testsuite_property("token", "{SECRET}")
    record_property("token", "{TOKEN}")
    warnings.warn("beware of {TOKEN}")
    raise AssertionError

@pytest.mark.e2e
def test_passing():
    print(os.environ["CANARY_TOKEN"], "{SECRET}")

@pytest.mark.e2e
def test_telling():
    print("printed", os.environ["CANARY_TOKEN"], "{SECRET}")
    raise AssertionError(os.environ["CANARY_TOKEN"] + " {SECRET} {CREDENTIAL}")
"""


OBJECTS = ({"kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "stringData": {"key": SECRET}},)


def fails(lazy: LazyPipeline) -> Environment:
    """A pipeline that fails after it has learned every secret."""
    pipeline = pipeline_of(lazy)
    kubeconfig = Path("kubeconfig")
    kubeconfig.write_text(f"users: [{{name: u, user: {{token: {CREDENTIAL}}}}}]")
    rendered, address = Rendered(Path("o"), OBJECTS), ClusterAddress("c", kubeconfig, "kind-c", "http://127.0.0.1:1")
    pipeline.inputs = Inputs(Objectives(), None, rendered, (), None)  # type: ignore[arg-type]  # no tool is used
    pipeline.environment = RunningCluster(address, rendered, Path("kubectl"), pipeline.artifacts, pipeline.measurements)
    pipeline.error = ClusterError(f"kind said {SECRET}", last_state=f"{CREDENTIAL} {os.environ['CANARY_TOKEN']}")
    raise pipeline.error


@pytest.fixture(name="github")
def _github() -> Iterator[GitHub]:
    with serving(GitHub()) as standin:
        yield standin


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_planted_secret_appears_in_no_output(
    github: GitHub, suite: pytest.Pytester, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    """The artifacts, comment, summary, annotations and terminal are checked."""
    summary = suite.path / "summary-of-the-step.md"
    environment = github.environment | {"GITHUB_STEP_SUMMARY": str(summary), "CANARY_TOKEN": VARIABLE}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stand_in(fails)
    suite.makepyfile(test_suite=SUITE)

    result = suite.runpytest_inprocess(
        "-m",
        "e2e",
        "--slo-file=none.yaml",
        "--html=artifacts/report-of-pytest.html",
        "--log-file=artifacts/log.txt",
        "-W",
        "always",
        *workers,
    )

    artifacts = {path.name: path.read_text() for path in (suite.path / "artifacts").rglob("*") if path.is_file()}
    assert {"report.json", "report.html", "summary.md", "junit.xml", "report-of-pytest.html"} <= artifacts.keys()
    masks = [line for line in read_as_commands(result.outlines) if line.startswith("::add-mask::")]
    assert {f"::add-mask::{word}" for word in (VARIABLE, SECRET, CREDENTIAL)} <= {*masks}
    printed = "\n".join(line for line in result.outlines if line not in masks)
    (comment,) = github.written()
    places = artifacts | {"comment": comment, "summary": summary.read_text(), "terminal": printed + result.stderr.str()}
    assert "::error title=" in places["terminal"]
    assert "[redacted]" in comment
    leaks = {place: [word for word in (VARIABLE, SECRET, CREDENTIAL, ENCODED, TOKEN) if word in text] for place, text in places.items()}
    assert {place: words for place, words in leaks.items() if words} == {}


LOGGED = """
import pytest

@pytest.mark.e2e
def test_reaching(app):
    pass
"""


def runs_commands(lazy: LazyPipeline) -> Environment:
    """A pipeline that knows every secret, and whose commands and waits contain them; it fails, so pytest shows their records."""
    with pytest.raises(ClusterError) as failure:
        fails(lazy)
    deadline = Deadline.after(20)
    secrets = (os.environ["CANARY_TOKEN"], SECRET, CREDENTIAL, ENCODED)
    run(["true", *secrets, f"https://user:{TOKEN}@127.0.0.1", "x" * 150, VARIABLE], deadline=deadline)
    states: Iterator[Ready[None] | Pending] = iter([Pending(" ".join(secrets)), Ready(None)])
    wait_for(f"the pod with {TOKEN}", lambda: next(states), deadline, interval=0)
    raise failure.value


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_debug_records_of_commands_and_waits_contain_no_secret(
    suite: pytest.Pytester, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    """Handlers of pytest write them to the terminal, junit.xml, its page and a file; under xdist, those of the controller."""
    monkeypatch.setenv("CANARY_TOKEN", VARIABLE)
    stand_in(runs_commands)
    suite.makepyfile(test_suite=LOGGED)

    result = suite.runpytest_inprocess(
        "-m",
        "e2e",
        "--slo-file=none.yaml",
        "--html=artifacts/pytest.html",
        "--junitxml=artifacts/junit.xml",
        "--override-ini=junit_logging=all",
        "--log-level=DEBUG",
        "--log-cli-level=DEBUG",
        "--log-file=artifacts/log.txt",
        "--log-file-level=DEBUG",
        *workers,
    )

    places = {path.name: path.read_text() for path in (suite.path / "artifacts").rglob("*") if path.is_file()}
    places["terminal"] = result.stdout.str() + result.stderr.str()
    shown = {"junit.xml", "pytest.html", "log.txt", "terminal"} - ({"junit.xml", "pytest.html"} if workers else set())
    for place in shown:
        assert re.search(r"true .*\[redacted\].* exit code 0 in \d", places[place]), place
        assert "waiting for the pod with [redacted]: ready after 2 probes" in places[place], place
    leaks = {place: [word for word in (VARIABLE, SECRET, CREDENTIAL, ENCODED, TOKEN) if word in text] for place, text in places.items()}
    assert {place: words for place, words in leaks.items() if words} == {}


EVERY_FORM = """
import json
import logging
from pathlib import Path
import pytest

TEXTS = json.loads(Path("forms.json").read_text())

@pytest.mark.e2e
def test_reaching(app):
    pass

@pytest.mark.e2e
@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_telling(number):
    print(TEXTS[number])
    logging.getLogger("app").warning(TEXTS[number])
    pytest.fail("line before\\n" + TEXTS[number] + "\\nline after", pytrace=False)
"""


def test_no_encoding_of_a_secret_appears_in_any_output(
    github: GitHub, suite: pytest.Pytester, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test prints, logs and raises forty forms: none is in an artifact, comment, summary, annotation or log."""
    summary = suite.path / "summary-of-the-step.md"
    environment = github.environment | {"GITHUB_STEP_SUMMARY": str(summary), "K_TOKEN": KNOWN, "W_TOKEN": WRAPPED}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stand_in(fails)
    forms = [*KNOWN_FORMS, *UNKNOWN_FORMS]
    (suite.path / "forms.json").write_text(json.dumps([form.text for form in forms]))
    suite.makepyfile(test_suite=EVERY_FORM)

    result = suite.runpytest_inprocess(
        "-m", "e2e", "--slo-file=none.yaml", "--html=artifacts/pytest.html", "--log-file=artifacts/log.txt", "-rA"
    )

    result.assert_outcomes(failed=len(forms), errors=1)
    places = {path.name: path.read_text() for path in (suite.path / "artifacts").rglob("*") if path.is_file()}
    (comment,) = github.written()
    masks = [line for line in read_as_commands(result.outlines) if line.startswith("::add-mask::")]
    printed = "\n".join(line for line in result.outlines if line not in masks)
    places |= {"comment": comment, "summary": summary.read_text(), "terminal": printed + result.stderr.str()}
    assert {"report.json", "report.html", "summary.md", "junit.xml", "pytest.html", "log.txt"} <= places.keys()
    leaks = [
        (form.name, place)
        for form in forms
        for place, text in places.items()
        for part in form.parts
        if len(part) >= SHORTEST and (part in text or part in html.unescape(text))
    ]
    assert leaks == []


def test_mask_commands_are_never_captured(suite: pytest.Pytester, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that masks a secret contains it, so it must stay out of the running test's captured output."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("DB_PIN", "1234")
    monkeypatch.setenv("DB_PASSWORD", "postgres")
    monkeypatch.setenv("KEY_TOKEN", "{\nfirst line of a key\nsecond line of a key\n}")
    stand_in(fails)
    suite.makepyfile(test_suite="import pytest\n\n@pytest.mark.e2e\ndef test_reaching(app):\n    pass\n")

    result = suite.runpytest_inprocess("-m", "e2e", "--slo-file=none.yaml", "-rA")

    masks = [line.removeprefix("::add-mask::") for line in read_as_commands(result.outlines) if line.startswith("::add-mask::")]
    assert {"first line of a key", "second line of a key", SECRET, CREDENTIAL} <= {*masks}
    assert not {"1234", "postgres", "{", "}"} & {*masks}
    assert len(masks) == len(set(masks))
    assert "add-mask" not in (suite.path / "artifacts" / "junit.xml").read_text()
    assert "add-mask" not in (suite.path / "artifacts" / "report.json").read_text()


def test_a_developers_terminal_gets_no_masks(suite: pytest.Pytester, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside GitHub Actions a mask line would only expose the secret."""
    monkeypatch.setenv("CANARY_TOKEN", VARIABLE)
    stand_in(fails)
    suite.makepyfile(test_suite="import pytest\n\n@pytest.mark.e2e\ndef test_reaching(app):\n    pass\n")

    output = suite.runpytest_inprocess("-m", "e2e", "--slo-file=none.yaml").stdout.str()

    assert VARIABLE not in output
    assert SECRET not in output


def test_unredactable_values_are_reported(suite: pytest.Pytester, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of two characters cannot be replaced everywhere, so the report names its variable instead."""
    monkeypatch.setenv("DB_PASSWORD", "on")
    stand_in(fails)
    suite.makepyfile(test_suite="import pytest\n\n@pytest.mark.e2e\ndef test_reaching(app):\n    pass\n")

    suite.runpytest_inprocess("-m", "e2e", "--slo-file=none.yaml")

    notes = json.loads((suite.path / "artifacts" / "report.json").read_text())["notes"]
    assert [note for note in notes if note.startswith("not redacted") and "DB_PASSWORD" in note]


def test_other_runs_keep_their_records(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite that only has kindgate installed keeps its reports and log records unchanged."""
    monkeypatch.setenv("CANARY_TOKEN", VARIABLE)
    suite.makepyfile(test_suite=f"import logging\n\ndef test_plain():\n    logging.warning('{VARIABLE}')\n    assert False\n")

    result = suite.runpytest_inprocess()

    result.stdout.fnmatch_lines([f"*WARNING*{VARIABLE}"])


@pytest.mark.parametrize("arguments", [("%s",), ("%d", "no number")])
def test_a_log_record_without_secrets_is_unchanged(arguments: tuple[object, ...]) -> None:
    """Handlers and tests inspect its arguments; mismatched arguments are left for logging to report."""
    record = logging.LogRecord("app", logging.INFO, "x.py", 1, arguments[0], arguments[1:], None)
    before = dict(record.__dict__)
    redact_record(record, Redactor([KnownValue(SECRET, "S")]))
    assert record.__dict__ == before


def test_a_logged_exception_and_stack_contain_no_secret() -> None:
    """A handler formats them itself, long after the record is created."""
    error = ValueError(SECRET)
    record = logging.LogRecord("app", logging.ERROR, "x.py", 1, "failed", (), (ValueError, error, None))
    record.stack_info = f"Stack: {SECRET}"
    redact_record(record, Redactor([KnownValue(SECRET, "S")]))
    text = logging.Formatter().format(record)
    assert SECRET not in text
    assert "ValueError: [redacted]" in text
