"""A node's root filesystem: Debian, kind's own files, the edits of kind's Dockerfile (`images/base` of its module), and images."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kindgate.errors import ImageError, WaitFailed, WaitTimeout
from kindgate.host.command import end_group, run, spawn
from kindgate.images.build.catalogue import Storage
from kindgate.images.build.debian import in_root
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready, wait_for

_CNI_PLUGINS = ("host-local", "loopback", "ptp", "portmap", "bridge")
_UNITS = ("kubelet.service", "containerd.service", "undo-mount-hacks.service")
_UNWANTED = (
    "lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
    "lib/systemd/system/multi-user.target.wants/*",
    "lib/systemd/system/local-fs.target.wants/*",
    "lib/systemd/system/basic.target.wants/*",
    "lib/systemd/system/sockets.target.wants/*udev*",
    "lib/systemd/system/sockets.target.wants/*initctl*",
    "etc/systemd/system/*.wants/*",
)


_CONTAINERD_CONFIGURATION = """\
version = 3
root = "{root}"
state = "{work}/state"
disabled_plugins = [
  "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt",
  "io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]
[grpc]
  address = "{work}/containerd.sock"
[ttrpc]
  address = "{work}/ttrpc.sock"
"""


def make_root(root: Path, *, debian: Path, kind: Path, programs: Mapping[str, Path], links: Mapping[str, str], deadline: Deadline) -> None:
    """Make a node's root filesystem in `root`, except for manifests and images.

    It is a copy of `debian`, Debian's root filesystem, with the files of `kind`, the folder of kind's module, and
    `programs`, which maps a path in the node to a file on this machine; `links` maps a path in the node to a target.
    """
    run(["cp", "--archive", "--reflink=auto", debian, root], deadline=deadline)
    _copy_kind_files(kind / "images" / "base" / "files", root)
    for path, program in programs.items():
        _install(program, root / path.lstrip("/"), 0o755)
    for path, target in links.items():
        (root / path.lstrip("/")).symlink_to(target)
    _edit_services(root, deadline)
    _move_network_plugins(root)
    _write_runtime_spec(root, deadline)


def write_manifests(root: Path, kubernetes: str, network: Path, kind: Path, storage: Storage) -> None:
    """Write kind's inputs in a node: its Kubernetes version, and the manifests that it applies to a new cluster."""
    folder = root / "kind" / "manifests"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "kind" / "version").write_text(kubernetes)
    (root / "etc/kubernetes/manifests").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(network, folder / "default-cni.yaml")
    source = kind / "pkg/build/nodeimage/const_storage.go"
    (folder / "default-storage.yaml").write_text(storage_manifest(source.read_text(), storage))


def import_images(root: Path, archive: Path, deadline: Deadline) -> None:
    """Import every image of an OCI archive into `root` by briefly running its own containerd, without a container.

    Images stay packed: a node's /var is a volume that is copied for every node, and unpacked images are three times as
    large. Raises `ImageError` or `CommandFailed`.
    """
    # not below the cache folder: a socket path is limited to 107 characters
    with tempfile.TemporaryDirectory(prefix="kindgate-") as work, _containerd(root, Path(work), deadline) as ctr:
        images = [*ctr, "--namespace", "k8s.io", "images"]
        run([*images, "import", "--no-unpack", archive], deadline=deadline)
        if not run([*images, "ls", "-q"], deadline=deadline).stdout.split():
            raise ImageError(f"containerd imported no image from {archive}")


def storage_manifest(source: str, storage: Storage) -> str:
    """The manifest of the default StorageClass, a Go constant in kind, with our images' names inserted."""
    found = re.search(r"^const defaultStorageManifest = `\n(.*?)^`", source, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ImageError(
            "this version of kind keeps its storage manifest elsewhere", next_step="use the version that the catalogue specifies"
        )
    return found[1].replace("` + storageProvisionerImage + `", storage.provisioner).replace("` + storageHelperImage + `", storage.helper)


def _copy_kind_files(files: Path, root: Path) -> None:
    for file in sorted(path for path in files.rglob("*") if path.is_file()):
        name = file.relative_to(files)
        _install(file, root / name, 0o755 if name.parts[-2] == "bin" else 0o644)


def _install(file: Path, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
    target.chmod(mode)


def _edit_services(root: Path, deadline: Deadline) -> None:
    for pattern in _UNWANTED:
        for path in root.glob(pattern):
            path.unlink()
    with (root / "etc/systemd/journald.conf").open("a") as journald:
        journald.write("ReadKMsg=no\n")
    in_root(root, ["systemctl", "-q", "enable", *_UNITS], deadline)
    # binfmt_misc is global to the machine's kernel
    in_root(root, ["systemctl", "-q", "mask", "systemd-binfmt.service"], deadline)
    # a host without CAP_SYS_RESOURCE rejects these, and so the unit
    _edit(root / "etc/systemd/system/containerd.service", r"(?m)^(OOMScoreAdjust|LimitNPROC|LimitCORE|LimitNOFILE)=.*\n", "")
    _edit(root / "etc/containerd/config.toml", r"restrict_oom_score_adj = false", "restrict_oom_score_adj = true")


def _edit(file: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, file.read_text())
    if not count:
        raise ImageError(f"kind's {file.name} has changed", next_step="use the version of kind that the catalogue specifies")
    file.write_text(text)


def _move_network_plugins(root: Path) -> None:
    target = root / "opt/cni/bin"
    target.mkdir(parents=True, exist_ok=True)
    for plugin in _CNI_PLUGINS:
        (root / "usr/lib/cni" / plugin).rename(target / plugin)
    shutil.rmtree(root / "usr/lib/cni")


def _write_runtime_spec(root: Path, deadline: Deadline) -> None:
    """Write the runtime's default container specification with kind's hook, without limits that a host may refuse."""
    spec = json.loads(in_root(root, ["ctr", "oci", "spec"], deadline))
    spec.setdefault("hooks", {}).setdefault("createContainer", []).append({"path": "/kind/bin/mount-product-files.sh"})
    spec["process"].pop("rlimits", None)
    (root / "etc/containerd/cri-base.json").write_text(json.dumps(spec, indent=2) + "\n")


@contextmanager
def _containerd(root: Path, work: Path, deadline: Deadline) -> Iterator[list[str]]:
    """Run the containerd of `root`; yield the command that talks to it."""
    configuration, log = work / "config.toml", work / "log"
    configuration.write_text(_CONTAINERD_CONFIGURATION.format(root=root / "var/lib/containerd", work=work))
    ctr = [str(root / "usr/local/bin/ctr"), "--address", f"{work}/containerd.sock"]
    command = [str(root / "usr/local/bin/containerd"), "--config", str(configuration)]
    with log.open("wb") as output, spawn(command, stdout=output, stderr=output) as daemon:

        def probe() -> Ready[None] | Pending | PermanentFailure:
            if daemon.poll() is not None:
                return PermanentFailure(f"it exited with code {daemon.returncode}")
            result = run([*ctr, "version"], deadline=deadline, check=False)
            return Ready(None) if result.returncode == 0 else Pending(result.stderr)

        try:
            wait_for("containerd", probe, deadline.at_most(30))
            yield ctr
        except (WaitFailed, WaitTimeout) as error:
            raise ImageError("the node's containerd fails to start on this machine", last_state=log.read_text()) from error
        finally:
            end_group(daemon)
