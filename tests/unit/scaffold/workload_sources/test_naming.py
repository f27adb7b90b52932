"""Generated names are valid, unique and readable."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.scaffold.workload_sources.naming import Names, identifier, label, parameter_name, route_name, singular
from kindgate.workload.placeholders import NAME


@given(st.text(max_size=100))
def test_every_text_has_an_identifier(text: str) -> None:
    """Names of parameters are arbitrary."""
    name = identifier(text)

    assert re.fullmatch(NAME, name)
    assert name != "run"
    assert len(name) < 80


@given(st.text(max_size=100))
def test_labels_have_no_character_that_a_selector_uses(text: str) -> None:
    """Thresholds select routes by name."""
    assert not re.search(r"""[,{}"'\x00-\x1f]""", label(text))


@given(st.lists(st.sampled_from(["a", "a_b", "get-a"]), max_size=12))
def test_names_are_given_out_once(wanted: list[str]) -> None:
    """Two routes with one name would be an error."""
    names = Names(["a"])
    given_out = [names.unique(one) for one in wanted]

    assert len({"a", *given_out}) == len(wanted) + 1


@pytest.mark.parametrize(
    ("plural", "word"),
    [
        ("pets", "pet"),
        ("categories", "category"),
        ("boxes", "box"),
        ("addresses", "address"),
        ("status", "status"),
        ("news", "new"),
        ("glass", "glass"),
    ],
)
def test_resources_are_named_in_the_singular(plural: str, word: str) -> None:
    """`{pet.id}` reads better than `{pets.id}`."""
    assert singular(plural) == word


def test_names_describe_requests_and_values() -> None:
    """A person finds them again."""
    assert route_name("GET", "/products/{id}?page=1") == "get-products-id"
    assert route_name("POST", "/") == "post-root"
    assert parameter_name("id", "pets") == "pet_id"
    assert parameter_name("petId", "pets") == "pet_id"
    assert parameter_name("owner", "repos") == "owner"
