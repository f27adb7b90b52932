"""User names and passwords in URLs: mask them in output, extract them for requests."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

MASK: Final = "***"

_URL_CREDENTIALS: Final = re.compile(r"""(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#"'<>\\]*@""")


def without_credentials(text: str) -> str:
    """Mask user name and password of every URL in `text`."""
    return _URL_CREDENTIALS.sub(lambda match: f"{match['scheme']}{MASK}@", text)


def masked_url(url: str) -> str:
    """Mask a URL, even a malformed one, up to its last `@`: a password can contain characters that end the host."""
    scheme, mark, rest = url.partition("://")
    if not mark or "@" not in rest:
        return url
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return f"{scheme}://{MASK}@{rest.rpartition('@')[2]}"
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=f"{MASK}@{parts.netloc.rpartition('@')[2]}"))


def credentials_of(url: str) -> tuple[str, str] | None:
    """User name and password of a URL, percent-decoded; None if it has neither."""
    userinfo, mark, _ = urlsplit(url).netloc.rpartition("@")
    if not mark:
        return None
    user, _, password = userinfo.partition(":")
    return unquote(user), unquote(password)
