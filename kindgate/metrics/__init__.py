"""Prometheus: queries with typed results, and the resource summary of a burst's window."""
