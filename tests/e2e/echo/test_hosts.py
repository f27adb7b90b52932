"""The two hosts of the echo servers: each has its own answer and its own objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate import Ingress, Slo


pytestmark = [pytest.mark.e2e]


@pytest.mark.smoke
@pytest.mark.parametrize(("host", "text"), [("foo.localhost", "foo"), ("bar.localhost", "bar")])
def test_each_host_returns_its_own_text(ingress: Ingress, host: str, text: str) -> None:
    """The ingress routes each host to its own Service."""
    response = ingress.get(host)

    assert (response.status_code, response.text.strip()) == (200, text)


@pytest.mark.slo("http_req_duration{host:foo.localhost}: p(95)<250", "http_req_failed{host:foo.localhost}: rate<0.01")
def test_foo_is_fast_enough(slo: Slo) -> None:
    """Requests to foo meet their latency and error objectives."""
    slo.check()


@pytest.mark.slo("http_req_duration{host:bar.localhost}: p(95)<250", "http_req_failed{host:bar.localhost}: rate<0.01")
def test_bar_is_fast_enough(slo: Slo) -> None:
    """Requests to bar meet their latency and error objectives."""
    slo.check()
