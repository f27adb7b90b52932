"""Attempts to open TCP connections, made on the nodes inside the network namespaces of pods.

A pod's image needs no program for that: the node's own `bash` connects, and sends nothing. Only clusters that kindgate
created have nodes that are containers of an engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from kindgate.errors import ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import Manifest, ObjectRef
from kindgate.object_status import app_container_statuses
from kindgate.slo.connections import Seen
from kindgate.waiting import Deadline

CONNECT_SECONDS = 3
"""A pod accepts a connection in milliseconds; the first packet is repeated after 1 s, should it be lost."""

AT_ONCE = 24
"""Attempts that run at the same time on one node."""

_TIMED_OUT = 124
"""Exit code of `timeout`."""

_SCRIPT = r"""
declare -A pids
while read -r id pid _; do pids[$id]=$pid; done < <(ctr --namespace k8s.io tasks list)
try() {
  local output code
  if [ -z "${pids[$2]}" ]; then echo "$1 1 the container is not running"; return; fi
  output=$(nsenter --net="/proc/${pids[$2]}/ns/net" timeout "$5" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$3" "$4" 2>&1)
  code=$?
  echo "$1 $code ${output//$'\n'/ }"
}
"""


@dataclass(frozen=True)
class RunningPod:
    """A pod that runs: its `node`, the identifier of one of its running `container`s, and its IP `address`."""

    ref: ObjectRef
    node: str
    container: str
    address: str

    @classmethod
    def of(cls, pod: Manifest) -> RunningPod | None:
        """The pod of a manifest; None if no container runs, or if it shares the node's network, where no policy applies."""
        running = [str(one.get("containerID", "")) for one in app_container_statuses(pod) if "running" in (one.get("state") or {})]
        address = str((pod.get("status") or {}).get("podIP") or "")
        if not running or not address or pod["spec"].get("hostNetwork"):
            return None
        return cls(ObjectRef.of(pod), str(pod["spec"].get("nodeName", "")), running[0].rpartition("/")[2], address)


@dataclass(frozen=True)
class Attempt:
    """One connection to open: from `pod` to a port of an IP address."""

    pod: RunningPod
    address: str
    port: int


def try_all(engine: Engine, attempts: Iterable[Attempt], deadline: Deadline) -> Mapping[Attempt, Seen]:
    """What each attempt saw; raises `ScenarioError` if a node cannot be used for that, and `CommandError` at the deadline."""
    by_node: dict[str, list[Attempt]] = {}
    for attempt in dict.fromkeys(attempts):
        by_node.setdefault(attempt.pod.node, []).append(attempt)
    with ThreadPoolExecutor(max(1, len(by_node))) as pool:
        results = pool.map(lambda node: _on_node(engine, node, by_node[node], deadline), by_node)
        return {attempt: seen for of_node in results for attempt, seen in of_node.items()}


def _on_node(engine: Engine, node: str, attempts: Sequence[Attempt], deadline: Deadline) -> dict[Attempt, Seen]:
    script = node_script(attempts)
    result = engine.run("exec", "--interactive", node, "bash", "-s", input=script, deadline=deadline, check=False)
    answers = parse_answers(result.stdout)
    if not answers:
        raise ScenarioError(f"no connection can be tried on node {node}", last_state=result.stderr.strip() or "no output")
    return {attempt: answers.get(place, Seen.FAILED) for place, attempt in enumerate(attempts)}


def node_script(attempts: Sequence[Attempt]) -> str:
    """The script that makes these attempts on their node, and prints a line for each: its place, an exit code and bash's message."""
    lines = [_SCRIPT]
    for place, one in enumerate(attempts):
        lines.append(f"try {place} {one.pod.container} {one.address} {one.port} {CONNECT_SECONDS} &")
        if (place + 1) % AT_ONCE == 0:
            lines.append("wait")
    return "\n".join([*lines, "wait\n"])


def parse_answers(output: str) -> dict[int, Seen]:
    """What the attempts saw, by their places."""
    answers: dict[int, Seen] = {}
    for line in output.splitlines():
        place, _, rest = line.partition(" ")
        code, _, message = rest.partition(" ")
        if place.isdecimal() and code.isdecimal():
            answers[int(place)] = _seen(int(code), message.lower())
    return answers


def _seen(code: int, message: str) -> Seen:
    if code == 0:
        return Seen.CONNECTED
    if code == _TIMED_OUT or "timed out" in message:
        return Seen.TIMED_OUT
    if "refused" in message:
        return Seen.REFUSED
    return Seen.UNREACHABLE if "no route" in message or "unreachable" in message else Seen.FAILED
