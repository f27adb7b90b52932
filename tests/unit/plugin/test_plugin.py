"""The plugin in a nested suite: options, markers, test selection, and exit codes after failures."""

from __future__ import annotations

import json

import pytest

from kindgate.errors import ClusterError, SecretsMissing
from kindgate.pipeline.environment import DeployedApplication, Environment
from kindgate.plugin.controller import LazyPipeline
from tests.unit.plugin.conftest import INI, StandIn, reached

pytestmark = pytest.mark.usefixtures("forks")

WITH_PYTEST_KIND = "[pytest]\naddopts = -p no:locust\n"
"""Enables pytest-kind, from which kindgate takes over some options."""

SUITE = """
import pytest

def test_plain():
    pass

@pytest.mark.e2e
def test_hosts(app):
    assert app.hosts == ("foo.localhost",)

@pytest.mark.e2e
@pytest.mark.parametrize("number", range(3))
def test_more(app, number):
    pass
"""


def reaches(_lazy: LazyPipeline) -> Environment:
    """A pipeline that reaches every stage."""
    return reached("http://127.0.0.1:1", "foo.localhost")


def fails(_lazy: LazyPipeline) -> Environment:
    """A pipeline that reaches none."""
    raise ClusterError("kind ended with 1", last_state="no space left on device", next_step="free some disk")


def lacks_secrets(_lazy: LazyPipeline) -> Environment:
    """A pipeline whose application needs a secret that the run lacks."""
    raise SecretsMissing("not judged: Secret shop needs API_TOKEN, which is not set")


@pytest.fixture(autouse=True)
def _tests_of_both_kinds(suite: pytest.Pytester) -> None:
    suite.makepyfile(SUITE)


def test_a_plain_run_deselects_e2e_tests(suite: pytest.Pytester, stand_in: StandIn) -> None:
    """Without -m, -k or a path, no test that needs a cluster is selected and no cluster is requested."""
    requested_stages = stand_in(reaches)

    suite.runpytest_inprocess().assert_outcomes(passed=1, deselected=4)

    assert requested_stages == []


@pytest.mark.parametrize("arguments", [("-m", "e2e"), ("-k", "hosts or more"), ("test_a_path_marker_or_keyword_selects_e2e_tests.py",)])
def test_a_path_marker_or_keyword_selects_e2e_tests(suite: pytest.Pytester, stand_in: StandIn, arguments: tuple[str, ...]) -> None:
    """Any explicit selection of e2e tests runs them."""
    stand_in(reaches)

    outcome = suite.runpytest_inprocess(*arguments).parseoutcomes()

    assert outcome["passed"] >= 4


@pytest.mark.parametrize("workers", [(), ("-n", "2", "--dist", "worksteal"), ("-n", "2", "--dist", "each")])
def test_only_the_controller_runs_the_pipeline(suite: pytest.Pytester, stand_in: StandIn, workers: tuple[str, ...]) -> None:
    """The same tests pass with and without xdist, and only one process owns the pipeline."""
    requested_stages = stand_in(reaches)

    outcome = suite.runpytest_inprocess("-m", "e2e", *workers).parseoutcomes()

    assert outcome["passed"] == (8 if "each" in workers else 4)
    assert set(requested_stages) == {DeployedApplication}


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_failed_phase_is_reported_once_with_its_exit_code(suite: pytest.Pytester, stand_in: StandIn, workers: tuple[str, ...]) -> None:
    """One error is shown in full and the others in one line, and the exit code is that of the cause."""
    requested_stages = stand_in(fails)

    result = suite.runpytest_inprocess("-m", "e2e", *workers)

    result.assert_outcomes(errors=4)
    text = result.stdout.str().partition("short test summary info")[0]  # which repeats full messages in CI
    assert text.count("no space left on device") == 1
    assert text.count("see the first error of this run") >= 3
    assert result.ret == 16
    assert requested_stages == [DeployedApplication]


