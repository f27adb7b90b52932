"""A report's record of a container that ended while the requests of a missed objective were sent."""

from __future__ import annotations

from kindgate.report.frozen_record import Count, Epoch, Line, Name, Record


class EndedContainer(Record):
    """A container of the judged version, or of the ingress controller, whose end during the bursts explains a missed objective.

    `workload` is `NAMESPACE/NAME`; `failed` of the `requests` of the objective failed because of it. `at` is the time of its
    last end, with `exit_code`; `out_of_memory`: it reached its memory limit.
    """

    test: Line = ""
    workload: Name
    out_of_memory: bool
    exit_code: Count
    at: Epoch
    failed: Count
    requests: Count
