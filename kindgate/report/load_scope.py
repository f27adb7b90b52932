"""What the load of a run covered, in one sentence."""

from __future__ import annotations

from kindgate.report.run_report import RunReport

SAFE_ROUTES_ONLY = "Only GET requests of the paths that the manifests route were sent; a workload in the SLO file adds other requests"

CLOSED_LOOP = "The load was a closed loop: users waited for responses, so a slow server got fewer requests. Objectives on times never pass"


def load_scope(report: RunReport) -> str:
    """The limits of the load behind the verdicts; empty with an open-loop workload, and without verdicts."""
    if not (report.objectives or report.comparison):
        return ""
    if any(burst.closed_loop for burst in report.figures):
        return CLOSED_LOOP
    return "" if report.workload else SAFE_ROUTES_ONLY
