"""A project can have fixtures with kindgate's short names without affecting kindgate's own fixtures."""

from __future__ import annotations

import inspect

import pytest

from kindgate.pipeline.environment import Environment
from kindgate.plugin import fixtures, short_names
from kindgate.plugin.controller import LazyPipeline
from tests.unit.plugin.conftest import StandIn, reached

SHORT = ("cluster", "kind_cluster", "app", "ingress", "prometheus", "namespace", "burst", "slo", "duet", "resources", "rollout")

CONFTEST = "import pytest\n\n" + "\n\n".join(f"@pytest.fixture\ndef {name}():\n    return 'mine'\n" for name in SHORT)
"""Like a Flask project's `app` and a Redis project's `cluster`: function scope, narrower than kindgate's."""


def reaches(_lazy: LazyPipeline) -> Environment:
    """A pipeline that reaches every stage."""
    return reached("http://127.0.0.1:1", "foo.localhost")


def test_a_projects_own_fixtures_override_every_short_name(suite: pytest.Pytester) -> None:
    """Tests that use the project's fixtures are not kindgate's and need no cluster."""
    suite.makeconftest(CONFTEST)
    suite.makepyfile("".join(f"def test_{name}({name}):\n    assert {name} == 'mine'\n\n" for name in SHORT))

    suite.runpytest_inprocess().assert_outcomes(passed=len(SHORT))


def test_the_long_fixture_names_work_alongside_a_projects_own(suite: pytest.Pytester, stand_in: StandIn) -> None:
    """There is no ScopeMismatch, and kindgate never receives the project's objects."""
    stand_in(reaches)
    suite.makeconftest(CONFTEST)
    suite.makepyfile(
        """
        def test_it(kindgate_app, kindgate_ingress, kindgate_cluster, kindgate_burst, app, cluster):
            assert kindgate_app.hosts == ("foo.localhost",)
            assert (app, cluster) == ("mine", "mine")
        """
    )

    suite.runpytest_inprocess("-m", "e2e").assert_outcomes(passed=1)


def test_one_overridden_name_leaves_the_other_short_names_alone(suite: pytest.Pytester, stand_in: StandIn) -> None:
    """`ingress` uses kindgate's application, not a web framework's `app`."""
    stand_in(reaches)
    suite.makeconftest("import pytest\n\n@pytest.fixture\ndef app():\n    yield object()\n")
    suite.makepyfile("def test_it(ingress, burst):\n    assert callable(ingress.get)\n")

    suite.runpytest_inprocess(suite.path / "test_one_overridden_name_leaves_the_other_short_names_alone.py").assert_outcomes(passed=1)


@pytest.mark.parametrize("module", [fixtures, short_names])
def test_no_kindgate_fixture_requests_a_short_name(module: object) -> None:
    """A fixture added later cannot bring the dependency back."""
    functions = {name: getattr(value, "__wrapped__", None) for name, value in vars(module).items()}
    requested = {
        name: {*inspect.signature(value).parameters} - {"request"} for name, value in functions.items() if inspect.isfunction(value)
    }

    assert {name.removeprefix("kindgate_") for name in requested} >= set(SHORT)
    assert [name for names in requested.values() for name in names if not name.startswith("kindgate_")] == []
