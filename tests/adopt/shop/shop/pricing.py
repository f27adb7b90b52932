"""Prices."""


def with_tax(cents: int, percent: int) -> int:
    """A price with tax, in cents, rounded half up."""
    return (cents * (100 + percent) + 50) // 100
