"""Unit tests that existed before kindgate."""

import pytest
from shop.pricing import with_tax


def test_tax_is_added(tax: int) -> None:
    """The price is rounded half up."""
    assert with_tax(1000, tax) == 1190


@pytest.mark.slow
def test_many_prices(tax: int) -> None:
    """The suite's own addopts deselect this test."""
    assert [price for price in range(100_000) if with_tax(price, tax) < price] == []
