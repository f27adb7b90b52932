"""Hooks that kindgate offers to the suites that use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest


@pytest.hookspec(firstresult=True)
def pytest_kindgate_cluster_config(config: pytest.Config) -> Mapping[str, Any] | None:
    """Return a part of a kind configuration that is merged over kindgate's own and over --kind-config.

    It is asked once, in the process that creates the cluster, so it cannot depend on collected tests::

        def pytest_kindgate_cluster_config(config):
            return {"networking": {"ipFamily": "dual"}}
    """
