"""Unit tests that were there before kindgate."""

import pytest
from shop.pricing import with_tax


def test_tax_is_added(tax: int) -> None:
    """Rounded half up."""
    assert with_tax(1000, tax) == 1190


@pytest.mark.slow
def test_many_prices(tax: int) -> None:
    """Left out by the suite's own addopts."""
    assert [price for price in range(100_000) if with_tax(price, tax) < price] == []
