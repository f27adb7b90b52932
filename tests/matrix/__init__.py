"""Platforms that kindgate supports: each Python, engine and kind of host is tested for real, or listed as not tested."""
