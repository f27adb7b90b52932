"""Read a report from an untrusted artifact: size-limited, streamed, never unpacked to disk, strictly validated."""

from __future__ import annotations

import io
import logging
import zipfile
import zlib
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from kindgate.call_log import logged_call
from kindgate.errors import GitHubRefused, GitHubUnavailable, PublishRefused, clipped
from kindgate.report import reading
from kindgate.report.reading import ReportRefused
from kindgate.report.run_report import RunReport
from kindgate.waiting import Deadline

_LOG = logging.getLogger(__name__)

MEMBER = "report.json"
ARCHIVE_LIMIT = 4 * 1024 * 1024
"""Maximum bytes of an artifact's archive."""

REPORT_LIMIT = 16 * 1024 * 1024
"""Maximum bytes of report.json: 500 bursts with all their series take about 10 million."""

_READ_TIMEOUT = 15
_CHUNK = 64 * 1024


def download(url: str, token: str, deadline: Deadline, *, limit: int = ARCHIVE_LIMIT) -> bytes:
    """Download the archive of an artifact.

    GitHub redirects to a blob store, which gets no Authorization header. Raises `PublishRefused` above `limit` bytes,
    `GitHubRefused` and `GitHubUnavailable`.
    """
    try:
        with requests.Session() as session:
            session.auth = _no_netrc
            authorization = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
            with _get(session, url, authorization) as response:
                if not response.is_redirect:
                    return _content(response, limit, deadline)
                target = _redirect_target(url, response.headers["Location"])
            with _get(session, target, {}) as response:
                return _content(response, limit, deadline)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise GitHubUnavailable(f"cannot download the artifact: {clipped(str(error), 300)}") from error


def read_report(archive: bytes, name: str) -> RunReport:
    """Read the report in an artifact's archive; errors call it `name`.

    Raises `PublishRefused` for anything but a zip archive whose only member is `report.json`, a report of this version.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            text = _member(opened, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        raise PublishRefused(f"artifact {name}: not a readable zip archive ({type(error).__name__})") from error
    return parse_report(text, name)


def parse_report(text: bytes, name: str) -> RunReport:
    """Parse a report. Raises `PublishRefused` that names the first wrong field, and quotes no value."""
    if len(text) > REPORT_LIMIT:
        raise PublishRefused(f"{name}: {MEMBER} is larger than {REPORT_LIMIT} bytes")
    try:
        return reading.read_report(text)
    except ReportRefused as error:
        raise PublishRefused(
            f"{name}: {MEMBER} is not a report of this version: {error}",
            next_step="the run and the publishing workflow must use the same version of kindgate",
        ) from None


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    members = archive.infolist()
    if len(members) != 1 or members[0].filename != MEMBER:
        raise PublishRefused(f"artifact {name}: contains {len(members)} members instead of only {MEMBER}")
    member = members[0]
    if member.flag_bits & 1 or member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise PublishRefused(f"artifact {name}: {MEMBER} is encrypted or compressed in an unsupported way")
    if member.file_size > REPORT_LIMIT:
        raise PublishRefused(f"artifact {name}: {MEMBER} is larger than {REPORT_LIMIT} bytes")
    with archive.open(member) as file:
        return file.read(REPORT_LIMIT + 1)


def _get(session: requests.Session, url: str, headers: dict[str, str]) -> requests.Response:
    plain = {"User-Agent": "kindgate", "Accept-Encoding": "identity"}
    address = urlsplit(url)
    with logged_call(_LOG, f"GET {address.hostname}{address.path}") as call:  # the query of a blob store's URL is its key
        response = session.get(url, headers=plain | headers, allow_redirects=False, stream=True, timeout=_READ_TIMEOUT)
        call.outcome = response.status_code
    return response


def _redirect_target(url: str, location: str) -> str:
    """The redirect's target; it must have the same scheme, so https stays https."""
    target = urljoin(url, location)
    if urlsplit(target).scheme != urlsplit(url).scheme:
        raise PublishRefused("the artifact's download was redirected to another scheme")
    return target


def _content(response: requests.Response, limit: int, deadline: Deadline) -> bytes:
    """The body as sent; a compressed one is not expanded."""
    if response.status_code != 200:
        text = f"cannot download the artifact: HTTP {response.status_code}"
        if response.status_code >= 500 or response.status_code == 429:
            raise GitHubUnavailable(text)
        raise GitHubRefused(text, status=response.status_code)
    read = bytearray()
    while chunk := response.raw.read(_CHUNK, decode_content=False):
        read += chunk
        if len(read) > limit:
            raise PublishRefused(f"the artifact is larger than {limit} bytes")
        if deadline.expired:
            raise GitHubUnavailable("cannot download the artifact: the download is too slow")
    return bytes(read)


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from reading credentials from ~/.netrc."""
    return request
