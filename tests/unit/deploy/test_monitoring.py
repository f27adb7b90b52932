"""The application and its monitoring as separate parts."""

from __future__ import annotations

from kindgate import assets
from kindgate.deploy.monitoring import MONITORING, STAGE_LABEL, split_monitoring
from kindgate.deploy.plain_manifests import read_plain
from tests.unit.deploy.objects import deployment, rendered, service


def test_labeled_objects_are_split_off() -> None:
    """Both parts keep the source files."""
    watching = deployment("prometheus")
    watching["metadata"]["labels"] = {STAGE_LABEL: MONITORING}
    all_objects = rendered(deployment(), watching, service())
    application, monitoring = split_monitoring(all_objects)
    assert application.objects == (deployment(), service())
    assert monitoring.objects == (watching,)
    assert application.origins == monitoring.origins == all_objects.origins


def test_the_bundled_monitoring_is_labeled() -> None:
    """Every workload and Service of Prometheus and metrics-server has the monitoring label."""
    folder = assets.manifests() / "components"
    for name in ("prometheus", "metrics-server"):
        all_objects = read_plain(folder / name / f"{name}.yaml")
        assert split_monitoring(all_objects)[0].objects == ()
