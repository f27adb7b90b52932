"""Record what a real Chromium sends to three small sites as HAR files: `python -m tests.browser.record_har FOLDER`.

The recordings are the inputs of the tests of `kindgate init --from-har`. They contain canaries: values that look like
secrets and personal data, none of which may reach a workload.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tests.browser.chromium import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

CANARY_TOKEN = "canary-tok-4f3c2a1b9d8e7f60A5b6"
CANARY_EMAIL = "canary.person@corp.com"
CANARY_PASSWORD = "canary-Passw0rd"
CANARY_SESSION = "canary5e55i0n1d"

SHOP_PAGE = """<!doctype html><title>Shop</title><link rel="stylesheet" href="/static/shop.css"><script src="/static/shop.js"></script>
<h1>Shop</h1><img src="/static/logo.png" alt="">"""

FORM_PAGE = """<!doctype html><title>Sign in</title><form method="post" action="/signin">
<input name="email"><input name="password" type="password"><input type="hidden" name="csrf_token" value="canarycsrf0123456789">
<button>Go</button></form>"""

ACCOUNT_PAGE = """<!doctype html><title>Account</title><a id="orders" href="/orders/2024-01-31?page=1">Orders</a>"""

DASHBOARD_PAGE = """<!doctype html><title>Dashboard</title><script>
fetch('/api/v1/projects?limit=20&sort=name');
fetch('http://localhost:PORT/collect', {method: 'POST', mode: 'no-cors', body: 'visit'});
fetch('/api/v1/projects/41/builds/7f9c2ba4e88f827d616045507605853e');
fetch('/api/v1/search?q=canary.person%40corp.com');
</script>"""

SHOP_SCRIPT = """async function visit() {
  const json = {'Content-Type': 'application/json'};
  const login = await (await fetch('/api/login', {method: 'POST', headers: json,
    body: JSON.stringify({email: 'EMAIL', password: 'PASSWORD'})})).json();
  const auth = {...json, Authorization: 'Bearer ' + login.token};
  const found = await (await fetch('/api/products?category=shoes', {headers: auth})).json();
  await fetch('/api/products/' + found.items[0].id, {headers: auth});
  await new Promise((resume) => setTimeout(resume, 700));
  const order = await (await fetch('/api/orders', {method: 'POST', headers: auth,
    body: JSON.stringify({product: found.items[0].id, quantity: 2, address: '1 Canary Street', phone: '+49 170 9998877'})})).json();
  await fetch('/api/orders/' + order.id, {headers: auth});
  document.title = 'done';
}"""


class Site(BaseHTTPRequestHandler):
    """The three sites, on one server."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer pages, JSON and static files."""
        port = cast("tuple[str, int]", self.server.server_address)[1]
        pages = {
            "/": SHOP_PAGE,
            "/signin": FORM_PAGE,
            "/account": ACCOUNT_PAGE,
            "/dashboard": DASHBOARD_PAGE.replace("PORT", str(port)),
        }
        path = self.path.partition("?")[0]
        if path in pages:
            self._send(200, "text/html", pages[path].encode())
        elif path == "/static/shop.js":
            script = SHOP_SCRIPT.replace("EMAIL", CANARY_EMAIL).replace("PASSWORD", CANARY_PASSWORD)
            self._send(200, "text/javascript", script.encode())
        elif path.startswith("/static/"):
            self._send(200, "text/css" if path.endswith("css") else "image/png", b"")
        elif path == "/api/products":
            self._json({"items": [{"id": 48151623, "name": "boot"}, {"id": 42, "name": "sandal"}]})
        elif path.startswith("/missing"):
            self._send(404, "text/plain", b"no")
        else:
            self._json({"path": path, "owner": CANARY_EMAIL})

    def do_POST(self) -> None:
        """Answer logins and orders."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/signin":
            self._send(303, "text/plain", b"", {"Location": "/account", "Set-Cookie": f"session={CANARY_SESSION}; HttpOnly"})
        elif self.path == "/api/login":
            self._json({"token": CANARY_TOKEN, "user": {"email": CANARY_EMAIL}})
        elif self.path == "/api/orders":
            self._json({"id": "ord-90210-7731"}, 201)
        else:
            self._send(204, "text/plain", b"")

    def log_message(self, *_: Any) -> None:
        """Keep the terminal quiet."""

    def _json(self, value: object, status: int = 200) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: int, media_type: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def shop(page: Page, base: str) -> None:
    """A single-page shop: a login with a token, a list, an order."""
    page.goto(f"{base}/")
    page.evaluate("visit()")
    page.wait_for_function("document.title == 'done'")


def forms(page: Page, base: str) -> None:
    """A server-rendered site: a form, a redirect, cookies, a link."""
    page.goto(f"{base}/signin")
    page.fill("[name=email]", CANARY_EMAIL)
    page.fill("[name=password]", CANARY_PASSWORD)
    page.click("button")
    page.wait_for_url("**/account")
    page.click("#orders")
    page.wait_for_url("**/orders/**")


def dashboard(page: Page, base: str) -> None:
    """A dashboard: requests at the same time, another host, ids, personal data in a query, a missing page."""
    page.goto(f"{base}/dashboard")
    page.wait_for_load_state("networkidle")
    page.evaluate("fetch('/missing/page')")
    page.wait_for_load_state("networkidle")


RECORDINGS: dict[str, Callable[[Page, str], None]] = {"shop": shop, "forms": forms, "dashboard": dashboard}


@contextmanager
def site() -> Iterator[str]:
    """The address of a running server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def record(folder: Path) -> None:
    """Write one HAR file per recording into `folder`."""
    with site() as base, chromium() as browser:
        for name, visit in RECORDINGS.items():
            context = browser.new_context(record_har_path=str(folder / f"{name}.har"), record_har_content="embed")
            visit(context.new_page(), base)
            context.close()


if __name__ == "__main__":
    record(Path(sys.argv[1]))
