"""Secrets by format: tokens that bc-detect-secrets knows, those that it does not, and values by their names.

Values by their names are those in `DB_PASSWORD=x`, `"api_key": "x y"` and `--token x`, also with escaped quotes.
bc-detect-secrets' entropy and keyword detectors are not used: digests, commits and histograms are as random as secrets,
and a keyword's value extends to the end of the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from kindgate.redaction.known_values import SHORTEST
from kindgate.redaction.secret_names import ASCII_LOWERCASE, MASK, SECRET_NAME

_LONGEST = 2000
"""Maximum length of a value in characters, which bounds backtracking."""

_NAME = re.compile(SECRET_NAME)

_VERDICT = re.compile(r"(?<![\w-])PASS: ")
"""`PASS: p(95) of ...` and `PASS: TestName` are outcomes, not passwords."""

_NO_VALUE = rf"(?!(?:true|false|null|none|nil|undefined)\b|{re.escape(MASK)}|\$[{{(]|\*{{3}})"

_QUOTED = (
    rf"""(?:"(?P<double>{_NO_VALUE}(?:[^"\\\n]|\\.){{{SHORTEST},{_LONGEST}}})"|'(?P<single>{_NO_VALUE}(?:[^'\\\n]|\\.){{{SHORTEST},{_LONGEST}}})'"""
    rf"""|(?P<open>\\{{1,15}}["'])(?P<inner>{_NO_VALUE}[^\n]{{{SHORTEST},{_LONGEST}}}?)(?<!\\)(?P=open))"""
)

_BARE = rf"""(?P<bare>{_NO_VALUE}[^\s"'`,;&}}\])<>\\]{{{SHORTEST},{_LONGEST}}})"""

_END_QUOTE = r"""\\{0,15}["']"""

_ASSIGNED = re.compile(
    rf"""(?:{_END_QUOTE})?\]?[ \t]{{0,20}}(?::=|=>|={{1,3}}|:)[ \t]{{0,20}}[@bf]?(?:{_QUOTED}|(?:{_END_QUOTE})?{_BARE})""", re.IGNORECASE
)

_VARIABLE = re.compile(rf"""{_END_QUOTE},\s{{0,40}}{_END_QUOTE}value{_END_QUOTE}:[ \t]{{0,20}}{_QUOTED}""", re.IGNORECASE)

_OPTION_START = re.compile(r"(?:^|[^\w-])--?[\w-]{0,40}\Z")
_OPTION_REACH = 50
_OPTION_VALUE = re.compile(rf"[ \t]{{1,20}}(?:{_QUOTED}|(?!-){_BARE})", re.IGNORECASE)
_LISTED_VALUE = re.compile(rf"{_END_QUOTE},\s{{0,40}}{_QUOTED}", re.IGNORECASE)
_GROUPS = ("double", "single", "inner", "bare")

_MIN_GROUP_LENGTH = 16
"""If a detector has a group of at least this many characters, the group is the secret and the rest is context."""

_PEM = re.compile(
    r"---- ?-?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-?----.*?(?:---- ?-?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-?----|\Z)",
    re.DOTALL,
)
_PUTTY = re.compile(r"(?P<keep>Private-Lines: \d+\r?\n)(?P<secret>(?:[A-Za-z0-9+/=]+(?:\r?\n|\Z))+)")
_BASE64_PEM = re.compile(r"LS0tLS1CRUdJTi(?:BSU0Eg|BQUklW|BFQyBQ|BPUEVOU1NI|BFTkNSWVBU|BEU0Eg|BQR1AgUF)[A-Za-z0-9+/=_-]*")

