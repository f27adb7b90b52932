"""Dockerfiles are matched to the images in the manifests, or init gives the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.scaffold.builds import Build, exposed_ports, find_builds, short_name, without_tag
from kindgate.scaffold.hints import ImageHint


def write(root: Path, **files: str) -> None:
    """Write files by path."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def found(root: Path, *images: str, hints: tuple[ImageHint, ...] = ()) -> dict[str, str]:
    """Return the folder (and file) that each image is built from."""
    builds = find_builds(root, images, hints, "shop").found
    return {build.image: "/".join(filter(None, (str(build.context.relative_to(root)), build.dockerfile))) for build in builds}


@pytest.mark.parametrize(
    ("files", "images", "expected"),
    [
        (("Dockerfile",), ("ghcr.io/acme/anything:1",), {"ghcr.io/acme/anything": "."}),
        (("app/Dockerfile",), ("ghcr.io/acme/kiosk:1.4",), {"ghcr.io/acme/kiosk": "app"}),
        (("Containerfile",), ("kiosk@sha256:" + "0" * 64,), {"kiosk": "./Containerfile"}),
        (("Dockerfile",), ("acme/web:1", "postgres:16", "redis:7"), {"acme/web": "."}),
        (
            ("frontend/Dockerfile", "backend/Dockerfile"),
            ("acme/shop-frontend:1", "acme/shop-backend:1", "postgres:16"),
            {"acme/shop-frontend": "frontend", "acme/shop-backend": "backend"},
        ),
        (
            ("services/api/Dockerfile", "services/web/src/Dockerfile"),
            ("api:1", "web:1"),
            {"api": "services/api", "web": "services/web/src"},
        ),
        (
            ("Dockerfile.api", "Dockerfile.worker"),
            ("x/api:1", "x/worker:1"),
            {"x/api": "./Dockerfile.api", "x/worker": "./Dockerfile.worker"},
        ),
        (("Dockerfile", "Dockerfile.dev"), ("acme/web:1",), {"acme/web": "."}),
        (("Dockerfile",), ("nginx:1.25", "redis:7"), {}),
        (("Dockerfile",), ("kiosk-web:latest", "mongo:6", "redis:7"), {"kiosk-web": "."}),
        (("Dockerfile", "tools/Dockerfile"), ("acme/a:1", "acme/b:1"), {}),
        (("node_modules/x/Dockerfile",), ("acme/web:1",), {}),
    ],
)
def test_each_dockerfile_is_matched_with_its_image(
    tmp_path: Path, files: tuple[str, ...], images: tuple[str, ...], expected: dict[str, str]
) -> None:
    """A Dockerfile matches by name, or if one image and one Dockerfile remain; images of Docker Hub's library are never built."""
    write(tmp_path, **dict.fromkeys(files, "FROM scratch\n"))

    assert found(tmp_path, *images) == expected


def test_an_unmatched_dockerfile_is_reported(tmp_path: Path) -> None:
    """The note has the settings to add by hand."""
    write(tmp_path, **{"tools/Dockerfile": "FROM scratch\n"})

    builds = find_builds(tmp_path, ["acme/a:1", "acme/b:1"], (), "shop")

    (note,) = builds.notes
    assert note.startswith("tools/Dockerfile is not built")
    assert "acme/a, acme/b" in note
    assert "app_build = IMAGE=FOLDER" in note


def test_dockerfiles_for_tests_and_debugging_are_ignored(tmp_path: Path) -> None:
    """Dockerfiles for tests and debugging are skipped; a placeholder is left to validation, which knows its line."""
    write(tmp_path, **dict.fromkeys(("Dockerfile", "Dockerfile.debug", "web/tests/Dockerfile"), "FROM scratch\n"))

    builds = find_builds(tmp_path, ["acme/web:1", "${{ secrets.USER }}/app:latest"], (), "shop")

    assert [build.image for build in builds.found] == ["acme/web"]
    assert builds.notes == ()


