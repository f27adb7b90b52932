"""pytest-kind's cluster object for a cluster that kindgate opened: suites written for pytest-kind run unchanged.

Protocol: pytest-kind 22.11.1, README and `cluster.py`. Differences: nothing is downloaded or written to the working
directory, `port_forward` takes the port that kubectl reports, and everything has a deadline.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import pykube
import pytest_kind

from kindgate.call_log import logged_call
from kindgate.cluster.api_client import server_version
from kindgate.cluster.connection import is_loopback
from kindgate.errors import ClusterError, ToolError, WaitTimeout
from kindgate.host.command import CommandLine, end_group, spawn
from kindgate.host.container_engine import find_engine
from kindgate.images.engine_store import save_image
from kindgate.images.image_reference import ImageReference
from kindgate.images.node_import import load_archive
from kindgate.images.oci_layout import write_layout
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline, Pending, Ready, wait_for

_LOG = logging.getLogger(__name__)

KUBECTL_SECONDS = 300.0
"""Default timeout of `kubectl`; pytest-kind waits forever."""

LOAD_SECONDS = 300.0
RETRY_SECONDS = 2.0

_FORWARDING = re.compile(rb"^Forwarding from \S+:(\d+) -> ", re.MULTILINE)


class KindCluster(pytest_kind.KindCluster):  # type: ignore[misc]  # published without types
    """The cluster at `address`, under pytest-kind's names.

    pytest-kind's own constructor is not called, because it creates a folder in the working directory.
    """

    def __init__(self, address: ClusterAddress, *, kind: Path, kubectl: Path) -> None:
        self.name = address.name
        self.image = address.node_image or None
        self.kubeconfig_path = address.kubeconfig
        self.path = address.kubeconfig.parent
        self.kind_path = kind
        self.kubectl_path = kubectl
        self._address = address

    @cached_property
    def api(self) -> pykube.HTTPClient:
        """The cluster's pykube client."""
        client = pykube.HTTPClient(pykube.KubeConfig.from_file(str(self.kubeconfig_path)))
        client.session.trust_env = not is_loopback(client.url)
        return client

    def close(self) -> None:
        """Close the client's connections."""
        if "api" in self.__dict__:
            self.api.session.close()

    def ensure_kind(self) -> None:
        """Check that kind exists; pytest-kind would download it."""
        _require(self.kind_path)

    def ensure_kubectl(self) -> None:
        """Check that kubectl exists; pytest-kind would download it."""
        _require(self.kubectl_path)

    def create(self, config_file: str | Path | None = None) -> None:
        """Check that the cluster, created by the run, responds. Raises `ClusterError` if it does not, or for a `config_file`."""
        if config_file is not None:
            raise ClusterError("the cluster already exists", next_step=f"configure it with --kind-config {config_file}")
        server_version(self._address, Deadline.after(30))

    def delete(self) -> None:
        """Refuse: all tests of the run share the cluster, and the run deletes it. Raises `ClusterError`."""
        raise ClusterError(f"cluster {self.name} is in use by the run, which deletes it at the end")

    def load_docker_image(self, docker_image: str) -> None:
        """Load an image from the local engine into every node. Raises `ImageError` if the engine does not have it."""
        if not self._address.nodes:
            raise ClusterError(
                f"cannot load images into cluster {self.name}: kindgate did not create it", next_step="push the image to a registry"
            )
        deadline = Deadline.after(LOAD_SECONDS)
        engine = find_engine(deadline)
        with tempfile.TemporaryDirectory(prefix="kindgate-") as folder:
            archive = Path(folder) / "image.tar"
            image = save_image(engine, docker_image, Path(folder), deadline)
            name = ImageReference.parse(docker_image).loadable(image.manifest.digest)
            write_layout(archive, [image.named(name)])
            load_archive(engine, self._address.nodes, archive, [name.exact], deadline)

    def kubectl(self, *args: str, **kwargs: Any) -> str:  # noqa: ANN401  # passed on to subprocess, as in pytest-kind
        """Run kubectl and return its output; `kwargs` are those of `subprocess.check_output`, with a `timeout` of 300 s by default.

        Raises `subprocess.CalledProcessError` and `subprocess.TimeoutExpired`, as pytest-kind does.
        """
        self.ensure_kubectl()
        options: dict[str, Any] = {"timeout": KUBECTL_SECONDS, "encoding": "utf-8", "env": self._environment(), **kwargs}
        command = [str(self.kubectl_path), *args]
        with logged_call(_LOG, CommandLine(command)):
            output: str = subprocess.check_output(command, **options)
        return output

    @contextmanager
    def port_forward(
        self, service_or_pod_name: str, remote_port: int, *args: str, local_port: int | None = None, retries: int = 10
    ) -> Iterator[int]:
        """Forward a free port of this machine, or `local_port`, to a service or pod; yield the port.

        Waits 2 s per retry for a pod that is not running yet. Raises `ClusterError` with kubectl's output.
        """
        self.ensure_kubectl()
        command: list[str | Path] = [self.kubectl_path, "port-forward", service_or_pod_name, f"{local_port or ''}:{remote_port}", *args]
        deadline = Deadline.after(retries * RETRY_SECONDS)
        with tempfile.TemporaryFile() as output:  # an unread pipe would fill up and block kubectl
            forwarding = _Forwarding(lambda: spawn(command, stdout=output, stderr=output, env=self._environment()), output)
            try:
                yield forwarding.wait(f"`kubectl port-forward {service_or_pod_name}`", deadline)
            finally:
                forwarding.end()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig_path)}


class _Forwarding:
    """A `kubectl port-forward`, restarted if it exits before it forwards anything."""

    def __init__(self, start: Callable[[], subprocess.Popen[bytes]], output: IO[bytes]) -> None:
        self._start = start
        self._output = output
        self._process = start()

    def wait(self, what: str, deadline: Deadline) -> int:
        """Return the local port once kubectl forwards it. Raises `ClusterError` at the deadline."""
        try:
            return wait_for(what, self._port, deadline, interval=0.1)
        except WaitTimeout as error:
            raise ClusterError(error.message, waited=error.waited, last_state=error.last_state) from error

    def _port(self) -> Ready[int] | Pending:
        """The local port, once kubectl has reported it."""
        has_exited = self._process.poll() is not None
        text = self._text()
        match = _FORWARDING.search(text)
        if match and not has_exited:
            return Ready(int(match.group(1)))
        if has_exited:
            self.end()
            self._output.seek(0)
            self._output.truncate()
            self._process = self._start()
        return Pending(text.decode(errors="replace").strip() or "no output from kubectl")

    def end(self) -> None:
        """Stop kubectl."""
        end_group(self._process)

    def _text(self) -> bytes:
        """Output of kubectl, read without moving its write position."""
        return os.pread(self._output.fileno(), 65536, 0)


def _require(tool: Path) -> None:
    if not tool.exists():
        raise ToolError(f"{tool} no longer exists", next_step="rerun: kindgate provides it again")
