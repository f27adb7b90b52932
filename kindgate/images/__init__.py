"""The images that a run needs, and their sources: registry, build, local."""
