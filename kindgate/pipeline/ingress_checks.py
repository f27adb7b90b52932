"""Wait until requests reach everything that was deployed: the application, and the baseline if there is one."""

from __future__ import annotations

from collections.abc import Iterable

from kindgate.deploy.baseline import Baseline
from kindgate.deploy.entries import PathSource, entries_of, entry_note
from kindgate.deploy.entry_requests import plain_http_notes
from kindgate.deploy.ingress_readiness import Answer, answers_by_service, answers_in_a_row, wait_answering
from kindgate.deploy.node_placement import pods_of, uneven_placement
from kindgate.model import ClusterAddress
from kindgate.pipeline.inputs import Inputs
from kindgate.waiting import Deadline


def wait_versions(prepared: Inputs, address: ClusterAddress, deadline: Deadline) -> tuple[Answer, ...]:
    """Wait for every entry of the application and of the baseline, if any; return the application's answers."""
    base = prepared.base
    with answers_by_service(address) as counts:
        answers = wait_answering(prepared.entries, address, deadline, in_a_row=answers_in_a_row(prepared.rendered), counts=counts)
        if base is not None:
            theirs = entries_of(base.rendered, existing=True)
            wait_answering(theirs, address, deadline, in_a_row=answers_in_a_row(base.rendered), counts=counts)
    return answers


def entry_notes(prepared: Inputs, answers: Iterable[Answer], address: ClusterAddress, deadline: Deadline) -> tuple[str, ...]:
    """Notes for the reader about the paths that are judged."""
    probed = (entry_note(entry) for entry in prepared.entries if entry.source is PathSource.PROBE)
    redirects = plain_http_notes(prepared.entries, address, deadline)
    return (*probed, *(answer.note for answer in answers if answer.note), *redirects)


def placement_now(base: Baseline, address: ClusterAddress, deadline: Deadline) -> str:
    """How the pods of the two versions are placed differently; empty if they are placed alike."""
    ours, theirs = (pods_of(names, address, deadline) for names in (base.namespaces.keys(), base.namespaces.values()))
    return uneven_placement(ours, theirs, base.namespaces)
