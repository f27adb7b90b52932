"""Prometheus' targets: waited for together, and named if they are not up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import MetricsError
from kindgate.observe.prometheus_client import PrometheusClient
from kindgate.observe.scrape_targets import targets, wait_for_targets
from kindgate.waiting import Deadline

RECORDED = json.loads((Path(__file__).parent / "fixtures" / "targets.json").read_text())


def _answer(*healths: str, error: str = "") -> bytes:
    answer = json.loads(json.dumps(RECORDED))
    answer["data"]["activeTargets"] = [
        {**target, "health": health, "lastError": error if health == "down" else ""}
        for target, health in zip(answer["data"]["activeTargets"], healths, strict=False)
    ]
    return json.dumps(answer).encode()


def test_targets_have_job_address_and_health(client: PrometheusClient, prometheus: Any) -> None:
    """The answer is a real Prometheus'."""
    prometheus.answer = lambda *_: (200, json.dumps(RECORDED).encode())
    found_targets = targets(client, Deadline.after(20))
    assert {target.job for target in found_targets} <= {"cadvisor", "resource"}
    assert all(target.health == "up" and target.address.startswith("https://") for target in found_targets)


def test_the_wait_ends_when_all_targets_are_up(client: PrometheusClient, prometheus: Any) -> None:
    """The wait includes targets that were not scraped yet."""
    answers = [_answer("up", "unknown"), _answer("up", "up")]
    prometheus.answer = lambda *_: (200, answers.pop(0))
    assert len(wait_for_targets(client, (), Deadline.after(20))) == 2


def test_a_target_that_stays_down_is_named_with_its_error(client: PrometheusClient, prometheus: Any) -> None:
    """The reason is the one that Prometheus reports."""
    prometheus.answer = lambda *_: (200, _answer("up", "down", error="server returned HTTP status 403 Forbidden"))
    with pytest.raises(MetricsError, match="is down: server returned HTTP status 403 Forbidden"):
        wait_for_targets(client, (), Deadline.after(0.1))


def test_a_job_without_a_target_is_not_up(client: PrometheusClient, prometheus: Any) -> None:
    """Nothing to scrape differs from everything scraped."""
    prometheus.answer = lambda *_: (200, _answer("up"))
    with pytest.raises(MetricsError, match="job ingress has no target"):
        wait_for_targets(client, ("ingress",), Deadline.after(0.1))


def test_an_unresponsive_prometheus_is_retried(client: PrometheusClient, prometheus: Any) -> None:
    """It may still be starting behind its Service."""
    answers = [(503, b"no endpoints available"), (200, _answer("up"))]
    prometheus.answer = lambda *_: answers.pop(0)
    assert len(wait_for_targets(client, (), Deadline.after(20))) == 1
