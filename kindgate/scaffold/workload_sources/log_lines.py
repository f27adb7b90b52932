"""One line of an access log: the formats of nginx, Apache, Traefik, Caddy and ingress-nginx."""

from __future__ import annotations

import calendar
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_COMBINED = re.compile(
    r"(?:(?P<vhost>[\w.-]+:\d+)\s+)?(?P<client>\S+) \S+ (?P<user>\S+|\S.*?) \[(?P<time>[^\]]+)\]"
    r" \"(?P<request>(?:[^\"\\]|\\.)*)\" (?P<status>\d{3})"
    r"(?: (?:\d+|-)(?: \"(?:[^\"\\]|\\.)*\" \"(?P<agent>(?:[^\"\\]|\\.)*)\")?)?.*"
)
"""Apache's common, combined and vhost_combined formats; whatever follows, as in ingress-nginx, is not read."""

_REQUEST = re.compile(r"(?P<method>[A-Z]{3,10}) (?P<target>\S+)(?: HTTP/[\d.]+)?")

_COMMON_TIME = re.compile(
    r"(?P<day>\d\d)/(?P<month>[A-Z][a-z]{2})/(?P<year>\d{4}):(?P<clock>\d\d:\d\d:\d\d) (?P<sign>[+-])(?P<hours>\d\d)(?P<minutes>\d\d)"
)
_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}

_METHOD_KEYS = ("RequestMethod", "method", "request_method", "http_method", "verb")
_TARGET_KEYS = ("RequestPath", "request_uri", "uri", "path", "url", "target")
_STATUS_KEYS = ("DownstreamStatus", "status", "status_code", "response_code", "code")
_TIME_KEYS = ("StartUTC", "time_iso8601", "@timestamp", "timestamp", "ts", "time_local", "msec", "time", "start_time", "date")
_AGENT_KEYS = ("request_User-Agent", "http_user_agent", "user_agent", "agent", "userAgent")
_CLIENT_KEYS = ("ClientHost", "remote_addr", "client_ip", "remote_ip", "client", "remote", "ip", "clientip", "ClientAddr")
_HOST_KEYS = ("RequestHost", "host", "http_host", "server_name", "authority", "vhost")


@dataclass(frozen=True)
class LoggedRequest:
    """A request: `target` is the path with its query, `time` is in seconds since the epoch (None if unknown)."""

    method: str
    target: str
    status: int
    client: str = ""
    agent: str = ""
    host: str = ""
    time: float | None = None


def read_line(line: str) -> LoggedRequest | None:
    """The request of a line, None if the line has no known format or holds no HTTP request."""
    return _from_json(line) if line.startswith("{") else _from_combined(line)


def _from_combined(line: str) -> LoggedRequest | None:
    match = _COMBINED.fullmatch(line)
    request = _REQUEST.fullmatch(match["request"]) if match else None
    if match is None or request is None:
        return None
    return LoggedRequest(
        request["method"],
        _origin_form(request["target"]),
        int(match["status"]),
        match["client"],
        match["agent"] or "",
        (match["vhost"] or "").partition(":")[0],
        _common_time(match["time"]),
    )


def _from_json(line: str) -> LoggedRequest | None:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, Mapping):
        return None
    nested = document.get("request")
    request: Mapping[str, Any] = nested if isinstance(nested, Mapping) else {}
    fields = {**document, **request}  # Caddy describes the request in an object of its own
    line_of_request = _REQUEST.fullmatch(nested) if isinstance(nested, str) else None
    method, target = (line_of_request["method"], line_of_request["target"]) if line_of_request else _method_and_target(fields)
    status = _first(fields, _STATUS_KEYS)
    if not method or not target.startswith(("/", "http://", "https://")) or not re.fullmatch(r"\d{3}", status):
        return None
    headers = request.get("headers")
    agents = headers.get("User-Agent") if isinstance(headers, Mapping) else None
    agent = str(agents[0]) if isinstance(agents, list) and agents else _first(fields, _AGENT_KEYS)
    client, host = _first(fields, _CLIENT_KEYS), _first(fields, _HOST_KEYS)
    return LoggedRequest(method, _origin_form(target), int(status), client, agent, host.partition(":")[0], _json_time(fields))


def _method_and_target(fields: Mapping[str, Any]) -> tuple[str, str]:
    method, target = _first(fields, _METHOD_KEYS).upper(), _first(fields, _TARGET_KEYS)
    query = _first(fields, ("args", "query_string", "query"))
    return method, f"{target}?{query.removeprefix('?')}" if query and query != "-" and "?" not in target else target


def _first(fields: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """The first of the keys with a text or a number."""
    return next((str(fields[key]) for key in keys if isinstance(fields.get(key), str | int | float) and fields[key] != ""), "")


def _origin_form(target: str) -> str:
    """The path and query of a target, also of one with a host (RFC 9112, section 3.2)."""
    return re.sub(r"^https?://[^/?#]*", "", target) or "/"


def _common_time(text: str) -> float | None:
    """The time of `10/Oct/2000:13:55:36 -0700`; `strptime` would take half of the time of reading a log."""
    match = _COMMON_TIME.fullmatch(text)
    month = _MONTHS.get(match["month"]) if match else None
    if match is None or month is None:
        return None
    offset = int(match["sign"] + "1") * (int(match["hours"]) * 60 + int(match["minutes"])) * 60
    try:
        hour, minute, second = map(int, match["clock"].split(":"))
        local = datetime(int(match["year"]), month, int(match["day"]), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return local.timestamp() - offset


def _json_time(fields: Mapping[str, Any]) -> float | None:
    """The first time in a known form: seconds or milliseconds since the epoch, ISO 8601, or the form of the common format."""
    for key in _TIME_KEYS:
        value = fields.get(key)
        if isinstance(value, str) and re.fullmatch(r"\d{9,13}(?:\.\d+)?", value):
            value = float(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value / 1000 if value > 1e11 else float(value)
        if isinstance(value, str):
            found = _iso_time(value) or _common_time(value)
            if found is not None:
                return found
    return None


def _iso_time(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
