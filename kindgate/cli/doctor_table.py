"""The table of `kindgate doctor`."""

from __future__ import annotations

from kindgate import assets
from kindgate.errors import HostError
from kindgate.host.doctor import run_checks
from kindgate.images.build.catalogue import read_catalogue
from kindgate.images.image_lock import read_lock
from kindgate.report.plain_text import aligned
from kindgate.settings import Settings
from kindgate.waiting import Deadline

EXAMINE_SECONDS = 60.0


def inspect_host(settings: Settings) -> None:
    """Print every check with its value, verdict and advice; raise `HostError` if one blocks."""
    folder = assets.manifests() / "images"
    lock = read_lock(folder / "images.lock")
    checks = run_checks(
        host_port=settings.cluster.host_port,
        registries=[settings.images.registry_mirror] if settings.images.registry_mirror else lock.registries,
        kubectl=read_catalogue(folder / "catalogue.yaml").recipe("kube", folder),
        seed=settings.path(settings.images.seed) if settings.images.seed is not None else None,
        deadline=Deadline.after(EXAMINE_SECONDS),
    )
    rows = ((check.name, check.verdict, check.value, check.advice) for check in checks)
    for line in aligned([("check", "verdict", "value", "what to do"), *rows]):
        print(line)
    blocking = [check.name for check in checks if check.verdict == "block"]
    if blocking:
        raise HostError(f"this machine cannot run kindgate: {', '.join(blocking)}", next_step="follow the advice in the table above")
