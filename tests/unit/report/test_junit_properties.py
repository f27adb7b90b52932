"""JUnit properties: names and values for dashboards."""

from __future__ import annotations

from kindgate.model import Verdict
from kindgate.report.junit_properties import comparison_properties, load_properties, slo_properties
from kindgate.report.objective_records import EarlierLooks
from kindgate.report.run_report import RunReport


def test_each_threshold_has_verdict_measured_value_and_limit(failing: RunReport) -> None:
    """The unit is part of the property's name."""
    properties = dict(slo_properties(failing.objectives))
    assert properties["slo.verdict[http_req_duration: p(95)<50]"] == "FAIL"
    assert properties["slo.measured_ms[http_req_duration: p(95)<50]"] == "81.3"
    assert properties["slo.limit_ms[http_req_duration: p(95)<50]"] == "50"
    assert properties["slo.measured[http_req_failed: rate<0.01]"] == "0"


def test_each_comparison_has_both_figures_and_the_change(failing: RunReport) -> None:
    """Absolute figures come with the relative change and its interval."""
    properties = dict(comparison_properties(failing.comparison))
    assert properties["compare.verdict[p(95)]"] == "FAIL"
    assert (properties["compare.base_ms[p(95)]"], properties["compare.head_ms[p(95)]"]) == ("48.5", "81.3")
    assert [properties[f"compare.{name}[p(95)]"] for name in ("change", "low", "high", "tolerated")] == ["0.675", "0.51", "0.82", "0.1"]


def test_a_compared_route_is_part_of_the_propertys_name(failing: RunReport) -> None:
    """Dashboards can follow one route; all requests keep the short name."""
    row = failing.comparison[0].model_copy(update={"tags": {"route": "checkout"}})
    assert dict(comparison_properties([row]))["compare.verdict[p(95) of http_req_duration{route:checkout}]"] == "FAIL"


def test_a_confirmed_comparison_has_the_result_of_its_looks(failing: RunReport) -> None:
    """Consumers can tell the interim looks' biased estimate from the confirmed one."""
    row = failing.comparison[0].model_copy(update={"first": EarlierLooks(verdict=Verdict.PASS, change=0.02, pairs=10)})
    properties = dict(comparison_properties([row]))
    assert (properties["compare.first_verdict[p(95)]"], properties["compare.first_change[p(95)]"]) == ("PASS", "0.02")
    assert properties["compare.change[p(95)]"] == "0.675"


def test_the_load_is_summed_over_bursts_and_its_times_are_medians(failing: RunReport) -> None:
    """Three bursts of 600 requests, one of them with 4 failures."""
    properties = dict(load_properties(failing.bursts))
    assert (properties["load.bursts"], properties["load.requests"], properties["load.failed"]) == ("3", "1800", "4")
    assert (properties["load.rps"], properties["load.p95_ms"], properties["load.send_lag_p99_us"]) == ("299.4", "79.000", "180")


def test_routes_and_journeys_have_properties_of_their_own(failing: RunReport) -> None:
    """Several routes are told apart, a single one is the whole load; times are medians over the bursts."""
    properties = dict(load_properties(failing.bursts))
    assert (properties["load.requests[foo.localhost]"], properties["load.failed[foo.localhost]"]) == ("1800", "4")
    assert properties["load.failed[bar.localhost]"] == "0"
    assert properties["load.p95_ms[foo.localhost]"] == "86.900"
    assert (properties["load.journeys[buy]"], properties["load.journeys_failed[buy]"]) == ("120", "6")
    assert float(properties["load.journey_p95_ms[buy]"]) == 300.0

    single = [burst.model_copy(update={"routes": burst.routes[:1], "journeys": ()}) for burst in failing.bursts]
    assert not [name for name, _ in load_properties(single) if "[" in name]


def test_no_bursts_give_no_properties(setup_failed: RunReport) -> None:
    """A test that sent no load has no load properties."""
    assert load_properties(setup_failed.bursts) == []
