"""The Locust user in the comparison.

KINDGATE_BENCH_PACE is the requests per second of one user (0: as many as possible), KINDGATE_BENCH_HOST the Host header.
"""

from __future__ import annotations

import os

from locust import FastHttpUser, constant_throughput, task

PACE = float(os.environ.get("KINDGATE_BENCH_PACE", "0"))
HOST = os.environ.get("KINDGATE_BENCH_HOST", "")
HEADERS = {"Host": HOST} if HOST else {}


class Visitor(FastHttpUser):
    """Requests the front page."""

    if PACE:
        wait_time = constant_throughput(PACE)

    @task
    def front_page(self) -> None:
        """Send one request."""
        self.client.get("/", headers=HEADERS)
