"""Lines of the access logs of common servers are read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.scaffold.workload_sources.log_lines import LoggedRequest, read_line

NOON = 1769860800.0
"""2026-01-31T12:00:00Z."""

REQUEST = LoggedRequest("GET", "/a?b=1", 200, "203.0.113.1", "Firefox", "", NOON)

COMBINED = '203.0.113.1 - - [31/Jan/2026:12:00:00 +0000] "GET /a?b=1 HTTP/1.1" 200 12 "-" "Firefox"'


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (COMBINED, REQUEST),
        (COMBINED + " 310 0.004 [shop-web-80] [] 10.0.0.7:80 12 0.004 200 4f0e", REQUEST),
        (
            '203.0.113.1 - - [31/Jan/2026:12:00:00 +0000] "GET /a?b=1 HTTP/2.0" 200 -',
            LoggedRequest("GET", "/a?b=1", 200, "203.0.113.1", time=NOON),
        ),
        (f"shop.example.com:443 {COMBINED}", LoggedRequest("GET", "/a?b=1", 200, "203.0.113.1", "Firefox", "shop.example.com", NOON)),
        (COMBINED.replace("12:00:00 +0000", "14:00:00 +0200"), REQUEST),
        (COMBINED.replace("/a?b=1", "https://shop.example.com/a?b=1"), REQUEST),
        (COMBINED.replace("Firefox", 'Fire \\"fox\\"'), LoggedRequest("GET", "/a?b=1", 200, "203.0.113.1", 'Fire \\"fox\\"', "", NOON)),
    ],
)
def test_the_common_and_combined_formats_are_read(line: str, request_: LoggedRequest) -> None:
    """Of nginx, Apache and ingress-nginx."""
    assert read_line(line) == request_


@pytest.mark.parametrize(
    "document",
    [
        {  # Traefik
            "RequestMethod": "GET",
            "RequestPath": "/a?b=1",
            "DownstreamStatus": 200,
            "ClientHost": "203.0.113.1",
            "request_User-Agent": "Firefox",
            "StartUTC": "2026-01-31T12:00:00.000000123Z",
        },
        {  # Caddy
            "ts": NOON,
            "status": 200,
            "request": {"method": "GET", "uri": "/a?b=1", "remote_ip": "203.0.113.1", "headers": {"User-Agent": ["Firefox"]}},
        },
        {  # nginx
            "time_iso8601": "2026-01-31T13:00:00+01:00",
            "request": "GET /a?b=1 HTTP/1.1",
            "status": "200",
            "remote_addr": "203.0.113.1",
            "http_user_agent": "Firefox",
        },
        {  # nginx with separate fields
            "msec": f"{NOON:.3f}",
            "request_method": "GET",
            "uri": "/a",
            "args": "b=1",
            "status": 200,
            "remote_addr": "203.0.113.1",
            "http_user_agent": "Firefox",
        },
    ],
)
def test_json_lines_are_read(document: dict[str, Any]) -> None:
    """Of Traefik, Caddy and nginx."""
    assert read_line(json.dumps(document)) == REQUEST


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        COMBINED.replace("GET /a?b=1 HTTP/1.1", "\\x16\\x03\\x01"),
        "{",
        "[]",
        '{"method": "GET"}',
        '{"method": "GET", "path": "/", "status": 20}',
    ],
)
def test_other_lines_are_not_requests(line: str) -> None:
    """Scanners send bytes, and logs are mixed."""
    assert read_line(line) is None


@given(
    st.text(max_size=80)
    | st.dictionaries(st.sampled_from(["method", "uri", "status", "ts", "request", "time"]), st.text() | st.integers() | st.none()).map(
        json.dumps
    )
)
def test_any_line_is_read_or_not(line: str) -> None:
    """No line may stop the import."""
    read_line(line)
