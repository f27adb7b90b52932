"""Where the pods of two versions run: a difference between nodes must not pass for one between versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from kindgate.deploy.api import connect
from kindgate.deploy.calls import ask
from kindgate.model import ClusterAddress, Manifest
from kindgate.waiting import Deadline


def placement_note(namespaces: Mapping[str, str], address: ClusterAddress, deadline: Deadline) -> str:
    """What to say about the pods of `namespaces` and of those beside them (the values): empty when both are placed alike.

    Raises `DeployError` when the API server cannot be asked.
    """
    pods: list[list[Manifest]] = []
    with connect(address) as api:
        for names in (namespaces.keys(), namespaces.values()):
            answers = [ask(api, "GET", f"/api/v1/namespaces/{name}/pods", deadline) or {} for name in names]
            pods.append([pod for answer in answers for pod in answer.get("items", ())])
    return uneven_placement(*pods)


def uneven_placement(head: Sequence[Manifest], base: Sequence[Manifest]) -> str:
    """A sentence when a node runs more pods of one version than of the other; pods on their way out do not count."""
    ours, theirs = _per_node(head), _per_node(base)
    if ours == theirs:
        return ""
    counts = ", ".join(f"{node} {theirs[node]} and {ours[node]}" for node in sorted(ours | theirs))
    return f"the versions that are compared do not stand on the same nodes (pods of the base and of the pull request: {counts})"


def _per_node(pods: Sequence[Manifest]) -> Counter[str]:
    staying = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    return Counter(str(pod["spec"]["nodeName"]) for pod in staying if pod["spec"].get("nodeName"))