@pytest.mark.parametrize(
    ("files", "name", "context"),
    [
        (("Dockerfile",), "app", "."),
        (("services/cart/Dockerfile", "tools/Dockerfile"), "cart", "services/cart"),
        (("a/Dockerfile",), "shop", "a"),
    ],
)
def test_a_placeholder_is_an_image_of_the_repository(tmp_path: Path, files: tuple[str, ...], name: str, context: str) -> None:
    """A placeholder with a short name is not an image of Docker Hub's library; its port is recorded under the image in the manifests."""
    write(tmp_path, **dict.fromkeys(files, "FROM scratch\nEXPOSE 8000\n"))
    image = f"${{USER}}/{name}:latest"

    builds = find_builds(tmp_path, [image, "redis:7", "postgres:16"], (), "shop", [name])

    assert [(build.image, build.context.relative_to(tmp_path).as_posix()) for build in builds.found] == [(name, context)]
    assert exposed_ports(builds, [image, "redis:7"], {image: name}) == {image: 8000}


def test_a_hint_with_a_placeholder_is_matched_by_service_name(tmp_path: Path) -> None:
    """An image name with a variable is no reference, but the Compose service's folder still identifies the image."""
    write(tmp_path, **{"shop/Dockerfile": "FROM scratch\n"})
    hints = (ImageHint("${REGISTRY:-x}/shop:1", tmp_path / "shop", "Dockerfile", "", tmp_path / "compose.yaml"),)

    assert found(tmp_path, "acme/shop:1", "redis:7", hints=hints) == {"acme/shop": "shop"}


def test_hints_take_precedence_over_guesses(tmp_path: Path) -> None:
    """Skaffold, Tilt and Compose define context, file and stage; a Compose service can match by its own name."""
    write(tmp_path, **{"docker/a.Dockerfile": "FROM scratch AS run\n", "b/Dockerfile": "FROM scratch\n"})
    hints = (
        ImageHint("gcr.io/acme/one", tmp_path, "docker/a.Dockerfile", "run", tmp_path / "skaffold.yaml"),
        ImageHint("two", tmp_path / "b", "Dockerfile", "", tmp_path / "compose.yaml"),
    )

    builds = find_builds(tmp_path, ["gcr.io/acme/one:3", "registry.example/shop/two:1"], hints, "shop")

    assert builds.found == (
        Build("gcr.io/acme/one", "one:kindgate", tmp_path, "docker/a.Dockerfile", "run"),
        Build("registry.example/shop/two", "two:kindgate", tmp_path / "b"),
    )
    assert builds.notes == ()


@pytest.mark.parametrize(
    ("copied", "context"),
    [
        ("COPY go.mod main.go ./\n", "."),
        ("COPY --chown=1:1 app/requirements.txt /x/\n", "."),
        ('COPY ["app/requirements.txt", "/x"]\n', "."),
        ("COPY requirements.txt /x/\n", "app"),
        ("COPY . .\n", "app"),
        ("COPY --from=build /out /x\nADD https://example.org/x /x\n", "app"),
        ("COPY $FILE /x\n", "app"),
        ("COPY nowhere /x\n", "app"),
    ],
)
def test_the_context_contains_the_copied_sources(tmp_path: Path, copied: str, context: str) -> None:
    """If a Dockerfile copies files from the parent folder, that is the context."""
    write(tmp_path, **{"app/Dockerfile": f"FROM scratch\n{copied}", "app/requirements.txt": "", "go.mod": "", "main.go": ""})

    (build,) = find_builds(tmp_path, ["acme/x:1"], (), "shop").found

    assert build.context.relative_to(tmp_path).as_posix() == context


def test_images_with_equal_short_names_get_distinct_tags(tmp_path: Path) -> None:
    """Images with the same short name get different tags in the local engine."""
    write(tmp_path, **{"a/web/Dockerfile": "FROM scratch\n", "b/web/Dockerfile": "FROM scratch\n"})

    built = [build.built for build in find_builds(tmp_path, ["a/web:1", "b/web:1"], (), "shop").found]

    assert built == ["a/web:kindgate", "b/web:kindgate"]


@pytest.mark.parametrize(
    ("image", "short", "bare"),
    [
        ("shop", "shop", "shop"),
        ("shop:1.2", "shop", "shop"),
        ("example.org:5000/team/shop:1.2", "shop", "example.org:5000/team/shop"),
        ("example.org/shop@sha256:" + "a" * 64, "shop", "example.org/shop"),
    ],
)
def test_an_image_name_is_parsed(image: str, short: str, bare: str) -> None:
    """A port in the registry's host is not a tag."""
    assert (short_name(image), without_tag(image)) == (short, bare)
