"""Reading facts about the machine from system files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.host.facts import gather_facts, has_capability, parse_os_release

OS_RELEASE = """PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
# a comment=1
ID=debian
VERSION_CODENAME=bookworm

broken "line
"""


def test_os_release_is_read_with_and_without_quotes() -> None:
    """Values can be quoted or not, and a line that is neither an assignment nor a comment is skipped."""
    assert parse_os_release(OS_RELEASE) == {
        "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)",
        "ID": "debian",
        "VERSION_CODENAME": "bookworm",
    }


@given(st.text())
def test_any_os_release_can_be_read(text: str) -> None:
    """A malformed file does not end the run."""
    parse_os_release(text)


@pytest.mark.parametrize(("mask", "capable"), [("000001ffffffffff", True), ("000001fffeffffff", False), ("0000000000000000", False)])
def test_a_capability_is_one_bit_of_the_mask(mask: str, *, capable: bool) -> None:
    """The middle mask is that of a host with every capability except CAP_SYS_RESOURCE."""
    assert has_capability(f"Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t{mask}\n", 24) is capable


def test_without_the_file_no_capability_is_known() -> None:
    """Only Linux has the file with the capabilities."""
    assert not has_capability("", 24)


@pytest.mark.parametrize(("files", "version"), [((), 0), (("sys/fs/cgroup/cpu/tasks",), 1), (("sys/fs/cgroup/cgroup.controllers",), 2)])
def test_the_cgroup_version_is_derived_from_the_hierarchy(tmp_path: Path, files: tuple[str, ...], version: int) -> None:
    """Version 2 lists its controllers at the root; version 1 has one folder per controller."""
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("")
    assert gather_facts(tmp_path).cgroup_version == version


def test_facts_are_gathered_from_the_files(tmp_path: Path) -> None:
    """Each value comes from the corresponding kernel file."""
    for name, text in {
        "etc/os-release": "ID=ubuntu\nVERSION_CODENAME=noble\n",
        "proc/sys/fs/inotify/max_user_watches": "8192\n",
        "proc/sys/fs/inotify/max_user_instances": "128\n",
        "proc/self/status": "CapEff:\t000001ffffffffff\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    facts = gather_facts(tmp_path)
    assert (facts.os_id, facts.os_codename, facts.inotify_watches, facts.inotify_instances) == ("ubuntu", "noble", 8192, 128)
    assert facts.cap_sys_resource
    assert facts.cpus >= 1
    assert facts.memory > 0
