"""The last step of readiness: the ingress answers for each host, and the answer is the application's."""

from __future__ import annotations

from collections.abc import Mapping

from kindgate.deploy.calls import settled
from kindgate.model import ClusterAddress, Rendered
from kindgate.waiting import Deadline, Hopeless, Pending, Ready

PATH_ANNOTATION = "kindgate.dev/path"
"""On an Ingress: the path to ask when its first one answers 404 by design."""

FIRST_ATTEMPT_SECONDS, LONGEST_ATTEMPT_SECONDS = 0.25, 2.0
"""What a request may take: at first, and at most; each that took too long allows the next one twice as much.

Until a network policy lets the controller reach a new pod, packets are dropped: a request hangs, and the next one gets through.
"""

_SCALED = ("Deployment", "StatefulSet", "ReplicaSet")
_ROUTE_MISSING = frozenset({404, 502, 503, 504})


def entry_paths(rendered: Rendered) -> dict[str, str]:
    """For each host of the Ingress objects the path to ask: what the annotation says, else its first rule's path.

    A wildcard host is asked as one that it covers.
    """
    found: dict[str, str] = {}
    for ingress in rendered.of_kind("Ingress"):
        asked = (ingress["metadata"].get("annotations") or {}).get(PATH_ANNOTATION)
        for rule in ingress["spec"].get("rules") or ():
            paths = (rule.get("http") or {}).get("paths") or ()
            if rule.get("host") and paths:
                found.setdefault(str(rule["host"]).replace("*", "kindgate", 1), asked or str(paths[0].get("path") or "/"))
    return dict(sorted(found.items()))


def wait_answering(rendered: Rendered, address: ClusterAddress, deadline: Deadline) -> None:
    """Wait until the ingress routes every host of `rendered` to something that answers, `answers_in_a_row` times.

    No answer, 404, 502, 503 and 504 mean that it does not yet; every other status is the application's own. Raises
    `DeployError` with the last answer.
    """
    times = answers_in_a_row(rendered)
    for host, path in entry_paths(rendered).items():
        _wait_host(address, host, path, times, deadline)


def answers_in_a_row(rendered: Rendered) -> int:
    """How often a host has to answer without a gap: twice for each pod that can stand behind it.

    A controller sends requests to the pods in turn. One answer proves one pod; another one, on a node that does not
    know the controller's address yet, may still refuse it.
    """
    replicas = [int(workload["spec"].get("replicas", 1)) for workload in rendered.of_kind(*_SCALED)]
    return 2 * max([1, *replicas])


def _wait_host(address: ClusterAddress, host: str, path: str, times: int, deadline: Deadline) -> None:
    import requests  # noqa: PLC0415 - 0.1 s to import, and not every run deploys

    with requests.Session() as session:
        session.trust_env = False
        patience = FIRST_ATTEMPT_SECONDS

        def probe() -> Ready[None] | Pending | Hopeless:
            nonlocal patience
            headers: Mapping[str, str] = {"Host": host, "Connection": "close"}
            for answered in range(times):
                timeout = max(0.1, min(patience, deadline.remaining))
                try:
                    answer = session.get(address.ingress_url + path, headers=headers, timeout=timeout, allow_redirects=False)
                except requests.RequestException as error:
                    if isinstance(error, requests.Timeout):
                        patience = min(2 * patience, LONGEST_ATTEMPT_SECONDS)
                    return Pending(f"{answered} of {times} requests in a row were answered, then no answer: {error}")
                if answer.status_code in _ROUTE_MISSING:
                    said = f"{answer.status_code} {answer.reason}: {answer.text[:200].strip()}"
                    return Pending(f"{answered} of {times} requests in a row were answered, then {said}")
            return Ready(None)

        settled(f"the ingress at {address.ingress_url} does not serve {host}{path}", probe, deadline)
