"""The sentences shown to users, verbatim."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kindgate.slo.grammar import parse_marker
from kindgate.slo.judge import judge
from kindgate.slo.objectives import Objectives
from kindgate.slo.sample import BurstSample

MakeRun = Callable[..., list[BurstSample]]

SCOPE = "; valid only for this machine and this time window."


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        (
            "p(95)<200",
            {},
            (
                "PASS: p(95) of http_req_duration = 161 ms (interval 156 ms to 166 ms, from 20,000 requests in 20 bursts); must "
                "be < 200 ms: 0.875 % of the requests took 200 ms or longer, failed or were never sent (5 % allowed)"
            ),
        ),
        (
            "p(95)<=162",
            {},
            (
                "INCONCLUSIVE: p(95) of http_req_duration = 161 ms (interval 155 ms to 167 ms, from 20,000 requests in 20 "
                "bursts); must be <= 162 ms, too close to call: 4.7 % of the requests took longer than 162 ms, failed or were "
                "never sent (5 % allowed)"
            ),
        ),
        (
            "p(95)<150",
            {},
            (
                "FAIL: p(95) of http_req_duration = 161 ms (interval 156 ms to 167 ms, from 20,000 requests in 20 bursts); must "
                "be < 150 ms: 8.02 % of the requests took 150 ms or longer, failed or were never sent (5 % allowed)"
            ),
        ),
        (
            "p(95)>200",
            {},
            (
                "FAIL: p(95) of http_req_duration = 161 ms (interval 156 ms to 166 ms, from 20,000 requests in 20 bursts); must "
                "be > 200 ms: 99.125 % of the requests took 200 ms or less, failed or were never sent (95 % allowed)"
            ),
        ),
        (
            "p(99.9)<1000",
            {},
            (
                "INCONCLUSIVE: p(99.9) of http_req_duration = 246 ms (interval from 229 ms up, from 20,000 requests in 20 "
                "bursts); must be < 1,000 ms, too few requests to decide: 0 % of the requests took 1,000 ms or longer, failed or "
                "were never sent (0.1 % allowed)"
            ),
        ),
        (
            "p(95)<200",
            {"count": 2, "size": 20},
            (
                "INCONCLUSIVE: p(95) of http_req_duration = 133 ms (unbounded interval, from 40 requests in 2 bursts); must be < "
                "200 ms, too few requests to decide: 0 % of the requests took 200 ms or longer, failed or were never sent (5 % "
                "allowed)"
            ),
        ),
        (
            "avg<98",
            {},
            ("FAIL: avg of http_req_duration = 103 ms (interval 99.9 ms to 106 ms, from 20,000 requests in 20 bursts); must be < 98 ms"),
        ),
        (
            "http_req_failed: rate<0.01",
            {},
            ("PASS: rate of http_req_failed = 0 % (interval 0 % to 0.119 %, from 20,000 requests in 20 bursts); must be < 1 %"),
        ),
        (
            "checks: rate>0.9",
            {"checks": (950, 50)},
            ("PASS: rate of checks = 95 % (interval 94.6 % to 95.3 %, from 20,000 requests in 20 bursts); must be > 90 %"),
        ),
        (
            "max<300",
            {},
            (
                "FAIL: max of http_req_duration = 331 ms (exact for these 20,000 requests in 20 bursts, without an interval); "
                "must be < 300 ms"
            ),
        ),
        (
            "http_reqs: count>30000",
            {},
            ("FAIL: count of http_reqs = 20,000 (exact for these 20,000 requests in 20 bursts, without an interval); must be > 30,000"),
        ),
        (
            "http_reqs: rate>300",
            {},
            ("PASS: rate of http_reqs = 500/s (exact for these 20,000 requests in 20 bursts, without an interval); must be > 300/s"),
        ),
        (
            "checks: rate>0.9",
            {},
            "FAIL: checks has no data (0 requests in 20 bursts); no data counts as FAIL",
        ),
        (
            "p(95)<200",
            {"failed": {"timeout": 100}},
            (
                "FAIL: p(95) of http_req_duration has no value because too many requests failed (interval from 331 ms up, from "
                "22,000 requests in 20 bursts); must be < 200 ms: 9.89 % of the requests took 200 ms or longer, failed or were "
                "never sent (5 % allowed)"
            ),
        ),
        (
            "p(95)<200",
            {"size": 0, "failed": {"timeout": 100}},
            ("FAIL: http_req_duration has no data (none of 2,000 requests succeeded); no data counts as FAIL"),
        ),
        (
            "p(95)<200",
            {"count": 1},
            (
                "INCONCLUSIVE: p(95) of http_req_duration = 157 ms (1,000 requests in 1 burst, which shows no spread between "
                "bursts); must be < 200 ms, but a single burst decides nothing"
            ),
        ),
        (
            "p(95)<200",
            {"lag_ms": 20},
            (
                "INVALID: loop lag: p99 20 ms (valid: at most 10 ms), so p(95) of http_req_duration = 161 ms from 20,000 requests"
                " in 20 bursts says nothing about the service: lower the rate, send from more processes or another machine, or "
                "keep other work off this machine"
            ),
        ),
        (
            "http_req_failed: rate<0.1",
            {"steal": 0.2, "cpu_share": 0.9},
            (
                "INVALID: CPU steal: 20 % (valid: at most 5 %) and generator CPU: 90 % of its core (valid: less than 80 %), so "
                "rate of http_req_failed = 0 % from 20,000 requests in 20 bursts says nothing about the service: the machine's "
                "host is overcommitted: measure again later, or on a dedicated machine; lower the rate, or send from more "
                "processes"
            ),
        ),
    ],
)
def test_a_verdict_is_one_readable_sentence(run: MakeRun, text: str, options: dict[str, object], sentence: str) -> None:
    """It contains the verdict, value, interval, sample size and limit, and its scope of validity."""
    explanation = judge(Objectives(parse_marker((text,))), run(**options)).results[0].explanation

    assert explanation == sentence + SCOPE


def test_a_fail_softened_by_the_correction_is_explained(run: MakeRun) -> None:
    """The sentence explains why an interval beyond the limit is not a FAIL."""
    objectives = Objectives(parse_marker(("p(95)<155", *[f"p(95)<{limit}" for limit in range(200, 209)])))

    assert (
        judge(objectives, run()).results[0].explanation
        == (
            "INCONCLUSIVE: p(95) of http_req_duration = 161 ms (interval 156 ms to 167 ms, from 20,000 requests in 20 "
            "bursts); must be < 155 ms, missed by its own interval, but among 10 objectives that can happen by chance: 6.52 %"
            " of the requests took 155 ms or longer, failed or were never sent (5 % allowed)"
        )
        + SCOPE
    )
