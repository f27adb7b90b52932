"""A stand-in for GitHub: a real loopback HTTP server with pagination, permissions, faults and a blob store.

The fields and status codes follow GitHub's published REST description; each file in `replies/` names its page there.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

from kindgate.github.client import Api

FOLDER = Path(__file__).parent
HEAD = "0123456789abcdef0123456789abcdef01234567"
BASE = "89abcdef0123456789abcdef0123456789abcdef"
TOKEN = "ghs_canary0000000000000000000000000000"
REPOSITORY = "acme/shop"
BOT = "github-actions[bot]"


def document(folder: str, name: str) -> dict[str, Any]:
    """Return a fixture file without the name of the page that it follows."""
    content: dict[str, Any] = json.loads((FOLDER / folder / f"{name}.json").read_text())
    assert content.pop("_page").startswith("https://docs.github.com/en/")
    return content


@dataclass
class Fault:
    """What happens to one request instead of the usual reply, or after it with `effect`.

    `reply` names an `error_*.json`. `silent` closes the connection without a reply, `delay` waits before the reply,
    and `drip` sends a reply that never ends, one byte at a time.
    """

    reply: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    effect: bool = False
    silent: bool = False
    drip: bool = False
    delay: float = 0.0
    page: str = ""


@dataclass
class Answer:
    """One reply as sent."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None


