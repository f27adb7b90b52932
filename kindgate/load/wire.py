"""Encode a route for the wire: URL, host name and headers, from any Unicode to HTTP's characters.

Host names are encoded with IDNA, other non-ASCII characters of a URL are percent-encoded as UTF-8, and header values are
sent as UTF-8. Anything that HTTP cannot represent is rejected here, before anything is sent.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

import idna

from kindgate.credentials import masked_url
from kindgate.errors import LoadError
from kindgate.load.template import Encoding, Placeholder, Template

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NOT_IN_VALUES: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_IN_URLS: Final = frozenset({Encoding.URL, Encoding.FORM})
_NOT_IN_HOSTS: Final = re.compile(r"[\x00-\x20\x7f/?#@\\]")


def usable_url(url: str) -> SplitResult:
    """The parts of an http or https URL. Raises `LoadError`, without showing credentials."""
    shown = masked_url(url)
    refuse_undecodable(shown, "the URL")
    if _CONTROL.search(url):
        raise LoadError(f"{shown!r} is not a URL: it contains a control character")
    hint = "percent-encode / ? # @ : in a user name or a password" if shown != url else ""
    try:
        parts = urlsplit(url.strip(" "))
        _ = parts.port
    except ValueError as error:
        raise LoadError(f"{shown!r} is not a URL" + ("" if hint else f": {error}"), next_step=hint) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise LoadError(f"{shown!r} is not an http or https URL with a host", next_step=hint)
    idna_name(parts.hostname)
    return parts


@functools.cache
def wire_url(url: str) -> str:
    """The URL in ASCII, without credentials and fragment."""
    parts = usable_url(url)
    port = f":{parts.port}" if parts.port is not None else ""
    return urlunsplit(
        (parts.scheme, f"{bracketed(idna_name(parts.hostname or ''))}{port}", _encoded(parts.path), _encoded(parts.query), "")
    )


def wire_host(host: str) -> str:
    """A Host header's value, `name` or `name:port`, in ASCII. Raises `LoadError` if it is invalid."""
    refuse_undecodable(host, "the host")
    if _NOT_IN_HOSTS.search(host):
        raise LoadError(f"{host!r} is not a host name: it contains a space, a line break or a character that ends a name in a URL")
    if host.isascii():
        return host
    name, colon, port = host.rpartition(":")
    return f"{idna_name(name)}:{port}" if colon and port.isdigit() else idna_name(host)


def idna_name(name: str) -> str:
    """A host name in IDNA form (UTS 46); ASCII names are unchanged. Raises `LoadError` for an invalid name."""
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError as error:
        raise LoadError(f"{name!r} is not a host name: {error}") from error


def wire_header(name: str, value: str) -> bytes:
    """A header line for libcurl. Raises `LoadError` for characters that HTTP does not allow."""
    if not _TOKEN.fullmatch(name):
        raise LoadError(f"{name!r} is not a header name: it contains a character that HTTP does not allow there")
    refuse_undecodable(value, f"header {name!r}")
    problem = unsendable(value)
    if problem:
        raise LoadError(f"header {name!r} contains {problem}")
    return (f"{name}: {value}" if value else f"{name};").encode()


def unsendable(value: str) -> str:
    """The kind of character in a header's value that HTTP does not allow there; empty if there is none."""
    if not _NOT_IN_VALUES.search(value):
        return ""
    return "a line break" if any(char in value for char in "\r\n\0") else "a control character"


def wire_path(path: Template) -> Template:
    """A path and query with its literal text in ASCII. Raises `LoadError` for a text that is not the path of a URL."""
    text = "".join(path.literals)
    refuse_undecodable(text, "the path")
    start = path.parts[0] if path.parts else ""
    if not (isinstance(start, str) and start.startswith("/")):
        raise LoadError(f"the path {text!r} does not start with a slash")
    if _CONTROL.search(text):
        raise LoadError(f"the path {text!r} contains a control character")
    raw = next((part.name for part in path.parts if isinstance(part, Placeholder) and part.encoding not in _IN_URLS), "")
    if raw:
        raise LoadError(f"the value {raw!r} must be encoded for a URL in the path {text!r}")
    if "#" in text:
        raise LoadError(f"the path {text!r} contains a fragment, which is never sent", next_step="write %23 for the character #")
    return path.mapped_literals(_encoded)


def refuse_undecodable(text: str, subject: str) -> None:
    """Raise `LoadError` for command-line bytes that are not in the terminal's encoding."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise LoadError(f"{subject} {text!r} is not text in this terminal's encoding", next_step="use UTF-8")


def refuse_method(method: str) -> None:
    """Raise `LoadError` for an invalid HTTP method."""
    if not _TOKEN.fullmatch(method):
        raise LoadError(f"{method!r} is not an HTTP method")


def bracketed(host: str) -> str:
    """A host in URL form: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def refuse_unknown_hosts(urls: Iterable[str]) -> None:
    """Raise `LoadError` for a URL whose host name does not resolve, before anything is sent.

    Names under `localhost` are left to libcurl, which maps them to the loopback address even if the system does not.
    """
    for host in sorted({urlsplit(wire_url(url)).hostname or "" for url in urls}):
        if _is_address(host) or host == "localhost" or host.endswith(".localhost"):
            continue
        try:
            socket.getaddrinfo(host, None)
        except OSError as error:
            raise LoadError(
                f"cannot resolve the host {host!r}: {error}",
                next_step="connect to an address (--url http://127.0.0.1:8080/) and set the host with --header 'Host: ...'",
            ) from error


def _encoded(text: str) -> str:
    """Percent-encode all but printable ASCII, as UTF-8; existing escapes are unchanged."""
    return "".join(char if "!" <= char <= "~" else quote(char) for char in text)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
