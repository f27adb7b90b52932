"""The pytest face: options, hooks and fixtures."""