@dataclass
class StandIn:
    """GitHub's state and the requests received."""

    port: int = 0
    pull: dict[str, Any] = field(default_factory=lambda: document("replies", "pull_request"))
    others: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    run: dict[str, Any] = field(default_factory=lambda: document("replies", "workflow_run"))
    other_runs: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    contents: dict[tuple[str, str], str] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)
    merge_base: str = BASE
    main: str = BASE
    tree_is_cut: bool = False
    statuses: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    timeline: list[dict[str, Any]] = field(default_factory=list)
    people: dict[str, tuple[int, str]] = field(
        default_factory=lambda: {"maintainer": (1, "write"), "owner": (2, "admin"), "triager": (3, "read"), "mona": (7, "none")}
    )
    blob_encoding: str = ""
    blob_address: str = ""
    page_limit: int = 100
    author: str = BOT
    requests: list[str] = field(default_factory=list)
    blob_headers: list[dict[str, str]] = field(default_factory=list)
    faults: list[tuple[re.Pattern[str], Fault]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """The API's URL, with a path as on GitHub Enterprise Server."""
        return f"http://127.0.0.1:{self.port}/api/v3"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that GitHub Actions sets, without those of the event."""
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "mona",
            "GITHUB_API_URL": self.url,
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(FOLDER / "events" / "pull_request_same_repository.json"),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "9001",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": "fedcba9876543210fedcba9876543210fedcba98",
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_WORKFLOW": "ci",
        }

    def api(self, *, timeout: float = 5.0) -> Api:
        """A client of this server."""
        return Api(self.url, TOKEN, REPOSITORY, timeout=timeout)

    def fail(self, request: str, *faults: Fault) -> None:
        """Apply these faults to the next requests that match `METHOD path`, one each."""
        self.faults += [(re.compile(request), fault) for fault in faults]

    def add_comment(self, body: str, author: str = "mona", pull: int = 17) -> int:
        """Add a comment by `author` and return its id."""
        comment = document("replies", "issue_comment")
        number = 1 + max((made["id"] for made in self.comments), default=0)
        comment |= {
            "id": number,
            "body": body,
            "url": f"{self.url}/repos/{REPOSITORY}/issues/comments/{number}",
            "issue_url": f"{self.url}/repos/{REPOSITORY}/issues/{pull}",
            "html_url": f"https://github.com/{REPOSITORY}/pull/{pull}#issuecomment-{number}",
            "user": comment["user"] | {"login": author},
        }
        self.comments.append(comment)
        for described in self._pulls():
            described["comments"] = len(self._comments_on(described["number"]))
        return number

    def upload(self, name: str, content: bytes, *, size: int | None = None, expired: bool = False, run: int = 0) -> None:
        """Upload an artifact of this run or of another one; `size` is the size in the listing."""
        artifact = document("replies", "artifact")
        number = len(self.artifacts) + 1
        artifact |= {
            "id": number,
            "name": name,
            "size_in_bytes": len(content) if size is None else size,
            "expired": expired,
            "workflow_run": artifact["workflow_run"] | {"id": run or self.run["id"]},
            "url": f"{self.url}/repos/{REPOSITORY}/actions/artifacts/{number}",
            "archive_download_url": f"{self.url}/repos/{REPOSITORY}/actions/artifacts/{number}/zip",
        }
        self.artifacts.append(artifact)
        self.blobs[str(number)] = content

    def written(self, author: str = BOT) -> list[str]:
        """Return the bodies of an author's comments."""
        return [comment["body"] for comment in self.comments if comment["user"]["login"] == author]

    def status(self, sha: str = HEAD, context: str = "kindgate/verdict") -> dict[str, Any]:
        """Return the latest status of a commit in its context, or an empty mapping if it has none."""
        found = [status for commit, status in self.statuses if commit == sha and status["context"] == context]
        return found[-1] if found else {}

    def count(self, method: str) -> int:
        """Return the number of requests with this method."""
        return sum(request.startswith(method + " ") for request in self.requests)

    def answer(self, method: str, target: str, body: dict[str, Any], authorization: str) -> Answer:
        """Return GitHub's reply to one request."""
        parts = urlsplit(target)
        path = parts.path.removeprefix("/api/v3")
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        if authorization not in {f"token {TOKEN}", f"Bearer {TOKEN}"}:
            return error("bad_credentials")
        with self.lock:
            for verb, pattern, handler in self._routes():
                found = re.fullmatch(pattern, path)
                if found and verb == method:
                    return handler(query, body, *found.groups())  # type: ignore[no-any-return]  # routes differ in their arguments
        return error("not_found")

    def _routes(self) -> list[tuple[str, str, Any]]:
        repo = f"/repos/{REPOSITORY}"
        return [
            ("GET", f"{repo}/pulls", self._list_pulls),
            ("GET", rf"{repo}/pulls/(\d+)", self._get_pull),
            ("GET", rf"{repo}/pulls/(\d+)/files", self._list_files),
            ("GET", rf"{repo}/issues/(\d+)/comments", self._list_comments),
            ("POST", rf"{repo}/issues/(\d+)/comments", self._create_comment),
            ("PATCH", rf"{repo}/issues/comments/(\d+)", self._edit_comment),
            ("DELETE", rf"{repo}/issues/comments/(\d+)", self._delete_comment),
            ("GET", rf"{repo}/actions/runs/(\d+)", self._get_run),
            ("GET", rf"{repo}/actions/runs/(\d+)/jobs", self._list_jobs),
            ("GET", rf"{repo}/actions/runs/(\d+)/artifacts", self._list_artifacts),
            ("GET", rf"{repo}/actions/workflows/([^/]+)/runs", self._list_runs),
            ("GET", rf"{repo}/issues/(\d+)/timeline", self._list_timeline),
            ("GET", rf"{repo}/collaborators/([^/]+)/permission", self._get_permission),
            ("POST", rf"{repo}/statuses/([0-9a-f]+)", self._create_status),
            ("GET", rf"{repo}/branches/([^/]+)", self._get_branch),
            ("GET", rf"{repo}/git/trees/([0-9a-f]+)", self._get_tree),
            ("GET", repo, self._get_repository),
            ("GET", rf"{repo}/actions/artifacts/(\d+)/zip", self._download),
            ("GET", rf"{repo}/contents/(.*)", self._get_content),
            ("GET", rf"{repo}/compare/([0-9a-f]+)\.\.\.([0-9a-f]+)", self._compare),
        ]

    def _pulls(self) -> list[dict[str, Any]]:
        return [self.pull, *self.others]

    def _comments_on(self, number: int) -> list[dict[str, Any]]:
        return [comment for comment in self.comments if comment["issue_url"].endswith(f"/issues/{number}")]

    def _list_pulls(self, query: dict[str, str], _body: dict[str, Any]) -> Answer:
        found = [
            self._addressed(pull)
            for pull in self._pulls()
            if query.get("state", "open") in {pull["state"], "all"} and query.get("head") in {None, pull["head"]["label"]}
        ]
        return self._page(query, found, f"/repos/{REPOSITORY}/pulls")

    def _get_pull(self, _query: dict[str, str], _body: dict[str, Any], number: str) -> Answer:
        found = next((pull for pull in self._pulls() if pull["number"] == int(number)), None)
        if found is None:
            return error("not_found")
        return Answer(200, self._addressed(found))

    def _addressed(self, pull: dict[str, Any]) -> dict[str, Any]:
        """Return a pull request whose URLs point to this server."""
        repository = f"{self.url}/repos/{REPOSITORY}"
        issue = f"{repository}/issues/{pull['number']}"
        return pull | {"url": f"{repository}/pulls/{pull['number']}", "issue_url": issue, "comments_url": f"{issue}/comments"}

    def _list_files(self, query: dict[str, str], _body: dict[str, Any], number: str) -> Answer:
        return self._page(query, self.files, f"/repos/{REPOSITORY}/pulls/{number}/files")

    def _list_comments(self, query: dict[str, str], _body: dict[str, Any], number: str) -> Answer:
        return self._page(query, self._comments_on(int(number)), f"/repos/{REPOSITORY}/issues/{number}/comments")

    def _create_comment(self, _query: dict[str, str], body: dict[str, Any], number: str) -> Answer:
        if len(body["body"]) > 65_536:
            return error("invalid")
        self.add_comment(body["body"], self.author, int(number))
        return Answer(201, self.comments[-1])

    def _edit_comment(self, _query: dict[str, str], body: dict[str, Any], number: str) -> Answer:
        found = next((comment for comment in self.comments if comment["id"] == int(number)), None)
        if found is None:
            return error("not_found")
        found["body"] = body["body"]
        return Answer(200, found)

    def _delete_comment(self, _query: dict[str, str], _body: dict[str, Any], number: str) -> Answer:
        kept = [comment for comment in self.comments if comment["id"] != int(number)]
        if len(kept) == len(self.comments):
            return error("not_found")
        self.comments = kept
        return Answer(204)

    def _get_run(self, _query: dict[str, str], _body: dict[str, Any], number: str) -> Answer:
        found = next((run for run in self._runs() if run["id"] == int(number)), None)
        if found is None:
            return error("not_found")
        return Answer(200, found | {"artifacts_url": f"{self.url}/repos/{REPOSITORY}/actions/runs/{number}/artifacts"})

    def _runs(self) -> list[dict[str, Any]]:
        return [self.run, *self.other_runs]

    def _list_runs(self, query: dict[str, str], _body: dict[str, Any], file: str) -> Answer:
        runs = [run for run in self._runs() if Path(run["path"].partition("@")[0]).name == file]
        if not runs:
            return error("not_found")
        filters = {"head_sha": "head_sha", "branch": "head_branch", "event": "event", "status": "conclusion"}
        found = [run for run in runs if all(query.get(key) in {None, run[name]} for key, name in filters.items())]
        page = self._page(query, sorted(found, key=lambda run: -run["id"]), f"/repos/{REPOSITORY}/actions/workflows/{file}/runs")
        page.body = {"total_count": len(found), "workflow_runs": page.body}
        return page

    def _list_jobs(self, query: dict[str, str], _body: dict[str, Any], number: str) -> Answer:
        found = [job for job in self.jobs if job["run_id"] == int(number)]
        page = self._page(query, found, f"/repos/{REPOSITORY}/actions/runs/{number}/jobs")
        page.body = {"total_count": len(found), "jobs": page.body}
        return page

    def _list_artifacts(self, query: dict[str, str], _body: dict[str, Any], number: str) -> Answer:
        found = [artifact for artifact in self.artifacts if artifact["workflow_run"]["id"] == int(number)]
        page = self._page(query, found, f"/repos/{REPOSITORY}/actions/runs/{number}/artifacts")
        page.body = {"total_count": len(found), "artifacts": page.body}
        return page

    def _download(self, _query: dict[str, str], _body: dict[str, Any], number: str) -> Answer:
        return Answer(302, headers={"Location": self.blob_address or f"http://localhost:{self.port}/blobs/{number}?sig=canary"})

    def _get_content(self, query: dict[str, str], _body: dict[str, Any], path: str) -> Answer:
        ref = query.get("ref", "main")
        text = self.contents.get((unquote(path), ref))
        if text is None:
            return self._list_folder(unquote(path), ref)
        if len(text) > 1024 * 1024:
            return Answer(200, document("replies", "content") | {"path": path, "encoding": "none", "content": "", "size": len(text)})
        content = base64.encodebytes(text.encode()).decode()
        return Answer(200, document("replies", "content") | {"path": path, "name": Path(path).name, "content": content, "size": len(text)})

    def _list_folder(self, path: str, ref: str) -> Answer:
        """Return a folder's entries; a subfolder's hash covers everything below it."""
        prefix = f"{path}/" if path else ""
        below = {name[len(prefix) :]: text for (name, commit), text in self.contents.items() if commit == ref and name.startswith(prefix)}
        if not below:
            return error("not_found")
        entries = []
        for name in sorted({one.partition("/")[0] for one in below}):
            blobs = sorted((one, text) for one, text in below.items() if one == name or one.startswith(f"{name}/"))
            kind = "file" if name in below else "dir"
            entries.append({"type": kind, "name": name, "path": f"{prefix}{name}", "size": 0, "sha": _hash(repr(blobs))})
        return Answer(200, entries)

    def _create_status(self, _query: dict[str, str], body: dict[str, Any], sha: str) -> Answer:
        if len(body.get("description") or "") > 140 or body["state"] not in {"error", "failure", "pending", "success"}:
            return error("invalid")
        number = len(self.statuses) + 1
        status = document("replies", "status") | body | {"id": number, "url": f"{self.url}/repos/{REPOSITORY}/statuses/{sha}"}
        self.statuses.append((sha, status))
        return Answer(201, status)

    def _list_timeline(self, query: dict[str, str], _body: dict[str, Any], number: str) -> Answer:
        return self._page(query, self.timeline, f"/repos/{REPOSITORY}/issues/{number}/timeline")

    def _get_permission(self, _query: dict[str, str], _body: dict[str, Any], login: str) -> Answer:
        """As on GitHub, a user without access to a public repository has `read`, and an unknown login is a 404."""
        if login not in self.people:
            return error("not_found")
        number, permission = self.people[login]
        role = {"admin": "admin", "write": "maintain", "read": "triage"}.get(permission, permission)
        return Answer(200, {"permission": permission, "role_name": role, "user": {"login": login, "id": number, "type": "User"}})

    def add_event(self, kind: str, at: str, actor: str = "maintainer", **more: Any) -> None:
        """Add a timeline event; a commit has neither actor nor time in GitHub's timeline."""
        number = self.people.get(actor, (999, ""))[0]
        event = document("replies", "timeline_event") | {
            "event": kind,
            "created_at": at,
            "actor": {"login": actor, "id": number, "type": "User"},
        }
        self.timeline.append(event | more)

    def label(self, at: str, actor: str = "maintainer", name: str = "kindgate: gate change approved", kind: str = "labeled") -> None:
        """Add or remove a label."""
        self.add_event(kind, at, actor, label={"name": name, "color": "0e8a16"})

    def _get_branch(self, _query: dict[str, str], _body: dict[str, Any], name: str) -> Answer:
        if unquote(name) != "main":
            return error("not_found")
        return Answer(200, {"name": "main", "commit": {"sha": self.main, "url": ""}, "protected": True})

    def _get_repository(self, _query: dict[str, str], _body: dict[str, Any]) -> Answer:
        return Answer(200, self.run["repository"])

    def _get_tree(self, query: dict[str, str], _body: dict[str, Any], sha: str) -> Answer:
        if "recursive" not in query:
            return error("not_found")
        blobs = {path: _hash(text) for (path, ref), text in self.contents.items() if ref == sha}
        entries = [
            {"path": path, "mode": "100644", "type": "blob", "sha": blob, "size": 1, "url": ""} for path, blob in sorted(blobs.items())
        ]
        return Answer(200, {"sha": sha, "url": "", "tree": entries, "truncated": self.tree_is_cut})

    def _compare(self, _query: dict[str, str], _body: dict[str, Any], _base: str, _head: str) -> Answer:
        return Answer(200, document("replies", "comparison") | {"merge_base_commit": {"sha": self.merge_base}})

    def _page(self, query: dict[str, str], items: list[dict[str, Any]], path: str) -> Answer:
        size = min(int(query.get("per_page", "30")), self.page_limit)
        number = int(query.get("page", "1"))
        start = (number - 1) * size
        headers = {}
        if start + size < len(items):
            rest = "".join(f"&{key}={quote(value)}" for key, value in query.items() if key != "page")
            headers["Link"] = f'<{self.url}{path}?page={number + 1}{rest}>; rel="next"'
        return Answer(200, copy.deepcopy(items[start : start + size]), headers)


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def error(name: str) -> Answer:
    """Return one of GitHub's error replies."""
    content = document("replies", f"error_{name}")
    return Answer(content["status"], content["body"], dict(content["headers"]))


class Handler(BaseHTTPRequestHandler):
    """Reads a request and sends the reply of the fault or of the stand-in."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the head and the body are two packets: with Nagle's algorithm, the second would wait 40 ms
    github: StandIn

    def handle_request(self) -> None:
        """Handle any method."""
        length = int(self.headers.get("Content-Length", "0"))
        body = json.loads(self.rfile.read(length) or "{}")
        if self.path.startswith("/blobs/"):
            self._blob()
            return
        line = f"{self.command} {self.path}"
        with self.github.lock:
            self.github.requests.append(line)
            fault = self._next_fault(line)
        answer = None
        if fault is None or fault.effect or (fault.delay and not fault.reply):
            answer = self.github.answer(self.command, self.path, body, self.headers.get("Authorization", ""))
        if fault is None:
            assert answer is not None
            self._send(answer)
            return
        self._apply_fault(fault, answer)

    def _next_fault(self, line: str) -> Fault | None:
        for index, (pattern, fault) in enumerate(self.github.faults):
            if pattern.search(line):
                del self.github.faults[index]
                return fault
        return None

    def _apply_fault(self, fault: Fault, answer: Answer | None) -> None:
        if fault.delay:
            self.github.stopped.wait(fault.delay)
        if fault.silent:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault.drip:
            self._drip()
        elif fault.page:
            self._send(Answer(200, raw=fault.page.encode()))
        else:
            sent = error(fault.reply) if fault.reply else answer
            assert sent is not None
            sent.headers |= fault.headers
            self._send(sent)

    def _send(self, answer: Answer) -> None:
        content = answer.raw if answer.raw is not None else b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in ({"Content-Type": "application/json; charset=utf-8"} | answer.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _drip(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        while not self.github.stopped.wait(0.05):
            self.wfile.write(b" ")

    def _blob(self) -> None:
        self.github.blob_headers.append(dict(self.headers.items()))
        content = self.github.blobs[urlsplit(self.path).path.removeprefix("/blobs/")]
        encoding = {"Content-Encoding": self.github.blob_encoding} if self.github.blob_encoding else {}
        self._send(Answer(200, raw=content, headers={"Content-Type": "application/zip"} | encoding))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep the test output clean."""

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request  # noqa: N815 - http.server looks for these names


class QuietServer(ThreadingHTTPServer):
    """A server whose clients can disconnect in the middle of a reply."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore the error: the client's deadline has passed."""


AnyStandIn = TypeVar("AnyStandIn", bound=StandIn)


@contextmanager
def serving(github: AnyStandIn) -> Iterator[AnyStandIn]:
    """Serve a stand-in until the end of the block."""
    server = QuietServer(("127.0.0.1", 0), type("Bound", (Handler,), {"github": github}))
    github.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield github
    finally:
        github.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()
