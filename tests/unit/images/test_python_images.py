"""Images of Python programs: wheels with pinned hashes, the same as the project's own, plus kindgate itself."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from pathlib import Path

import pytest

from kindgate import assets
from kindgate.errors import ImageError
from kindgate.images.build.catalogue import PythonImage, read_catalogue
from kindgate.images.build.python_images import PythonImageBuilder
from kindgate.images.image_lock import read_lock
from kindgate.version import __version__
from kindgate.waiting import Deadline

IMAGES = assets.manifests() / "images"
LOCK = assets.PACKAGE.parent / "requirements-dev.lock"


def wheel(folder: Path) -> Path:
    """Build a wheel with one module."""
    path = folder / "tiny-1.0-py3-none-any.whl"
    files = {
        "tiny.py": "ANSWER = 42\n",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        rows = []
        for name, text in files.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows.append(f"{name},sha256={digest},{len(text)}")
        archive.writestr("tiny-1.0.dist-info/RECORD", "\n".join([*rows, "tiny-1.0.dist-info/RECORD,,"]) + "\n")
    return path


def image(requirements: str) -> PythonImage:
    """An image that needs these wheels."""
    return PythonImage.model_validate(
        {"base": "python", "release": "3.11", "requirements": requirements, "entrypoint": ["/usr/bin/python3"]}
    )


def builder(folder: Path) -> PythonImageBuilder:
    """A builder in `folder`, which also has the requirements."""
    return PythonImageBuilder(folder, folder / "cache", lambda _: None, Deadline.after(120))


def test_wheels_become_files_of_the_image(tmp_path: Path) -> None:
    """The unpacked wheels are on the image's PYTHONPATH, without bytecode."""
    path = wheel(tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "requirements.txt").write_text(f"tiny @ {path.as_uri()} --hash=sha256:{digest}\n")

    entries = builder(tmp_path).wheels("tool", image("requirements.txt"))

    assert "/opt/kindgate/tiny.py" in {entry.path for entry in entries}
    assert not any(entry.path.endswith(".pyc") for entry in entries)


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path) -> None:
    """The error includes pip's message."""
    (tmp_path / "requirements.txt").write_text(f"tiny @ {wheel(tmp_path).as_uri()} --hash=sha256:{'0' * 64}\n")

    with pytest.raises(ImageError, match="cannot fetch the wheels of tool") as raised:
        builder(tmp_path).wheels("tool", image("requirements.txt"))

    assert "HASH" in raised.value.last_state.upper()


def test_a_wheel_without_a_hash_is_refused(tmp_path: Path) -> None:
    """Nothing unpinned gets into an image."""
    (tmp_path / "requirements.txt").write_text(f"tiny @ {wheel(tmp_path).as_uri()}\n")

    with pytest.raises(ImageError, match="cannot fetch the wheels of tool"):
        builder(tmp_path).wheels("tool", image("requirements.txt"))


def test_other_wheels_or_another_release_change_the_key(tmp_path: Path) -> None:
    """The key covers everything the image is built from."""
    (tmp_path / "one.txt").write_text("tiny==1\n")
    (tmp_path / "two.txt").write_text("tiny==2\n")
    shop = builder(tmp_path)

    keys = {shop.key(image("one.txt")), shop.key(image("two.txt")), shop.key(image("one.txt").model_copy(update={"release": "3.12"}))}

    assert len(keys) == 3


def test_the_generators_wheels_match_the_development_lock() -> None:
    """Each wheel has the version and the hashes of requirements-dev.lock."""
    locked = LOCK.read_text()
    pinned = (IMAGES / "load-generator" / "requirements.txt").read_text()

    packages = re.findall(r"^([\w.-]+==[\w.]+) ", pinned, re.MULTILINE)
    hashes = re.findall(r"sha256:[0-9a-f]{64}", pinned)

    assert len(packages) > 30
    assert [package for package in packages if not re.search(rf"^{re.escape(package)}[ ;]", locked, re.MULTILINE)] == []
    assert [entry for entry in hashes if entry not in locked] == []


def test_the_bundled_generators_image_can_be_built() -> None:
    """Component, lock and catalogue name the same image, with this version as its tag."""
    name = f"kindgate.local/load-generator:{__version__}"
    component = assets.manifests() / "components" / "load-generators"

    named = {image for file in component.glob("*.yaml") for image in re.findall(r"image: (\S+)", file.read_text())}

    assert named == {name}
    assert read_lock(IMAGES / "images.lock").images[name].build in read_catalogue(IMAGES / "catalogue.yaml").buildable
