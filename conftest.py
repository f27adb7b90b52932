"""Loads kindgate as the suite's plugin."""

pytest_plugins = ["kindgate.plugin"]
