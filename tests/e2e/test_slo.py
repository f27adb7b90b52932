"""The application meets its objectives under load: those of slo.yaml, and those of each host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate import Slo


pytestmark = [pytest.mark.e2e]


@pytest.mark.slo
def test_the_objectives_of_the_file_are_met(slo: Slo) -> None:
    """All hosts together meet slo.yaml."""
    slo.check()


@pytest.mark.slo("http_req_duration{host:foo.localhost}: p(95)<250", "http_req_failed{host:foo.localhost}: rate<0.01")
def test_foo_is_fast_enough(slo: Slo) -> None:
    """Requests to foo meet their latency and error objectives."""
    slo.check()


@pytest.mark.slo("http_req_duration{host:bar.localhost}: p(95)<250", "http_req_failed{host:bar.localhost}: rate<0.01")
def test_bar_is_fast_enough(slo: Slo) -> None:
    """Requests to bar meet their latency and error objectives."""
    slo.check()
