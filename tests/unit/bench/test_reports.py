"""Other tools' output is parsed as they mean it."""

from __future__ import annotations

import json
from dataclasses import astuple

import pytest

from bench.reports import Report, UnreadableError, read_ab, read_hey, read_k6, read_locust, read_naive, read_oha, read_vegeta, read_wrk

WRK = """\
Running 1s test @ http://127.0.0.1:37733/
  2 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     4.54ms   13.03ms  92.56ms   97.90%
    Req/Sec    26.23k    18.54k   56.81k    55.00%
  Latency Distribution
     50%  421.00us
     75%    1.14ms
     90%    9.65ms
     99%    1.07s
  52233 requests in 1.01s, 7.52MB read
Requests/sec:  51731.41
Transfer/sec:      7.45MB
"""

AB = """\
Complete requests:      14301
Requests per second:    12612.23 [#/sec] (mean)

Percentage of the requests served within a certain time (ms)
  50%      1
  90%      5
  99%     29
 100%    177 (longest request)
"""

HEY = """\
  Requests/sec:	17282.1697

Latency distribution:
  50% in 0.0011 secs
  90%% in 0.0030 secs
  99%% in 0.0144 secs

Status code distribution:
  [200]	17296 responses
"""


OHA = {
    "summary": {"successRate": 1.0, "total": 1.0, "requestsPerSec": 1000.5},
    "latencyPercentiles": {"p50": 0.0004, "p90": 0.0011, "p99": 0.0122},
    "statusCodeDistribution": {"200": 990, "503": 9},
    "errorDistribution": {"aborted due to deadline": 4},
}


def test_oha() -> None:
    """Times are in seconds; unanswered requests are not counted."""
    report = read_oha(json.dumps(OHA))

    assert astuple(report) == pytest.approx((1000.5, 999, 1.1, 12.2))


def test_wrk() -> None:
    """Times have any unit; a share of 97.90% at the end of a line is not a percentile."""
    assert read_wrk(WRK) == Report(51731.41, 52233, 9.65, 1070.0)


def test_ab() -> None:
    """Times are whole milliseconds."""
    assert read_ab(AB) == Report(12612.23, 14301, 5.0, 29.0)


def test_hey() -> None:
    """Times are in seconds; some versions print the percent sign twice."""
    assert astuple(read_hey(HEY)) == pytest.approx((17282.1697, 17296, 3.0, 14.4))


def test_locusts_report_is_that_of_its_master() -> None:
    """Workers print their reports too, before or after the master's."""
    worker = {"num_requests": 4, "start_time": 10.0, "last_request_timestamp": 12.0, "response_times": {"1": 4}}
    master = {"num_requests": 10, "start_time": 10.0, "last_request_timestamp": 12.0, "response_times": {"1": 9, "200": 1}}
    report = read_locust(f"{json.dumps([worker])}\n{json.dumps([master], indent=4)}\n 0.00\n")
    assert astuple(report) == pytest.approx((5.0, 10, 20.9, 182.09))


def test_json_reports_are_parsed() -> None:
    """k6's summary, vegeta's report in nanoseconds and the loop's own format are parsed."""
    k6 = {"metrics": {"http_req_duration": {"p(90)": 1.5, "p(99)": 4.5}, "http_reqs": {"rate": 29_000.5, "count": 58_000}}}
    assert read_k6(json.dumps(k6)) == Report(29_000.5, 58_000, 1.5, 4.5)
    vegeta = {"throughput": 999.5, "requests": 3000, "latencies": {"90th": 2_000_000, "99th": 3_500_000}}
    assert read_vegeta(json.dumps(vegeta)) == Report(999.5, 3000, 2.0, 3.5)
    naive = {"times_ms": [1.0, 2.0, 3.0], "seconds": 2.0}
    assert astuple(read_naive(json.dumps(naive))) == pytest.approx((1.5, 3, 2.8, 2.98))


@pytest.mark.parametrize("read", [read_wrk, read_ab, read_hey, read_locust])
def test_the_output_of_a_failed_tool_is_rejected(read: object) -> None:
    """The error shows the output, and no figure is produced."""
    assert callable(read)
    with pytest.raises(UnreadableError):
        read("unable to connect to 127.0.0.1:1 Connection refused\n")
