"""The KinD cluster: configuration, lifecycle and ownership."""
