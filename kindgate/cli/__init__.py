"""The command line: re-runs one step of the pipeline by hand."""
