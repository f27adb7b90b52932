"""The KinD cluster: configuration, life, ownership."""
