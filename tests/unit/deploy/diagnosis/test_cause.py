"""Which cause of several explains a failure."""

from __future__ import annotations

import pytest

from kindgate.deploy.diagnosis.cause import Cause, CauseKind, ranked
from kindgate.model import ObjectRef
from kindgate.redaction.redactor import Redactor

POD = ObjectRef("Pod", "echo", "foo-1")
OTHER = ObjectRef("Pod", "echo", "bar-1")


def test_the_best_explanation_comes_first() -> None:
    """A rate limit explains the back-off, whatever was seen first."""
    kinds = [CauseKind.PROBE, CauseKind.IMAGE_PULL, CauseKind.RATE_LIMIT]
    causes = ranked(Cause(kind, POD, "Failed", "429 Too Many Requests") for kind in kinds)
    assert [cause.kind for cause in causes] == kinds[::-1]
    assert causes[0].finding == "rate limit: Pod echo/foo-1: Failed: 429 Too Many Requests"


def test_an_object_is_named_once_per_kind() -> None:
    """A pod's repeated back-offs are one cause, proven by the first; those of another pod are a second one."""
    causes = ranked(Cause(CauseKind.CRASH_LOOP, ref, "", f"back-off {number}") for number in range(3) for ref in (POD, OTHER))
    assert [(cause.object, cause.proof) for cause in causes] == [(POD, "back-off 0"), (OTHER, "back-off 0")]


def test_causes_of_other_applications_come_last() -> None:
    """Another test's pod may crash on purpose; it explains a failure only if nothing closer does, and nodes belong to all."""
    node, own = ObjectRef("Node", "", "worker"), Cause(CauseKind.PROBE, POD, "", "failed")
    foreign = Cause(CauseKind.OUT_OF_MEMORY, ObjectRef("Pod", "other", "db"), "", "killed")
    down = Cause(CauseKind.NODE, node, "", "not ready")
    assert ranked([foreign, own, down], {"echo"}) == (own, down, foreign)
    assert ranked([foreign, own, down]) == (foreign, own, down)


@pytest.mark.parametrize("kind", CauseKind)
def test_no_kind_reads_as_the_name_of_a_secret(kind: CauseKind) -> None:
    """The redactor masks what follows a name such as `Secret:`, which would hide the object."""
    finding = Cause(kind, POD, "", "failed").finding
    assert Redactor([]).text(finding) == finding
    assert Redactor([]).text(f"{kind}: error of the run: failed") == f"{kind}: error of the run: failed"


def test_an_unexplained_state_is_no_cause() -> None:
    """A bad state whose reason is not known never becomes the cause of a failure."""
    assert ranked([Cause(CauseKind.UNKNOWN, POD, "NodeLost", "the node left")]) == ()


def test_the_line_of_the_source_is_the_proof() -> None:
    """The report quotes the state as the kubelet wrote it, and the error explains it."""
    cause = Cause(CauseKind.OUT_OF_MEMORY, POD, "OOMKilled", "container app exceeded its memory limit", reported="container app: OOMKilled")
    assert cause.finding == "out of memory: Pod echo/foo-1: container app: OOMKilled"
    assert str(cause) == "Pod echo/foo-1: OOMKilled: container app exceeded its memory limit"
