"""Ids, dates and hashes of paths become variables; fixed parts stay; private ones are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.scaffold.workload_sources.path_shapes import PrivatePath, shape_of


@pytest.mark.parametrize(
    ("path", "shape", "values"),
    [
        ("/", "/", ()),
        ("/products", "/products", ()),
        ("/products/17", "/products/{id}", ("17",)),
        ("/products/17.json", "/products/{id}.json", ("17",)),
        ("/shops/1/items/2", "/shops/{id}/items/{item_id}", ("1", "2")),
        ("/1/2/3", "/{id}/{value_id}/{id_2}", ("1", "2", "3")),
        ("/orders/550e8400-e29b-41d4-a716-446655440000", "/orders/{id}", ("550e8400-e29b-41d4-a716-446655440000",)),
        ("/docs/507f1f77bcf86cd799439011", "/docs/{id}", ("507f1f77bcf86cd799439011",)),
        ("/events/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/events/{id}", ("01ARZ3NDEKTSV4RRFFQ69G5FAV",)),
        ("/orders/ord-90210-7731/items", "/orders/{id}/items", ("ord-90210-7731",)),
        ("/posts/1234-red-shoes", "/posts/{id}", ("1234-red-shoes",)),
        ("/archive/2024-01-31.html", "/archive/{date}.html", ("2024-01-31",)),
        ("/repo/commits/7f9c2ba", "/repo/commits/{hash}", ("7f9c2ba",)),
        ("/api/2/products", "/api/2/products", ()),
        ("/v1/feedback/decade", "/v1/feedback/decade", ()),
        ("/caf%C3%A9/men%C3%BC", "/caf%C3%A9/men%C3%BC", ()),
        ("/users/me", "/users/me", ()),
        ("/users/42", "/users/{id}", ("42",)),
    ],
)
def test_variable_parts_are_recognized(path: str, shape: str, values: tuple[str, ...]) -> None:
    """Requests for different products are one route."""
    found, seen = shape_of(path)

    assert (found.text, seen) == (shape, values)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/users/jane.doe", "the name of a person"),
        ("/users/jane.doe/orders", "the name of a person"),
        ("/@jane", "the name of a person"),
        ("/mail/jane%40corp.com", "an email address"),
        ("/call/5551234567", "a number that may be a phone number"),
        ("/pay/4111111111111111", "a card number"),
        ("/reset/12345", "a one-time value"),
        ("/invite/correct-horse-battery", "a one-time value"),
        ("/password/7f9c2ba4e88f827d", "a one-time value"),
        ("/files/ghp_16C7e42F292c6912E7710c838347Ae178B4a", "looks like a secret"),
        ("/files/aB3dE5gH7jK9mN1pQ3sT5", "looks like a token"),
    ],
)
def test_private_paths_are_refused(path: str, reason: str) -> None:
    """They would publish a person or a credential."""
    with pytest.raises(PrivatePath, match=reason):
        shape_of(path)


@given(st.text(max_size=60))
def test_any_path_has_a_shape_or_is_private(path: str) -> None:
    """Logs contain whatever scanners send."""
    try:
        shape, values = shape_of(path)
    except PrivatePath:
        return
    assert len(values) == len(shape.variables)
    assert len({one.name for one in shape.variables}) == len(values)
