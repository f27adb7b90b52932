"""Mutation testing: one-line changes of the code, each of which some test must detect."""
