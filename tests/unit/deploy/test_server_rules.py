"""Validation rejects what the API server rejects; `tests/e2e/test_oracle.py` checks the server itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.deploy.validate import validate
from kindgate.deploy.value_rules import quantity, quantity_problem
from tests.unit.deploy.mutants import MUTANTS, Mutant, ids, mutated, sound_application
from tests.unit.deploy.objects import Object, manifest, rendered

NAMESPACE = manifest("Namespace", "shop", namespace="")


def errors(objects: list[Object]) -> list[str]:
    """Return the findings that are errors."""
    return [str(finding) for finding in validate(rendered(NAMESPACE, *objects)) if finding.level == "error"]


def test_a_sound_application_has_no_errors() -> None:
    """The mutants' unmodified application has no errors."""
    assert errors(sound_application()) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=ids(MUTANTS))
def test_exactly_the_objects_that_the_api_server_rejects_are_errors(mutant: Mutant) -> None:
    """The only additional errors are references without which a pod cannot start."""
    objects, _ = mutated(mutant)
    assert bool(errors(objects)) == (mutant.rejected or mutant.dangling), errors(objects)


def test_a_node_port_out_of_range_is_an_error() -> None:
    """The server rejects it when it allocates the port, which a dry run does not do."""
    outside = manifest("Service", "web", spec={"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]})
    assert [line for line in errors([outside]) if "80 is not in the range 30000-32767" in line]


@given(st.integers(0, 10**6), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi"]))
def test_a_quantity_has_its_kubernetes_value(number: int, unit: str) -> None:
    """Values match those of the official client's parser."""
    from kubernetes.utils.quantity import parse_quantity  # noqa: PLC0415  # imports all of the client

    text = f"{number}{unit}"
    assert quantity_problem(text) == ""
    assert quantity(text) == pytest.approx(float(parse_quantity(text)))  # type: ignore[no-untyped-call]  # published without types


@pytest.mark.parametrize("text", ["", "16 MB", "1GB", "ten", "1.2.3", "64mi", "-"])
def test_an_invalid_quantity_is_rejected(text: str) -> None:
    """The API server rejects malformed quantities too."""
    assert quantity_problem(text)
