"""Control groups of pods, read from recorded trees of both versions and both of the kubelet's drivers."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.host.cgroups import Cgroup
from kindgate.host.pod_cgroups import PodGroup, pod_groups

NODE = "docker/4f1c0a"
UID = "13dbcd47-1a3d-49ba-b5c9-aab25581308d"
OTHER = "ee3033cc-8eed-492e-8ebe-d91fcb0e6acd"

SYSTEMD_V1 = (
    f"kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{UID.replace('-', '_')}.slice"
)
CGROUPFS_V2 = f"kubelet/kubepods/besteffort/pod{UID}"

DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     500       0    0    0    0     0          0         0      500       0    0    0    0     0       0          0
  eth0:  620619    2424    0    0    0     0          0         0   389844    1902    0    0    0     0       0          0
"""


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def v1(root: Path) -> Cgroup:
    """Write a node with one pod in the v1 hierarchies, as Docker and a kubelet with systemd create them."""
    mounts = "".join(
        f"{number} 25 0:{number} / /sys/fs/cgroup/{name} rw shared:1 - cgroup cgroup rw,{name}\n"
        for number, name in enumerate(("cpuacct", "memory"), 30)
    )
    _write(
        root,
        {
            "proc/self/mountinfo": mounts,
            f"sys/fs/cgroup/cpuacct/{NODE}/cpuacct.usage": "9000000000\n",
            f"sys/fs/cgroup/cpuacct/{NODE}/{SYSTEMD_V1}/cpuacct.usage": "1500000000\n",
            f"sys/fs/cgroup/cpuacct/{NODE}/{SYSTEMD_V1}/cgroup.procs": "",
            f"sys/fs/cgroup/cpuacct/{NODE}/{SYSTEMD_V1}/cri-1.scope/cgroup.procs": "77\n78\n",
            f"sys/fs/cgroup/memory/{NODE}/{SYSTEMD_V1}/memory.usage_in_bytes": "5000000\n",
            f"sys/fs/cgroup/memory/{NODE}/{SYSTEMD_V1}/memory.stat": "cache 3000000\ntotal_inactive_file 1000000\n",
            "proc/77/net/dev": DEV,
        },
    )
    return Cgroup(f"/{NODE}", root / f"sys/fs/cgroup/cpuacct/{NODE}/cpuacct.usage")


def v2(root: Path) -> Cgroup:
    """Write the same in the unified hierarchy, with the kubelet's other driver."""
    pod = f"sys/fs/cgroup/{NODE}/{CGROUPFS_V2}"
    _write(
        root,
        {
            "proc/self/mountinfo": "30 25 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw\n",
            f"sys/fs/cgroup/{NODE}/cpu.stat": "usage_usec 9000000\n",
            f"{pod}/cpu.stat": "usage_usec 1500000\nuser_usec 1\n",
            f"{pod}/memory.current": "5000000\n",
            f"{pod}/memory.stat": "file 3000000\ninactive_file 1000000\n",
            f"{pod}/cgroup.procs": "",
            f"{pod}/container/cgroup.procs": "77\n",
            "proc/77/net/dev": DEV,
        },
    )
    return Cgroup(f"/{NODE}", root / f"sys/fs/cgroup/{NODE}/cpu.stat")


@pytest.fixture(params=[v1, v2], ids=["v1", "v2"])
def group(request: pytest.FixtureRequest, tmp_path: Path) -> PodGroup:
    """The group of the recorded pod."""
    return pod_groups([request.param(tmp_path)], [UID, OTHER], tmp_path)[UID]


def test_a_pod_is_found_by_its_uid(group: PodGroup) -> None:
    """CPU time is that of the pod, not of its node."""
    assert group.cpu_seconds() == pytest.approx(1.5)


def test_reclaimable_file_pages_are_not_part_of_the_working_set(group: PodGroup) -> None:
    """The kubelet subtracts inactive file pages too."""
    assert group.working_set() == 4_000_000


def test_traffic_excludes_the_loopback_interface(group: PodGroup) -> None:
    """A process of any container shows the interfaces of the whole pod."""
    assert group.traffic() == (620619, 389844)


def test_a_pod_that_is_not_visible_is_left_out(tmp_path: Path) -> None:
    """A pod on a node of another machine has no group here."""
    assert set(pod_groups([v1(tmp_path)], [UID, OTHER], tmp_path)) == {UID}


@pytest.mark.parametrize("name", ["kubepods", "kubelet-kubepods-besteffort.slice", f"pod{OTHER}", f"pod{UID}x", f"x{UID}"])
def test_other_groups_are_not_taken_for_the_pods(tmp_path: Path, name: str) -> None:
    """Only a group that ends in the pod's UID is the pod's."""
    node = v2(tmp_path)
    stray = node.usage.parent / "kubelet" / name / "cpu.stat"
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_text("usage_usec 7\n")
    assert pod_groups([node], [UID], tmp_path)[UID].cpu_seconds() == pytest.approx(1.5)


def test_an_ended_pod_raises(group: PodGroup) -> None:
    """Its CPU time is unknown, which must not be read as zero."""
    group.cpu.usage.unlink()
    with pytest.raises(OSError, match="No such file"):
        group.cpu_seconds()


def test_unreadable_memory_and_traffic_are_unknown(group: PodGroup) -> None:
    """Hosts that hide other users' processes, and kernels without memory groups, lack these figures."""
    assert group.memory is not None
    (group.memory / "memory.stat").unlink()
    (group.proc / "77/net/dev").unlink()
    assert group.working_set() is None
    assert group.traffic() is None
