"""The pytest plugin: options, markers, hooks and fixtures.

The hooks here only parse and decide; `controller` owns the pipeline and the report, `fixtures` is what tests request.
Nothing expensive is imported before a test needs the cluster.
"""

from __future__ import annotations

import pytest

from kindgate.errors import KindgateError
from kindgate.plugin import hookspecs, item_hooks
from kindgate.plugin.generated_suite import add_suite_key, refuse_mixed_paths
from kindgate.plugin.known_secrets import worker_secrets
from kindgate.plugin.markers import exempt_inconclusive_warnings, register_markers
from kindgate.plugin.pytest_options import add_options, misread_option, settings_of
from kindgate.plugin.record_redaction import Redaction
from kindgate.plugin.requested_tests import wants_cluster
from kindgate.plugin.session_state import SETTINGS


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add kindgate's options and ini keys."""
    add_options(parser)
    add_suite_key(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register kindgate's own hooks."""
    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the settings, and register the fixtures and, except in workers, the controller."""
    from kindgate.plugin import fixtures, short_names  # noqa: PLC0415  # they override pytest-kind's only when registered last

    _refuse_misread_option(config)
    refuse_mixed_paths(config)
    register_markers(config)
    exempt_inconclusive_warnings(config)
    try:
        settings = config.stash[SETTINGS] = settings_of(config)
    except KindgateError as error:
        pytest.exit(str(error), returncode=error.exit_code)
    config.pluginmanager.register(fixtures, "kindgate.fixtures")
    config.pluginmanager.register(short_names, "kindgate.short_names")
    config.pluginmanager.register(item_hooks, "kindgate.items")
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(Redaction(worker_secrets(config).redactor), "kindgate.redaction")
        return
    from kindgate.plugin.controller import Controller  # noqa: PLC0415  # workers do without

    if wants_cluster(config):
        _write_reports_by_default(config, settings.path(settings.report.artifacts))
    controller = Controller(config, settings)
    config.pluginmanager.register(controller, "kindgate.controller")
    config.pluginmanager.register(Redaction(controller.secrets.redactor), "kindgate.redaction")  # last, so it runs before the others


def _refuse_misread_option(config: pytest.Config) -> None:
    invocation = config.invocation_params
    misread = misread_option([str(argument) for argument in invocation.args], invocation.dir, config.inipath)
    if misread:
        raise pytest.UsageError(
            f"pytest mistook the path for a folder of tests and did not find this suite's settings (rootdir {config.rootpath}): "
            f"use {misread}, with the ="
        )


def _write_reports_by_default(config: pytest.Config, artifacts: object) -> None:
    """Write junit.xml and pytest-html's page to the artifacts, unless other paths were given."""
    if getattr(config.option, "xmlpath", None) is None:
        config.option.xmlpath = f"{artifacts}/junit.xml"
