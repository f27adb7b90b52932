"""Mutation testing: one-line changes of the code that some test must notice."""
