"""Downloads with a deadline; the caller compares checksums."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kindgate.call_log import logged_call
from kindgate.credentials import masked_url
from kindgate.errors import ToolError
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    import requests

_LOG = logging.getLogger(__name__)

_CONNECT_SECONDS = 5.0
"""Connection timeout, after which the next source is tried."""

_SILENCE_SECONDS = 20.0
"""Seconds without a byte after which a download has failed."""

_CHUNK = 1 << 20


def fetch_file(url: str, target: Path, deadline: Deadline) -> None:
    """Download `url` to `target`; raises `ToolError` if that fails or takes too long."""
    with _opened_response(url, deadline) as response, target.open("wb") as sink:
        for chunk in response.iter_content(_CHUNK):
            sink.write(chunk)
            if deadline.expired:
                raise ToolError(f"timed out downloading {url}", waited=deadline.waited)


def fetch_text(url: str, deadline: Deadline) -> str:
    """The short text at `url`; raises `ToolError` if that fails or takes too long."""
    with _opened_response(url, deadline) as response:
        return response.text


def unreachable_reason(url: str, deadline: Deadline) -> str:
    """The reason why `url` does not respond; empty if it does, with any status."""
    import requests  # noqa: PLC0415 - costs 50 ms, and most runs query nothing

    seconds = max(0.1, min(_CONNECT_SECONDS, deadline.remaining))
    try:
        with logged_call(_LOG, f"GET {masked_url(url)}") as call:
            with requests.get(url, stream=True, timeout=seconds, allow_redirects=False) as response:
                call.outcome = response.status_code
            return ""
    except requests.RequestException as error:
        return _cause(error)


@contextmanager
def _opened_response(url: str, deadline: Deadline) -> Iterator[requests.Response]:
    """The response, with its body still unread."""
    import requests  # noqa: PLC0415 - costs 50 ms, and most runs download nothing

    seconds = max(0.1, deadline.remaining)
    timeout = min(_CONNECT_SECONDS, seconds), min(_SILENCE_SECONDS, seconds)
    try:
        with logged_call(_LOG, f"GET {masked_url(url)}") as call, requests.get(url, stream=True, timeout=timeout) as response:
            call.outcome = response.status_code
            if not response.ok:
                raise ToolError(f"cannot download {url}: the server answered {response.status_code} {response.reason}")
            yield response
    except requests.RequestException as error:
        raise ToolError(f"cannot download {url}: {_cause(error)}", waited=deadline.waited) from error


def _cause(error: Exception) -> str:
    """The innermost reason, without the HTTP library's wrapping."""
    reason = getattr(error.args[0], "reason", error) if error.args else error
    return str(reason).rpartition(": ")[2] or type(error).__name__