_TOKENS = re.compile(
    r"""(?<![A-Za-z0-9])(?:
    eyJ[\w-]{8,2000}\.[\w-]{4,4000}\.[\w-]{4,}                       # a JSON Web Token
    |gh[oprsu]_\w{20,255}|github_pat_\w{20,255}
    |gl(?:pat|ptt|dt|rt|rtr|cbt|ft|soat|imt|agent|oas|ffct|wt)-[\w.=-]{16,300}|GR1348941[\w-]{20}  # GitLab
    |npm_[A-Za-z0-9]{30,60}
    |pypi-AgE[\w-]{40,500}
    |(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,250}|whsec_[A-Za-z0-9+/=]{16,250}                   # Stripe
    |AIza[\w-]{35}|ya29\.[\w.-]{20,1000}|GOCSPX-[\w-]{20,60}|1//0[\w-]{30,200}                      # Google
    |xox[abceoprs]-[\w-]{10,300}|xapp-\d-[\w-]{10,300}                                             # Slack
    |sk-ant-[\w-]{16,300}|sk-(?:proj|svcacct|admin)-[\w-]{16,300}|sk-[A-Za-z0-9]{40,60}              # Anthropic, OpenAI
    |(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}                                                # AWS
    |hf_[A-Za-z0-9]{30,60}|dckr_(?:pat|oat)_[\w-]{20,100}|do[opr]_v1_[0-9a-f]{64}|hv[sbr]\.[\w-]{24,500}
    |shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|SG\.[\w-]{16,32}\.[\w-]{16,64}|lin_api_\w{32,60}|dapi[0-9a-f]{32}
    )""",
    re.VERBOSE,
)

_WEB_HOOK = re.compile(
    r"(?P<keep>https://(?:hooks\.slack\.com/(?:services|workflows)|discord(?:app)?\.com/api/webhooks)/)(?P<secret>[\w/-]{10,200})"
)
_CURL_USER = re.compile(r"""(?P<keep>(?<![\w-])(?:-u|--user|--proxy-user)[ =]["']?[^\s:"']{1,200}:)(?P<secret>[^\s"'\\]{1,500})""")

_AUTHORIZATION = re.compile(
    r"""(?P<keep>\bauthorization\\{0,15}["']?[ \t]{0,9}[:=][ \t]{0,9}\\{0,15}["']?(?:[A-Za-z][\w-]{0,30}[ \t]{1,9})?+)"""
    r"""(?!\[redacted)(?P<secret>[^\s"'\\]{5,2000})""",
    re.IGNORECASE,
)

# `Basic authentication` is prose
_SCHEME = re.compile(r"(?P<keep>\b(?i:Bearer|Basic)[ \t]{1,20})(?![A-Z]?[a-z-]+(?:[\s.,:;!?'\")]|$))(?P<secret>[\w.~+/=-]{6,})")

_COOKIE = re.compile(
    r"""(?P<keep>\b(?:set-)?cookies?\\{0,15}["']?[ \t]{0,9}[:=][ \t]{0,9}\[?\\{0,15}["']?)(?P<secret>[\w.%-]{1,200}=[^\n"'\\]{1,4000})""",
    re.IGNORECASE,
)

_COOKIE_OPTION = re.compile(r"""(?P<keep>(?<![\w-])(?:-b|--cookie)[ =]["']?)(?P<secret>[\w.%-]{1,100}=[^\n"']{1,4000})""")

_SESSION = re.compile(
    r"(?P<keep>\b(?:jsessionid|phpsessid|asp\.net_sessionid|sessionid|connect\.sid)=)(?!\[redacted)(?P<secret>[^\s;\"'&,]{5,500})",
    re.IGNORECASE,
)
_USER_AND_PASSWORD = re.compile(r"(?P<keep>\w://[^\s/:@]*:)(?P<secret>[^\s/\"'<>]+)(?=@)")
_USER_ALONE = re.compile(r"(?P<keep>\bhttps?://)(?!\*\*\*@)(?P<secret>[^\s/:@\"'<>?#\\]{1,500})(?=@)", re.IGNORECASE)

_SIGNATURE = re.compile(
    r"(?P<keep>(?:\bX-(?:Amz|Goog)-(?:Signature|Credential|Security-Token)|(?:[?&;]|u0026|%26)(?:Signature|sig|AWSAccessKeyId|GoogleAccessId|token))"
    r"(?:=|%3D))(?!\[redacted)(?P<secret>[^\s&\"'<>\\]{5,2000})",
    re.IGNORECASE,
)
_NODE_AUTH = re.compile(r"(?P<keep>\b_auth(?:token)?[ \t]{0,9}=[ \t]{0,9})(?!\[redacted)(?P<secret>[^\s\"']{5,500})", re.IGNORECASE)

