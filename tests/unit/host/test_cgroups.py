"""Cgroups of containers, read from recorded trees of both versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.host.cgroups import Cgroup, cgroup_of_container

ID = "4f1c0a" * 10 + "beef"

V1 = {
    "proc/42/cgroup": f"9:name=systemd:/docker/{ID}/init.scope\n2:cpu,cpuacct:/docker/{ID}\n1:memory:/docker/{ID}\n0::/\n",
    "proc/self/mountinfo": (
        "25 20 0:22 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755\n"
        "30 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:12 - cgroup cgroup rw,cpu,cpuacct\n"
        "31 25 0:28 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
    ),
    f"sys/fs/cgroup/cpu,cpuacct/docker/{ID}/cpuacct.usage": "1500000000\n",
}
"""Docker with cgroupfs on a hybrid machine: v1 is used, and v2 is mounted next to it."""

V2 = {
    "proc/42/cgroup": f"0::/system.slice/docker-{ID}.scope/init.scope\n",
    "proc/self/mountinfo": "30 25 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw\n",
    f"sys/fs/cgroup/system.slice/docker-{ID}.scope/cpu.stat": "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 0\n",
    f"sys/fs/cgroup/system.slice/docker-{ID}.scope/init.scope/cpu.stat": "usage_usec 7\n",
}
"""Docker with systemd: a node's first process has moved into a cgroup below its container's."""

PODMAN = {
    "proc/42/cgroup": f"0::/machine.slice/libpod-{ID}.scope/container/init.scope\n",
    "proc/self/mountinfo": "30 25 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw\n",
    f"sys/fs/cgroup/machine.slice/libpod-{ID}.scope/cpu.stat": "usage_usec 3500000\n",
}

BOUND = {
    "proc/42/cgroup": f"2:cpuacct:/docker/outer/docker/{ID}\n",
    "proc/self/mountinfo": "30 25 0:27 /docker/outer /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n",
    f"sys/fs/cgroup/cpuacct/docker/{ID}/cpuacct.usage": "4500000000\n",
}
"""In a container with part of the hierarchy mounted: only its own cgroup's descendants are visible."""


def _tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


@pytest.mark.parametrize(("files", "seconds"), [(V1, 1.5), (V2, 2.5), (PODMAN, 3.5), (BOUND, 4.5)], ids=["v1", "v2", "podman", "bound"])
def test_a_containers_cpu_time_includes_its_descendants(tmp_path: Path, files: dict[str, str], seconds: float) -> None:
    """The cgroup named after the container is read, not the one its first process has moved into."""
    group = cgroup_of_container(ID, 42, _tree(tmp_path, files))

    assert group is not None
    assert group.cpu_seconds() == pytest.approx(seconds)


UNKNOWN = {
    "no such process": {"proc/self/mountinfo": V2["proc/self/mountinfo"]},
    "another process of that number": {**V2, "proc/42/cgroup": "0::/user.slice/session-1.scope\n"},
    "outside of this namespace": {
        **V2,
        "proc/42/cgroup": f"0::/../docker-{ID}.scope\n",
        f"sys/fs/docker-{ID}.scope/cpu.stat": "usage_usec 1\n",
    },
    "nothing mounted": {**V2, "proc/self/mountinfo": "25 20 0:22 / / rw - ext4 /dev/vda rw\n"},
    "another part mounted": {**BOUND, "proc/self/mountinfo": BOUND["proc/self/mountinfo"].replace("/docker/outer", "/docker/other")},
    "a hierarchy without CPU time": {**V1, "proc/42/cgroup": f"1:memory:/docker/{ID}\n"},
    "a file that counts nothing": {**V2, f"sys/fs/cgroup/system.slice/docker-{ID}.scope/cpu.stat": "nr_periods 0\n"},
}


@pytest.mark.parametrize("files", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_an_unreadable_group_is_unknown(tmp_path: Path, files: dict[str, str]) -> None:
    """With an engine elsewhere or in another namespace, no other program's CPU time is returned."""
    assert cgroup_of_container(ID, 42, _tree(tmp_path, files)) is None


def test_without_proc_the_group_is_unknown(tmp_path: Path) -> None:
    """Without /proc, as on macOS, the CPU time is unknown."""
    assert cgroup_of_container(ID, 42, tmp_path) is None


@given(below=st.lists(st.text("abc-.", min_size=1, max_size=5), max_size=3), sibling=st.text("xyz0", min_size=1, max_size=5))
def test_a_group_contains_its_members_and_descendants(below: list[str], sibling: str) -> None:
    """A cgroup whose name only starts with this one's is not included."""
    group = Cgroup("/docker/one", Path("cpu.stat"))

    assert group.holds(f"3:cpuacct:{'/'.join(['/docker/one', *below])}\n0::/\n")
    assert not group.holds(f"3:cpuacct:/docker/one{sibling}\n0::/docker\n")
