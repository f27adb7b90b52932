"""Send the requests before and after the load, in order, once for each version; they are never repeated."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from kindgate.deploy.entry_requests import entry_session
from kindgate.errors import LoadError
from kindgate.load.expectation import Expectation
from kindgate.load.json_schema import violation
from kindgate.load.plan import FOLLOWED, Route
from kindgate.load.response import Response, charset_of, extracted, status_expected, unmet
from kindgate.load.template import Value
from kindgate.load.variables import RUN, Choice, Constant, Counter, RandomInt, Rows, Uuid, Variable
from kindgate.load.wire import wire_host, wire_path, wire_url
from kindgate.model import ClusterAddress
from kindgate.redaction.redactor import Redactor
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    import requests

_FIX: Final = "fix the request in the workload, or the application"
_REACH: Final = "check the host and the path of the request, and the application's log"

EXCERPT: Final = 200
"""Characters of a response in an error."""

BODY_LIMIT: Final = 16 * 2**20
"""Maximum size of a response in bytes."""


def send_in_order(
    routes: Sequence[Route],
    address: ClusterAddress,
    values: Mapping[str, Value],
    *,
    timeout: float,
    secrets: Redactor,
    section: str = "setup",
) -> dict[str, Value]:
    """Send `routes` one after the other, filled with `values` and what earlier responses gave; return what was extracted.

    `timeout` in seconds is for requests without their own. Redirects are not followed, and no request is sent twice. Raises
    `LoadError` that names the request, what was expected, and the beginning of the response, without `secrets`.
    """
    known = dict(values)
    found: dict[str, Value] = {}
    with entry_session(address) as session:
        session.headers.clear()
        session.headers.update({"User-Agent": "kindgate", "Accept": "*/*"})
        for route in routes:
            name = f"{section}: {route.name}"
            try:
                response = response_to(session, route, known, route.timeout or timeout)
            except NoResponse as error:
                raise LoadError(f"{name}: {secrets.text(str(error))}", next_step=_REACH) from error
            shown = f"{route.method} {route.name}: status {response.status}\n{secrets.text(response.text[:EXCERPT])}"
            problem = _problem(route.expect, response)
            if problem:
                raise LoadError(f"{name}: the response {secrets.text(problem)}", last_state=shown, next_step=_FIX)
            for extraction in route.extract:
                try:
                    found[extraction.name] = known[extraction.name] = extracted(extraction, response)
                except LoadError as error:
                    raise LoadError(f"{name}: {error.message}", last_state=shown, next_step=_FIX) from error
    return found


def first_values(variables: Sequence[Variable], salt: str) -> dict[str, Value]:
    """One value of each variable for requests outside of bursts: the first row, the start of a counter, random ones from `salt`.

    Bursts use counters from a higher number on.
    """
    values: dict[str, Value] = {RUN: salt}
    for variable in variables:
        chance = random.Random(f"{salt}/{variable.name}")  # noqa: S311  # test data, not a secret
        match variable:
            case Rows():
                values.update(zip(variable.names, variable.rows[0], strict=True))
            case Counter():
                values[variable.name] = variable.start
            case Uuid():
                values[variable.name] = str(uuid.UUID(int=chance.getrandbits(128), version=4))
            case RandomInt():
                values[variable.name] = chance.randint(variable.low, variable.high)
            case Choice():
                values[variable.name] = chance.choice(variable.values)
            case Constant():
                values[variable.name] = variable.value
    return values


class NoResponse(Exception):
    """A request without a complete response; the message is a clause about it. `late` is whether it took too long."""

    def __init__(self, message: str, *, late: bool) -> None:
        super().__init__(message)
        self.late = late


def response_to(session: requests.Session, route: Route, values: Mapping[str, Value], timeout: float) -> Response:
    """The complete response to one request. Raises `NoResponse`, also if it takes longer than `timeout` seconds in all."""
    import requests  # noqa: PLC0415  # 0.1 s to import
    from urllib3.exceptions import HTTPError  # noqa: PLC0415  # the same

    deadline = Deadline.after(timeout)
    try:
        prepared = session.prepare_request(_request(route, values))
        prepared.url = _url(route, values)  # as it is: preparing it would resolve `..` in a value
        with session.send(prepared, timeout=timeout, allow_redirects=False, stream=True) as answer:
            session.cookies.clear()  # what a request sends is in the workload alone
            body = _body(answer, deadline)
            return Response(answer.status_code, _head(answer), body, charset_of(answer.headers.get("Content-Type", "").encode()))
    except (requests.RequestException, HTTPError, ValueError) as error:
        late = isinstance(error, requests.Timeout) or deadline.expired
        problem = f"no complete response within {timeout:g} s" if late else f"no response: {error}"
        repeat = "" if route.method in FOLLOWED else "; the request was not repeated, because it may have taken effect"
        raise NoResponse(problem + repeat, late=late) from error


def _body(answer: requests.Response, deadline: Deadline) -> bytes:
    """The decoded body; stops at the deadline, even if the server keeps sending a byte now and then."""
    body = b""
    while chunk := answer.raw.read1(2**16, decode_content=True):
        body += chunk
        if deadline.expired:
            raise ValueError("the body is incomplete")
        if len(body) > BODY_LIMIT:
            raise ValueError(f"the body has more than {BODY_LIMIT // 2**20} MiB")
    return body


def _request(route: Route, values: Mapping[str, Value]) -> requests.Request:
    import requests  # noqa: PLC0415  # 0.1 s to import

    headers = {name: value.encode() for name, value in route.headers}
    headers |= {name: template.render(values) for name, template in route.header_templates}
    if route.host:
        headers["Host"] = wire_host(route.host).encode()
    body = route.body_template.render(values) if route.body_template is not None else route.body
    return requests.Request(route.method, wire_url(route.url), headers=headers, data=body or None)


def _url(route: Route, values: Mapping[str, Value]) -> str:
    """The URL to request; a path of the route replaces that of its address."""
    address = wire_url(route.url)
    if route.path is None:
        return address
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}{wire_path(route.path).render(values).decode()}"


def _head(answer: requests.Response) -> list[bytes]:
    """The header lines as the engine sees them."""
    return [b"HTTP/1.1\r\n", *(f"{name}: {value}\r\n".encode("latin-1", "replace") for name, value in answer.raw.headers.items())]


def _problem(expect: Expectation | None, response: Response) -> str:
    """What is wrong with a response, as a clause about it; empty if it is as expected."""
    if not status_expected(expect, response.status):
        return f"has the status {response.status}, not {_statuses(expect)}"
    problem = unmet(expect, response)
    if problem or expect is None or not expect.schema:
        return problem
    try:
        return violation(expect.schema, response.document)
    except (ValueError, RecursionError):
        return "is not JSON"


def _statuses(expect: Expectation | None) -> str:
    ranges = expect.statuses if expect is not None else ()
    return " or ".join(str(low) if low == high else f"{low} to {high}" for low, high in ranges) or "one below 400"
