"""Location of the bundled manifests and the image catalogue: `k8s/` of the checkout, or the copy inside the wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def manifests() -> Path:
    """Return the folder with `base/`, `components/`, `overlays/`, `images/` and `kind/`.

    Raises `FileNotFoundError` if the package was installed without it.
    """
    for candidate in (PACKAGE / "k8s", PACKAGE.parent / "k8s"):
        if (candidate / "components").is_dir():
            return candidate
    raise FileNotFoundError("kindgate was installed without its k8s/ folder: reinstall it from the wheel or the checkout")
