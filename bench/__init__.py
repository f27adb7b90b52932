"""Benchmarks of the load engine and of the verdicts."""
