"""`kindgate.github.artifact`: untrusted archives."""

from __future__ import annotations

import io
import json
import logging
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import GitHubRefused, GitHubUnavailable, PublishRefused
from kindgate.github.artifact import ARCHIVE_LIMIT, REPORT_LIMIT, download, parse_report, read_report
from kindgate.report.run_report import RunReport
from kindgate.waiting import Deadline
from tests.unit.github.standin import REPOSITORY, TOKEN, Fault, StandIn


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Build a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_the_base_of_the_hostile_archives_is_valid() -> None:
    """The hostile archives' content is a valid report in a regular archive."""
    assert read_report(packed(("report.json", GOOD)), "leg").exit_code == 0


def test_a_report_is_read_from_its_archive(failing: RunReport) -> None:
    """A report packed as by upload-artifact is read unchanged."""
    assert read_report(packed(("report.json", failing.model_dump_json().encode())), "leg") == failing


def bomb_with_false_size() -> bytes:
    """Build an archive whose member claims 100 bytes but has 100 million."""
    content = bytearray(packed(("report.json", b" " * 100_000_000)))
    for offset, signature in ((22, b"PK\x03\x04"), (24, b"PK\x01\x02")):
        struct.pack_into("<I", content, content.find(signature) + offset, 100)
    return bytes(content)


def encrypted() -> bytes:
    """Build an archive whose member is marked as encrypted."""
    content = bytearray(packed(("report.json", b"{}")))
    for offset, signature in ((6, b"PK\x03\x04"), (8, b"PK\x01\x02")):
        struct.pack_into("<H", content, content.find(signature) + offset, 1)
    return bytes(content)


GOOD = b'{"run":{"id":"1","started":1.0,"seconds":1.0},"outcome":"passed","exit_code":0}'
"""A valid report, so only its archive can be the reason for an error."""

