"""Failure bundles: collect, classify, redact."""
