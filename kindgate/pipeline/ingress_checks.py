"""Wait until requests reach everything that was deployed: the application, and the baseline if there is one."""

from __future__ import annotations

from collections.abc import Iterable

from kindgate.deploy.baseline import Baseline
from kindgate.deploy.entries import PathSource, entries_of, entry_note
from kindgate.deploy.entry_requests import plain_http_notes
from kindgate.deploy.ingress_readiness import EntryResponse, required_responses, service_response_counter, wait_answering
from kindgate.deploy.node_placement import pods_of, uneven_placement
from kindgate.model import ClusterAddress
from kindgate.pipeline.inputs import Inputs
from kindgate.waiting import Deadline


def wait_versions(prepared: Inputs, address: ClusterAddress, deadline: Deadline) -> tuple[EntryResponse, ...]:
    """Wait for every entry of the application and of the baseline, if any; return the application's answers."""
    base = prepared.base
    with service_response_counter(address) as counts:
        answers = wait_answering(prepared.entries, address, deadline, times=required_responses(prepared.rendered), count_responses=counts)
        if base is not None:
            theirs = entries_of(base.rendered, existing=True)
            wait_answering(theirs, address, deadline, times=required_responses(base.rendered), count_responses=counts)
    return answers


def entry_notes(prepared: Inputs, answers: Iterable[EntryResponse], address: ClusterAddress, deadline: Deadline) -> tuple[str, ...]:
    """Notes for the reader about the paths that are judged."""
    probed = (entry_note(entry) for entry in prepared.entries if entry.source is PathSource.PROBE)
    redirects = plain_http_notes(prepared.entries, address, deadline)
    return (*probed, *(answer.note for answer in answers if answer.note), *redirects)


def placement_now(base: Baseline, address: ClusterAddress, deadline: Deadline) -> str:
    """How the pods of the two versions are placed differently; empty if they are placed alike."""
    ours, theirs = (pods_of(names, address, deadline) for names in (base.namespaces.keys(), base.namespaces.values()))
    return uneven_placement(ours, theirs, base.namespaces)
