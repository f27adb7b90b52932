"""Load the kindgate plugin for the suite, and pytest's own fixture for testing plugins."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["kindgate.plugin", "pytester"]

SHOP = Path(__file__).parent / "k8s" / "apps" / "shop"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Judge the shop by its own objectives, unless --slo-file names others: those of tests/e2e are for the echo servers."""
    overlay = config.getoption("app_overlay")
    if overlay and (config.invocation_params.dir / overlay).resolve() == SHOP and config.getoption("slo_file") is None:
        config.option.slo_file = str(SHOP / "slo.yaml")