@pytest.mark.parametrize(
    ("first", "workers"), [("-x", ()), ("-x", ("-n", "2")), ("-x", ("-n", "2", "--dist", "each")), ("--maxfail=2", ("-n", "2"))]
)
def test_a_run_stopped_at_the_first_failure_exits_with_its_code(
    suite: pytest.Pytester, stand_in: StandIn, first: str, workers: tuple[str, ...]
) -> None:
    """Xdist would report the run as interrupted, which hides the cause."""
    stand_in(fails)

    assert suite.runpytest_inprocess("-m", "e2e", first, *workers).ret == 16


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_other_suites_keep_xdists_exit_code(suite: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """Kindgate was not used in that run."""
    suite.makepyfile(test_own="def test_fails(): assert False")

    result = suite.runpytest_inprocess("-x", "-k", "fails", *workers)

    assert result.ret == (pytest.ExitCode.INTERRUPTED if workers else pytest.ExitCode.TESTS_FAILED)


@pytest.mark.parametrize(
    ("selected", "workers"),
    [
        (("--lf",), ()),
        (("--lf",), ("-n", "2")),
        (("--lf", "-m", "e2e"), ()),
        (("--last-failed", "-m", "not slow"), ()),
        (("--lf", "."), ()),
    ],
)
def test_last_failed_reruns_the_failed_tests(
    suite: pytest.Pytester, stand_in: StandIn, selected: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    """All tests stopped by a failed phase run again, whichever of them reported it, and the cluster is created for them."""
    suite.makeini(INI + "markers = slow\n")
    stand_in(fails)
    suite.runpytest_inprocess("-m", "e2e", *workers).assert_outcomes(errors=4)
    requested_stages = stand_in(reaches)

    result = suite.runpytest_inprocess(*selected, *workers)

    assert result.parseoutcomes().get("passed") == 4
    assert (result.ret, set(requested_stages)) == (0, {DeployedApplication})


@pytest.mark.parametrize(
    "known", [[], ["test_own.py::test_fails"], ["gone.py::test_gone"]], ids=["none", "a plain one", "one that is gone"]
)
def test_last_failed_requests_no_cluster(suite: pytest.Pytester, stand_in: StandIn, known: list[str]) -> None:
    """If no e2e test failed, pytest runs other tests, or all of them, but no e2e test."""
    suite.makepyfile(test_own="def test_fails(): pass")
    cache = suite.path / ".pytest_cache" / "v" / "cache"
    cache.mkdir(parents=True)
    (cache / "lastfailed").write_text(json.dumps(dict.fromkeys(known, True)))
    requested_stages = stand_in(reaches)

    result = suite.runpytest_inprocess("--lf")

    assert (result.ret, requested_stages) == (0, [])


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_missing_secrets_skip_the_tests_and_the_run_does_not_pass(
    suite: pytest.Pytester, stand_in: StandIn, workers: tuple[str, ...]
) -> None:
    """A fork's pull request has no secrets: its tests do not fail, but the run cannot be mistaken for a pass."""
    stand_in(lacks_secrets)

    result = suite.runpytest_inprocess("-m", "e2e", "-rs", *workers)

    result.assert_outcomes(skipped=4)
    result.stdout.fnmatch_lines(["SKIPPED*Secret shop needs API_TOKEN, which is not set*"])
    assert result.ret == 27


def test_an_invalid_option_ends_the_run_before_collection(suite: pytest.Pytester) -> None:
    """The error names the option, and the exit code is the documented one."""
    result = suite.runpytest_subprocess("--kind-workers=100")

    assert result.ret == 10
    result.stderr.fnmatch_lines(["*--kind-workers: *100*"])


def test_contradictory_keep_options_are_a_usage_error(suite: pytest.Pytester) -> None:
    """--keep-cluster means --kind-keep=always, so another value is refused."""
    suite.makeini(WITH_PYTEST_KIND)
    result = suite.runpytest_inprocess("--keep-cluster", "--kind-keep=never")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--keep-cluster means --kind-keep=always*"])


def test_every_marker_is_described(suite: pytest.Pytester) -> None:
    """`pytest --markers` lists kindgate's markers, and strict suites accept them."""
    lines = suite.runpytest_inprocess("--markers").stdout.lines

    described = {line.split("(")[0].split(":")[0].removeprefix("@pytest.mark.") for line in lines if "Provided by kindgate" in line}
    assert described == {"e2e", "smoke", "slo", "resources", "rollout", "chaos", "scaling", "canary", "policy"}


def test_settings_come_from_the_ini_file(suite: pytest.Pytester) -> None:
    """An ini key has the same effect as its option."""
    suite.makeini(INI + "kind_keep = nonsense\n")

    assert suite.runpytest_inprocess().ret == 10


def test_the_header_names_cluster_and_overlay(suite: pytest.Pytester) -> None:
    """The top of the log states what is judged."""
    suite.makeini(WITH_PYTEST_KIND)
    suite.runpytest_inprocess("--cluster-name=mine").stdout.fnmatch_lines(
        ["kindgate: cluster mine, node image *, overlay k8s/overlays/ci, run *"]
    )


def test_a_comparison_without_a_baseline_is_deselected(suite: pytest.Pytester) -> None:
    """Without --slo-base, a test that requests `duet` is deselected, not skipped or failed."""
    suite.makepyfile("import pytest\n\n@pytest.mark.e2e\ndef test_no_slower(duet):\n    pass\n")

    suite.runpytest_inprocess("-m", "e2e").assert_outcomes(deselected=1)


@pytest.fixture(name="mixed")
def _mixed(suite: pytest.Pytester, stand_in: StandIn) -> pytest.Pytester:
    """A typical suite: unit tests in one folder, cluster tests in another."""
    for file in suite.path.glob("test_*.py"):
        file.unlink()
    unit, e2e = suite.mkdir("tests"), suite.mkdir("tests/e2e")
    (unit / "test_unit.py").write_text("def test_plain():\n    pass\n")
    (e2e / "test_cluster.py").write_text("import pytest\n\n@pytest.mark.e2e\ndef test_hosts(app):\n    pass\n")
    stand_in(reaches)
    return suite


@pytest.mark.parametrize(
    ("arguments", "passed", "deselected"),
    [
        (("-m", "not slow"), 1, 1),
        (("tests",), 1, 1),
        ((".",), 1, 1),
        (("tests/unit", "tests"), 1, 1),
        (("tests/e2e",), 1, 0),
        (("tests/e2e/test_cluster.py::test_hosts",), 1, 0),
        (("tests", "tests/e2e"), 2, 0),
        (("-m", "e2e"), 1, 1),
        (("-m", "e2e", "tests"), 1, 1),
        (("tests", "-k", "hosts"), 1, 1),
    ],
)
def test_e2e_tests_run_only_if_requested(mixed: pytest.Pytester, arguments: tuple[str, ...], passed: int, deselected: int) -> None:
    """A custom marker, or a folder that also contains other tests, requests no cluster."""
    mixed.mkdir("tests/unit")
    mixed.makeini(INI + "markers =\n    slow: takes long\n")

    mixed.runpytest_inprocess(*arguments).assert_outcomes(passed=passed, deselected=deselected)


def test_an_inconclusive_objective_only_warns_in_a_strict_suite(suite: pytest.Pytester) -> None:
    """`filterwarnings = error` is meant for the suite's own code; --slo-inconclusive=fail makes it an error."""
    suite.makepyfile(
        """
        from kindgate.model import Verdict
        from kindgate.plugin.inconclusive import apply_policy
        from kindgate.settings import SloSettings

        def test_inconclusive():
            apply_policy(Verdict.INCONCLUSIVE, ["p(95)<200 is neither confirmed nor refuted"], SloSettings())
        """
    )

    suite.runpytest_inprocess().assert_outcomes(passed=1, warnings=1)


@pytest.mark.usefixtures("no_fork")
def test_a_run_without_a_cluster_imports_nothing_heavy(suite: pytest.Pytester) -> None:
    """Every plain run of a suite with kindgate installed pays for the plugin's imports, settings and objectives included."""
    heavy = [
        "psutil",
        "multiprocessing.connection",
        "kubernetes",
        "numpy",
        "scipy",
        "pycurl",
        "pydantic",
        "matplotlib",
        "github",
        "jinja2",
        "detect_secrets",
        "requests",
        "kindgate.observe",
        "kindgate.slo",
    ]
    settings = "app_overlay = k8s/ci\napp_component = ingress-traefik prometheus\napp_image = a=b\napp_secret = a=B\napp_apply = crds\n"
    suite.makeini(f"[pytest]\naddopts = -p no:locust -p no:hypothesispytest -p no:pytest-kind\n{settings}")
    suite.makepyfile(
        test_plain=f"import sys\n\ndef test_modules():\n    assert [name for name in {heavy!r} if name in sys.modules] == []\n",
        test_slo="import pytest\n\n@pytest.mark.e2e\n@pytest.mark.slo('p(95)<200')\ndef test_fast(slo):\n    pass\n",
    )

    suite.runpytest_subprocess("-p", "no:xdist", "-p", "no:html").assert_outcomes(passed=2, deselected=5)


@pytest.mark.parametrize(("arguments", "passed"), [(("tests",), 1), (("tests", "tests/e2e"), 2)])
def test_workers_select_the_same_tests_as_one_process(mixed: pytest.Pytester, arguments: tuple[str, ...], passed: int) -> None:
    """Under xdist the workers collect with the controller's options."""
    mixed.makeini(INI + "markers =\n    slow: takes long\n")

    assert mixed.runpytest("-n", "2", *arguments).parseoutcomes()["passed"] == passed
