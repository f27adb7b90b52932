"""What images are needed, and from where: registry, build, local."""
