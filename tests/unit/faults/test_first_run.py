"""Programs that an interrupted first run completed, and those that the next run built again."""

from pathlib import Path

from tests.faults.first_run import programs_in, rebuilt_programs


def test_only_complete_programs_count(tmp_path: Path) -> None:
    """A folder that is still being filled has another name, and one without a version is not a program."""
    whole = ("kube@v1.37.2-4af027bf3d7372b8", "containerd-shim-runc-v2@v2.3.4-ebf99c16ee2da9ae")
    for name in (*whole, ".new-x", ".etcd@v3.7.0-5ed1.lock", "pause-bcbe"):
        (tmp_path / "binaries" / name).mkdir(parents=True)

    assert programs_in(tmp_path) == {"kube@v1.37.2", "containerd-shim-runc-v2@v2.3.4"}
    assert not programs_in(tmp_path / "binaries")


def test_a_rebuilt_existing_program_is_named() -> None:
    """Other newly built programs are not named, nor is one that was only unpacked."""
    log = "kube@v1.37.2: compiling ...\netcd@v3.7.0: compiling, 15 s\ntraefik@3.7.15: unpacked from seed\n"

    assert rebuilt_programs(log, frozenset({"kube@v1.37.2", "traefik@3.7.15"})) == ("kube@v1.37.2 was rebuilt",)
