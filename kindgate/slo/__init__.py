"""Objectives and verdicts: k6's threshold grammar, the statistics, the decision rules. Pure functions; no I/O."""
