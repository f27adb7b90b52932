"""Downloads end with the file, with a reason, or at the deadline."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kindgate.errors import ToolError
from kindgate.host.download import fetch_file, fetch_text
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    from tests.unit.host.conftest import Site


def test_a_file_of_several_chunks_is_written_unchanged(site: Site, tmp_path: Path) -> None:
    """A file of more than one chunk is unchanged."""
    site.pages["/tool"] = bytes(range(256)) * 10_000
    fetch_file(f"{site.url}/tool", tmp_path / "tool", Deadline.after(20))
    assert (tmp_path / "tool").read_bytes() == site.pages["/tool"]


def test_a_missing_page_is_an_error(site: Site) -> None:
    """A 404 page is not taken for the file."""
    with pytest.raises(ToolError, match="404"):
        fetch_text(f"{site.url}/absent", Deadline.after(20))


def test_a_refused_connection_is_reported_briefly() -> None:
    """The message omits the HTTP library's nested exceptions."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(ToolError, match="Connection refused") as refused:
        fetch_text(f"http://127.0.0.1:{port}/", Deadline.after(20))
    assert len(refused.value.message) < 120


def test_a_silent_host_is_an_error_at_the_deadline() -> None:
    """A connection that is accepted but not answered ends at the deadline."""
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(ToolError, match="timed out"):
        fetch_text(f"http://127.0.0.1:{server.getsockname()[1]}/", Deadline.after(0.3))


def test_downloads_are_logged_with_status_and_duration(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Credentials in a mirror's URL are masked even outside of a run, which alone knows secrets."""
    site.pages["/tool"] = b"tool"
    with caplog.at_level(logging.DEBUG, logger="kindgate"):
        fetch_text(f"{site.url.replace('://', '://user:canary@')}/tool", Deadline.after(20))
        with pytest.raises(ToolError):
            fetch_text(f"{site.url}/absent", Deadline.after(20))

    assert [message.rpartition(" in ")[0] for message in caplog.messages] == [
        f"GET {site.url.replace('://', '://***@')}/tool: 200",
        f"GET {site.url}/absent: 404, then ToolError",
    ]
