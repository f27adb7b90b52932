"""Requests sent from a node with `curl` in its container, because their targets are unreachable from the host."""

from __future__ import annotations

from kindgate.errors import CommandTimeout
from kindgate.host.engine import Engine
from kindgate.waiting import Deadline, Hopeless, Pending, Ready

_EXEC_SECONDS = 10.0
"""Time that a busy engine may need to run curl in a node."""

_CURL = ("curl", "--insecure", "--silent", "--show-error", "--output", "/dev/null", "--noproxy", "*")

_CURL_MISSING = (126, 127)

_STOPPED = ("is not running", "no such container", "container state improper")
"""Docker's and Podman's messages for a stopped container."""

_WITH_ADDRESS = 'ip address replace "$1" dev lo || exit 1; shift; "$@"; code=$?; ip address delete "$0" dev lo; exit $code'
"""Runs a command while the node has one more address, so replies to that address arrive."""


def curl_in_node(engine: Engine, node: str, url: str, *, seconds: int, source: str = "") -> Ready[str] | Pending | Hopeless:
    """Return ready if the node gets any response from `url`: packets find their way there and back.

    `source` is an unused address of the node's pod network to send the request from, as a pod of that node would.
    `seconds` is the request timeout.
    """
    command = [*_CURL, "--max-time", str(seconds), *(["--interface", source] if source else []), url]
    if source:
        address = f"{source}/{128 if ':' in source else 32}"
        command = ["sh", "-c", _WITH_ADDRESS, address, address, *command]
    try:
        answer = engine.run("exec", node, *command, deadline=Deadline.after(_EXEC_SECONDS), check=False)
    except CommandTimeout as error:
        return Pending(error.message)
    if answer.returncode == 0:
        return Ready(url)
    if any(mark in answer.stderr.lower() for mark in _STOPPED):
        return Hopeless(f"the node's container stopped: {answer.stderr.strip()}")
    if answer.returncode in _CURL_MISSING:
        return Hopeless(f"the node image has no curl: {answer.stderr.strip()}", "use a node image built by kind or kindgate")
    return Pending(answer.stderr.strip())
