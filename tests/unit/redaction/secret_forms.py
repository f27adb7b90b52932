"""Forty texts with a secret and the parts that must not remain of each, and forty of the same form without one."""

from __future__ import annotations

import base64
import html
import json
import shlex
import textwrap
import uuid
from dataclasses import dataclass
from hashlib import md5, sha1, sha256, sha512
from urllib.parse import quote, quote_plus

from kindgate.histogram import Histogram

KNOWN = 'c4n4ry "Q7x" &<élan>/+\'s'
"""A value that every encoding changes."""

_B64 = base64.b64encode(KNOWN.encode()).decode()
_WRAPPED = "tr0ub4dor-3xplained-at-length-in-a-token-that-no-terminal-shows-on-a-single-line-0123456789"

WRAPPED = _WRAPPED
"""A known value longer than a line."""


@dataclass(frozen=True)
class Form:
    """A text, and its secret parts."""

    name: str
    text: str
    parts: tuple[str, ...]


def _token(prefix: str, length: int) -> str:
    """Build a token of this form at run time, so secret scanners do not flag this file."""
    return prefix + (sha512(prefix.encode()).hexdigest() * 3)[:length]


_GITHUB, _GITLAB, _NPM = _token("ghp" + "_", 36), _token("glpat" + "-", 20), _token("npm" + "_", 36)
_STRIPE, _GOOGLE, _SLACK = _token("sk_" + "live_", 24), _token("AI" + "za", 35), "xox" + "b-1234567890-1234567890-" + _token("", 24)
_ANTHROPIC, _AWS, _AWS_SECRET = _token("sk-" + "ant-api03-", 80), "AK" + "IA" + "QWERTYUIOP234567", _token("", 40)
_HOOK = "https://hooks.slack.com/services/T00000001/B00000001/" + _token("", 24)
_PEM = f"-----BEGIN RSA PRIVATE KEY-----\nMIIEow{_B64}\nAAAA\n-----END RSA PRIVATE KEY-----"
_PGP = f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF{_B64}\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----"
_NESTED = json.dumps({"log": json.dumps({"body": json.dumps({"password": 'correct "horse" battery'})})})

KNOWN_FORMS = (
    Form("plain", f"connecting with {KNOWN}, please wait", ("c4n4ry",)),
    Form("base64", f"value {_B64}", (_B64[:-2],)),
    Form(
        "base64 after a user",
        base64.b64encode(f"user:{KNOWN}".encode()).decode(),
        (base64.b64encode(f"user:{KNOWN}".encode()).decode()[8:-4],),
    ),
    Form(
        "base64 after two bytes",
        base64.b64encode(f"a:{KNOWN}:z".encode()).decode(),
        (base64.b64encode(f"a:{KNOWN}:z".encode()).decode()[4:-4],),
    ),
    Form(
        "base64 for addresses",
        base64.urlsafe_b64encode(f"x{KNOWN}".encode()).decode(),
        (base64.urlsafe_b64encode(f"x{KNOWN}".encode()).decode()[2:-4],),
    ),
    Form("hexadecimal", KNOWN.encode().hex(), (KNOWN.encode().hex(),)),
    Form("hexadecimal in capitals", KNOWN.encode().hex(":").upper(), (KNOWN.encode().hex(":").upper(),)),
    Form("HTML", html.escape(KNOWN), ("c4n4ry", "lan")),
    Form(
        "HTML as Go escapes it",
        html.escape(KNOWN).replace("&quot;", "&#34;").replace("&#x27;", "&#39;").replace("+", "&#43;"),
        ("c4n4ry", "lan"),
    ),
    Form("form", f"pw={quote_plus(KNOWN)}&x=1", ("c4n4ry", "lan")),
    Form("address", f"/login?p={quote(KNOWN, safe='')}", ("c4n4ry", "lan")),
    Form("address in an address", f"/to?next={quote('/login?p=' + quote(KNOWN, safe=''), safe='')}", ("c4n4ry", "lan")),
    Form("JSON", json.dumps({"message": KNOWN}), ("c4n4ry", "lan")),
    Form("JSON inside JSON", json.dumps({"log": json.dumps({"message": KNOWN}, ensure_ascii=False)}), ("c4n4ry", "lan")),
    Form("wrapped", textwrap.fill(_WRAPPED, 30, break_on_hyphens=False), tuple(textwrap.wrap(_WRAPPED, 30, break_on_hyphens=False))),
    Form(
        "wrapped base64",
        "\n".join(textwrap.wrap(base64.b64encode(_WRAPPED.encode()).decode(), 64)),
        (base64.b64encode(_WRAPPED.encode()).decode()[:60],),
    ),
    Form("shell", f"echo {shlex.quote(KNOWN)}", ("c4n4ry", "lan")),
    Form("bytes", repr(KNOWN.encode()), ("c4n4ry", "lan")),
)
"""Texts with `KNOWN` and `WRAPPED`."""

