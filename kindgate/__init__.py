"""Judge a pull request by running it for real on a throw-away Kubernetes cluster."""

__version__ = "0.1.0"
