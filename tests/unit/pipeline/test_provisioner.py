"""A run's own status before it has a cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.deploy.baseline import Baseline
from kindgate.errors import SettingsError
from kindgate.pipeline.inputs import Inputs
from kindgate.pipeline.provisioner import Pipeline
from kindgate.pipeline.run_tools import Tools
from kindgate.settings import Settings
from kindgate.slo.objectives import Objectives
from tests.unit.deploy.objects import deployment, rendered


def test_the_report_lists_changes_to_the_manifests() -> None:
    """Readers of a verdict must see that another image than the pinned one was used, in either version."""
    pipeline = Pipeline(Settings(), "run", lambda _: None)
    before, head, base = (replace(rendered(deployment(name)), notes=(f"{name} changed",)) for name in ("database", "web", "web-base"))

    pipeline.inputs = Inputs(Objectives(), Tools(Path("kubectl"), None), head, (before,), None, base=Baseline(base, {}, {}))

    assert pipeline.notes == ("database changed", "web changed", "web-base changed")


def test_a_swap_without_a_baseline_is_refused() -> None:
    """Without a comparison nothing is removed from the cluster."""
    pipeline = Pipeline(Settings(), "run", lambda _: None)

    with pytest.raises(SettingsError, match="no two versions"):
        pipeline.swap_versions()