UNKNOWN_FORMS = (
    Form("JSON in JSON in JSON", _NESTED, ("horse", "battery")),
    Form("quoted with spaces", 'DB_PASSWORD="correct horse battery"', ("correct", "battery")),
    Form("option", "mysqldump --password hunter22 --user app", ("hunter22",)),
    Form("option in a list", json.dumps(["psql", "--db-password", "hunter 22"]), ("hunter",)),
    Form("cookie", "Cookie: sid=a1b2c3d4; theme=dark", ("a1b2c3d4",)),
    Form("set cookie", json.dumps({"Set-Cookie": "sid=a1b2c3d4; Path=/; HttpOnly"}), ("a1b2c3d4",)),
    Form("token in an address", f"git clone https://{_token('', 20)}@git.example.com/x.git", (_token("", 20),)),
    Form("password in an address", "postgres://app:hunter22@db:5432/app", ("hunter22",)),
    Form("MYSQL_PWD", "env MYSQL_PWD=hunter22 mysql", ("hunter22",)),
    Form("PEM key", _PEM, ("MIIE", "AAAA")),
    Form("PGP key", json.dumps(_PGP), ("lQOYBF",)),
    Form(
        "AWS signature",
        f"https://b.s3.amazonaws.com/k?X-Amz-Date=1&X-Amz-Signature={sha256(b's').hexdigest()}",
        (sha256(b"s").hexdigest(),),
    ),
    Form("Azure signature", "https://x.blob.core.windows.net/c?sv=1&sig=abcDEF123%2Bx%3D&se=2", ("abcDEF123",)),
    Form("GitLab", f"using {_GITLAB}", (_GITLAB,)),
    Form("npm", f"//registry.example.com/:_authToken={_NPM}", (_NPM,)),
    Form("Stripe", f"key {_STRIPE}", (_STRIPE,)),
    Form("Google", f"maps?key={_GOOGLE}", (_GOOGLE,)),
    Form("Slack", f"post {_SLACK} to {_HOOK}", (_SLACK, _HOOK[-24:])),
    Form("Anthropic", f"x-api: {_ANTHROPIC}", (_ANTHROPIC,)),
    Form("AWS", f"{_AWS} aws_secret_key = {_AWS_SECRET}", (_AWS, _AWS_SECRET)),
    Form("GitHub", f"remote: {_GITHUB}", (_GITHUB,)),
    Form("bearer", "authorization: Bearer abcdef.123456", ("abcdef.123456",)),
)
"""Secrets that were not declared."""

_LATENCIES = Histogram.of([1000 + step * step % 7919 for step in range(4000)])
_COMMIT, _ID = sha1(b"commit").hexdigest(), str(uuid.UUID(int=2**127 - 12345))

HARMLESS = (
    sha256(b"1").hexdigest(),
    f"sha256:{sha256(b'2').hexdigest()}",
    f"registry.k8s.io/pause@sha256:{sha256(b'3').hexdigest()}",
    f"echo:v1.2.3@sha256:{sha256(b'4').hexdigest()}",
    "401: Basic authentication is required, and no bearer token was sent",
    md5(b"6").hexdigest(),
    f"sha512-{base64.b64encode(sha512(b'7').digest()).decode()}",
    f"h1:{base64.b64encode(sha256(b'8').digest()).decode()}",
    f"--hash=sha256:{sha256(b'9').hexdigest()}",
    _COMMIT,
    f"commit {_COMMIT}",
    f"HEAD is now at {_COMMIT[:7]} Add a key to the token bucket",
    f"https://github.com/acme/shop/commit/{_COMMIT}",
    f"git diff {_COMMIT}..{sha1(b'x').hexdigest()}",
    _ID,
    f"request-id: {_ID}",
    f'{{"uid": "{_ID}", "resourceVersion": "123456"}}',
    f"pod/shop-7d9f8b6c5d-x2x4z on node kind-worker ({_ID})",
    _LATENCIES.to_text(),
    json.dumps({"response": _LATENCIES.to_text(), "counts": [1, 2, 3]}),
    Histogram.of(range(0, 90_000, 7)).to_text(),
    json.dumps({"edges": [0.1, 0.2, 0.4], "counts": [12, 3400, 5]}),
    "automountServiceAccountToken: false",
    "secretName: db-credentials-v1",
    "secretKeyRef: {name: db, key: token}",
    'Error: secret "db" not found',
    "http://foo.localhost:8080/path@x",
    "PASS: p(95) of http_req_duration = 12 ms",
    "--- PASS: TestServing (0.00s)",
    "PWD=/home/runner/work/shop OLDPWD=/home/runner",
    "git@github.com:acme/shop.git and ssh://git@github.com/acme/shop.git",
    "max_tokens: 4096, prompt_tokens=12345",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIE\n-----END CERTIFICATE-----",
    "password: ${DB_PASSWORD} and token: ***",
    "the password is wrong; no token was given",
    '{"password": null, "token": "", "secret": true}',
    "curl -H 'Host: foo.localhost' http://127.0.0.1:8080/?signed=no&sig",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJh3l5kQ4m8a0 user@host",
    f'etag: W/"{md5(b"etag").hexdigest()}"',
    "2026-01-01T00:00:00Z Warning Failed Pod echo/foo Back-off pulling image",
)
"""Digests, commits, ids, histograms and prose about secrets."""
