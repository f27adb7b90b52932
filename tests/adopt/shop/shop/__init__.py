"""A minimal shop with unit tests."""