_FORMATS = (
    (("private key",), _PEM),
    (("private-lines:",), _PUTTY),
    (("ls0tls1crudjti",), _BASE64_PEM),
    (("",), _TOKENS),
    (("hooks.slack.com/", "/api/webhooks/"), _WEB_HOOK),
    (("cookie",), _COOKIE),
    (("-b", "--cookie"), _COOKIE_OPTION),
    (("sessi", "sessid", "connect.sid"), _SESSION),
    (("authorization",), _AUTHORIZATION),
    (("bearer", "basic"), _SCHEME),
    (("://",), _USER_AND_PASSWORD),
    (("http",), _USER_ALONE),
    (("sig", "x-amz-", "x-goog-", "accesskeyid", "accessid", "token"), _SIGNATURE),
    (("-u", "-user"), _CURL_USER),
    (("_auth",), _NODE_AUTH),
)
"""Each pattern with lowercase hints, one of which must occur: searching for them first is ten times as fast."""


def without_patterns(text: str) -> str:
    """Return the text with everything masked that has the format of a secret."""
    lowered = text.translate(ASCII_LOWERCASE)
    for hints, pattern in _FORMATS:
        if any(hint in lowered for hint in hints):
            text = pattern.sub(_with_kept_prefix, text)
    for pattern in _detectors():
        text = pattern.sub(_without_detected, text)
    return without_named_values(text)


def without_named_values(text: str) -> str:
    """Return the text with every value masked that follows a secret's name."""
    pieces: list[str] = []
    read = 0
    for start, end in _spans(text):
        if start >= read:
            pieces += (text[read:start], MASK)
            read = end
    return "".join((*pieces, text[read:])) if pieces else text


def _spans(text: str) -> Iterator[tuple[int, int]]:
    for name in _NAME.finditer(text.translate(ASCII_LOWERCASE)):
        match = _value_after(text, name.start(), name.end())
        if match is not None:
            yield match.span(next(group for group in _GROUPS if match.groupdict().get(group) is not None))


def _value_after(text: str, start: int, end: int) -> re.Match[str] | None:
    """Return the value of the name at `start` to `end`; None if no value follows."""
    if _VERDICT.match(text, start):
        return None
    match = _ASSIGNED.match(text, end) or _VARIABLE.match(text, end)
    if match is None and _OPTION_START.search(text, max(0, start - _OPTION_REACH), start):
        match = _OPTION_VALUE.match(text, end) or _LISTED_VALUE.match(text, end)
    return match


@cache
def _detectors() -> tuple[re.Pattern[str], ...]:
    """Patterns of bc-detect-secrets for tokens whose publisher defined a format.

    Imported on first use: it takes a tenth of a second, most of it for requests.
    """
    from detect_secrets.plugins.aws import AWSKeyDetector  # noqa: PLC0415
    from detect_secrets.plugins.discord import DiscordBotTokenDetector  # noqa: PLC0415
    from detect_secrets.plugins.github_token import GitHubTokenDetector  # noqa: PLC0415
    from detect_secrets.plugins.npm import NpmDetector  # noqa: PLC0415
    from detect_secrets.plugins.sendgrid import SendGridDetector  # noqa: PLC0415
    from detect_secrets.plugins.slack import SlackDetector  # noqa: PLC0415
    from detect_secrets.plugins.square_oauth import SquareOAuthDetector  # noqa: PLC0415
    from detect_secrets.plugins.stripe import StripeDetector  # noqa: PLC0415
    from detect_secrets.plugins.twilio import TwilioKeyDetector  # noqa: PLC0415

    detectors = (
        AWSKeyDetector,
        DiscordBotTokenDetector,
        GitHubTokenDetector,
        NpmDetector,
        SendGridDetector,
        SlackDetector,
        SquareOAuthDetector,
        StripeDetector,
        TwilioKeyDetector,
    )
    return tuple(pattern for detector in detectors for pattern in detector.denylist)


def _without_detected(match: re.Match[str]) -> str:
    """Mask the group that holds the secret and keep its context, or mask the whole token."""
    sizes = {number: len(group) for number, group in enumerate(match.groups(""), 1)}
    longest = max(sizes, key=lambda number: sizes[number], default=0)
    return _masked(match, longest if sizes.get(longest, 0) >= _MIN_GROUP_LENGTH else 0)


def _with_kept_prefix(match: re.Match[str]) -> str:
    return (match.groupdict().get("keep") or "") + MASK


def _masked(match: re.Match[str], group: int) -> str:
    """Return the match with one group masked."""
    start, end = (position - match.start() for position in match.span(group))
    return f"{match[0][:start]}{MASK}{match[0][end:]}"
