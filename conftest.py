"""Load the kindgate plugin for the suite, and pytest's own fixture for testing plugins."""

pytest_plugins = ["kindgate.plugin", "pytester"]