ARCHIVES: dict[str, Callable[[], bytes]] = {
    "not a zip": lambda: b"PK but not really",
    "empty": lambda: b"",
    "no member": packed,
    "traversal": lambda: packed(("../../report.json", GOOD)),
    "absolute": lambda: packed(("/report.json", GOOD)),
    "folder": lambda: packed(("report.json/", b"")),
    "other name": lambda: packed(("Report.json", GOOD)),
    "two members": lambda: packed(("report.json", GOOD), ("evil.sh", b"rm")),
    "nearly the same name twice": lambda: packed(("report.json", GOOD), ("report.json ", GOOD)),
    "many members": lambda: packed(("report.json", GOOD), *((f"{number}.json", b"") for number in range(5000))),
    "zip bomb": lambda: packed(("report.json", GOOD + b" " * REPORT_LIMIT)),
    "zip bomb with a false size": bomb_with_false_size,
    "encrypted": encrypted,
    "unusual packing": lambda: packed(("report.json", GOOD), method=zipfile.ZIP_LZMA),
    "truncated": lambda: packed(("report.json", b"{}"))[:-30],
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive_is_refused(name: str) -> None:
    """Every hostile archive ends in the same error, and nothing is extracted to disk."""
    with pytest.raises(PublishRefused):
        read_report(ARCHIVES[name](), "leg")


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another version": lambda report: report.update(schema_version=2),
    "an unknown field": lambda report: report.update(markdown="# hello"),
    "a number as text": lambda report: report.update(exit_code="0"),
    "a missing field": lambda report: report.pop("outcome"),
    "not a number": lambda report: report["run"].update(seconds=float("nan")),
    "an endless number": lambda report: report["run"].update(seconds=float("inf")),
    "an unknown verdict": lambda report: report["objectives"][0].update(verdict="PERFECT"),
    "markup for a unit": lambda report: report["objectives"][0].update(unit="\n# ✅ PASS"),
    "an endless name": lambda report: report["tests"][0].update(node_id="x" * 1001),
    "too many tests": lambda report: report.update(tests=report["tests"] * 20_001),
    "a script for an address": lambda report: report.update(links=[{"name": "run", "url": "javascript:alert(1)"}]),
    "an address that ends its link": lambda report: report.update(links=[{"name": "run", "url": "https://x/)[y](https://z"}]),
    "a path outside of the artifacts": lambda report: report.update(artifacts=[{"name": "x", "path": "../x"}]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_report_violating_the_schema_is_refused(passing: RunReport, name: str) -> None:
    """Values are not converted, unknown fields are not ignored, and no field exceeds what a page can show."""
    content = json.loads(passing.model_dump_json())
    CHANGES[name](content)

    with pytest.raises(PublishRefused, match="not a report of this version"):
        parse_report(json.dumps(content).encode(), "leg")


@pytest.mark.parametrize("text", [b"", b"null", b"[]", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 100_000])
def test_an_invalid_document_is_refused(text: bytes) -> None:
    """Malformed, deeply nested and endless documents are errors."""
    with pytest.raises(PublishRefused):
        parse_report(text, "leg")


def test_an_error_quotes_no_markup_from_the_artifact(passing: RunReport) -> None:
    """Untrusted field names in an error are truncated, and invisible characters are escaped."""
    content = json.loads(passing.model_dump_json())
    content["\u202e\n::error::" + "x" * 1000] = 1

    with pytest.raises(PublishRefused) as caught:
        parse_report(json.dumps(content).encode(), "leg")

    assert "\u202e" not in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 500


@given(st.binary(max_size=300))
def test_arbitrary_bytes_do_not_crash_the_reader(content: bytes) -> None:
    """Any bytes are handled as an archive, as a report and as the content of an archive."""
    for archive in (content, packed(("report.json", content))):
        with pytest.raises(PublishRefused):
            read_report(archive, "leg")


@given(st.integers(0, 200), st.binary(min_size=1, max_size=4))
def test_damaged_input_does_not_crash_the_reader(place: int, damage: bytes) -> None:
    """An archive with a few changed bytes is either read or rejected."""
    content = bytearray(packed(("report.json", GOOD)))
    content[place : place + len(damage)] = damage
    with suppress(PublishRefused):
        read_report(bytes(content), "leg")


def address(github: StandIn, number: int = 1) -> str:
    """The download URL of an artifact in the stand-in."""
    return f"{github.url}/repos/{REPOSITORY}/actions/artifacts/{number}/zip"


def test_the_blob_store_gets_no_token(github: StandIn) -> None:
    """The redirect leads to another host, which must not receive the token."""
    github.upload("a", b"content")

    assert download(address(github), TOKEN, Deadline.after(10)) == b"content"
    assert [{name.lower() for name in headers} & {"authorization", "cookie"} for headers in github.blob_headers] == [set()]
    assert TOKEN not in str(github.blob_headers)


def test_both_requests_of_a_download_are_logged_without_credentials(github: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    """The signature in the blob store's URL is as good as a token."""
    github.upload("a", b"content")
    with caplog.at_level(logging.DEBUG, logger="kindgate"):
        download(address(github), TOKEN, Deadline.after(10))

    assert [message.rpartition(" in ")[0] for message in caplog.messages] == [
        f"GET 127.0.0.1/api/v3/repos/{REPOSITORY}/actions/artifacts/1/zip: 302",
        "GET localhost/blobs/1: 200",
    ]
    assert TOKEN not in caplog.text


def test_a_netrc_file_is_ignored(github: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Credentials in the user's netrc file are not sent."""
    (tmp_path / "netrc").write_text("machine localhost login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    github.upload("a", b"content")

    download(address(github), TOKEN, Deadline.after(10))

    assert "Authorization" not in github.blob_headers[0]


def test_a_download_above_the_limit_is_aborted(github: StandIn) -> None:
    """A download is aborted at the limit, because the listed size might be wrong."""
    github.upload("a", b"x" * (ARCHIVE_LIMIT + 1), size=10)

    with pytest.raises(PublishRefused, match="larger than"):
        download(address(github), TOKEN, Deadline.after(10))


def test_a_compressed_transfer_is_not_expanded(github: StandIn) -> None:
    """A `Content-Encoding` header does not expand the transfer, so it cannot bypass the limit."""
    github.upload("a", zlib.compress(b"x" * 100_000_000))
    github.blob_encoding = "deflate"

    assert len(download(address(github), TOKEN, Deadline.after(10))) < 200_000


def test_a_download_to_another_scheme_is_refused(github: StandIn) -> None:
    """A redirect to plain http or to a file is rejected."""
    github.upload("a", b"content")
    github.blob_address = "file:///etc/passwd"

    with pytest.raises(PublishRefused, match="scheme"):
        download(address(github), TOKEN, Deadline.after(10))


@pytest.mark.parametrize(("fault", "error"), [("gone", GitHubRefused), ("bad_gateway", GitHubUnavailable)])
def test_a_failed_download_is_classified_as_retryable_or_not(github: StandIn, fault: str, error: type[Exception]) -> None:
    """The error states whether a retry can help; an expired artifact is a 410."""
    github.upload("a", b"content")
    github.fail("GET .*/zip", Fault(fault))

    with pytest.raises(error):
        download(address(github), TOKEN, Deadline.after(10))


def test_a_closed_connection_is_retryable(github: StandIn) -> None:
    """A closed connection is a network error and can be retried."""
    github.upload("a", b"content")
    github.fail("GET .*/zip", Fault(silent=True))

    with pytest.raises(GitHubUnavailable):
        download(address(github), TOKEN, Deadline.after(10))
