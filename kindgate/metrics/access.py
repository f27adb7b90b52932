"""Access to a Prometheus in the cluster, through the API server's service proxy with the kubeconfig's rights."""

from __future__ import annotations

from pathlib import Path

import requests
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException

from kindgate.errors import MetricsError
from kindgate.metrics.client import PrometheusClient

NAMESPACE, SERVICE, PORT = "monitoring", "prometheus", 9090
"""The location of the bundled component's Prometheus."""


def prometheus_in_cluster(
    kubeconfig: Path, context: str = "", *, namespace: str = NAMESPACE, service: str = SERVICE, port: int = PORT
) -> PrometheusClient:
    """Return a client for the Prometheus behind `service`, without sending a request yet.

    Raises `MetricsError` if `kubeconfig` is unreadable or lacks the context.
    """
    try:
        with config.new_client_from_config(str(kubeconfig), context or None) as api:  # type: ignore[no-untyped-call]  # published without types
            access: client.Configuration = api.configuration
    except (ConfigException, OSError, ValueError, TypeError) as error:
        raise MetricsError(f"cannot use {kubeconfig} to reach Prometheus: {error}") from error
    session = requests.Session()
    session.trust_env = False  # a proxy for the internet cannot reach the cluster
    session.verify = access.ssl_ca_cert if access.verify_ssl and access.ssl_ca_cert else access.verify_ssl
    if access.cert_file and access.key_file:
        session.cert = (access.cert_file, access.key_file)
    token = access.get_api_key_with_prefix("authorization")
    if token:
        session.headers["Authorization"] = token
    path = f"api/v1/namespaces/{namespace}/services/{service}:{port}/proxy"
    return PrometheusClient(f"{access.host}/{path}", session)
