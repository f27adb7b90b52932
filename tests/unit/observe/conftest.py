"""The stand-in servers of these tests: a Prometheus, and an API server."""

from tests.unit.observe.api_stand_in import server
from tests.unit.observe.prometheus_stand_in import client, load_of_30_s, prometheus

__all__ = ["client", "load_of_30_s", "prometheus", "server"]
