"""Hooks that kindgate offers to suites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest


@pytest.hookspec(firstresult=True)
def pytest_kindgate_cluster_config(config: pytest.Config) -> Mapping[str, Any] | None:
    """Return a partial kind configuration to merge over kindgate's own and over --kind-config.

    It is called once, in the process that creates the cluster, so it cannot depend on collected tests::

        def pytest_kindgate_cluster_config(config):
            return {"networking": {"ipFamily": "dual"}}
    """
