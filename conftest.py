"""Loads kindgate as the suite's plugin, and pytest's own fixture for testing plugins."""

pytest_plugins = ["kindgate.plugin", "pytester"]
