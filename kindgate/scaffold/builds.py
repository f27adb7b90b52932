"""Match the manifests' images with the repository's Dockerfiles, because the built images must be judged."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kindgate.images.image_reference import ImageReference
from kindgate.scaffold.dockerfiles import copied_sources, exposed_port
from kindgate.scaffold.hints import ImageHint
from kindgate.scaffold.placeholder_images import is_reference
from kindgate.scaffold.repository_tree import walk_folders

LIBRARY_IMAGES = frozenset(
    """
    adminer aerospike almalinux alpine amazoncorretto amazonlinux api-firewall arangodb archlinux backdrop bash bonita buildpack-
    deps busybox caddy cassandra chronograf cirros clearlinux clefos clickhouse clojure composer convertigo couchbase couchdb
    crate dart debian docker drupal eclipse-mosquitto eclipse-temurin elasticsearch elixir emqx erlang fedora flink fluentd
    friendica gazebo gcc geonetwork ghost golang gradle groovy haproxy haskell haxe hello-world hitch hylang ibm-semeru-runtimes
    ibmjava influxdb irssi jetty joomla jruby julia kapacitor kibana kong krakend lightstreamer liquibase logstash mageia mariadb
    matomo maven mediawiki memcached mongo mongo-express monica mysql nats nats-streaming neo4j neurodebian nextcloud nginx node
    notary odoo open-liberty openjdk oraclelinux orientdb percona perl photon php php-zendserver phpmyadmin plone postfixadmin
    postgres pypy python r-base rabbitmq rakudo-star redis redmine registry rethinkdb rocket.chat rockylinux ros ruby rust
    sapmachine satosa scratch silverpeas sl solr sonarqube spark spiped storm swift swipl tarantool teamspeak telegraf tomcat
    tomee traefik ubuntu unit valkey varnish vault websphere-liberty wordpress xwiki yourls znc zookeeper
    """.split()  # noqa: SIM905  # a word list is easier to read and to extend
)
"""Docker Hub's official images, whose names have no owner: databases, web servers and languages that no application builds."""

TAG = "kindgate"
"""Tag of images that are built from the repository."""

_BUILD_FILE = re.compile(r"(Dockerfile|Containerfile)([.-][\w.-]+)?|[\w-]+\.(Dockerfile|dockerfile)")
_DEVELOPMENT_NAME = re.compile(r"(^|[._/-])(dev|devcontainer|test|tests|testing|lint|ci|docs|local|debug|base|builder|build)([._/-]|$)")


@dataclass(frozen=True)
class Build:
    """`image`, as named in the manifests without tag and digest, is built as `built` from `context`.

    `dockerfile` is relative to the context, empty for `Dockerfile`. `target` is the stage, empty for the last.
    """

    image: str
    built: str
    context: Path
    dockerfile: str = ""
    target: str = ""


@dataclass(frozen=True)
class Builds:
    """The builds, and one note per Dockerfile that was not matched."""

    found: tuple[Build, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Source:
    """A Dockerfile, and possible names of its image, most likely first."""

    file: Path
    context: Path
    target: str
    names: tuple[str, ...]


def find_builds(
    folder: Path, images: Sequence[str], hints: Sequence[ImageHint], repository: str, placeholders: Sequence[str] = ()
) -> Builds:
    """Match the Dockerfiles below `folder` with the `images` of the manifests; `repository` is the repository's name.

    `placeholders` are names of images that a pipeline fills in, so they are never third-party images.
    """
    sources = [*_hinted(hints), *_discovered(folder, {_file_of(hint) for hint in hints}, repository)]
    names = list(dict.fromkeys([*(without_tag(image) for image in images if is_reference(image)), *placeholders]))
    matched: dict[str, _Source] = {}
    application_sources = [source for source in sources if not _is_for_development(folder, source.file)]
    _match_by_name(application_sources, names, matched)
    unmatched = [source for source in application_sources if source not in matched.values()]
    unmatched_images = [image for image in names if image not in matched and (image in placeholders or image not in LIBRARY_IMAGES)]
    if len(unmatched) == 1 and len(unmatched_images) == 1:
        matched[unmatched_images[0]] = unmatched[0]
    elif len(sources) == 1 and not matched and len(names) == 1:
        matched[names[0]] = sources[0]
    _match_by_name([source for source in sources if source not in application_sources], names, matched)
    unmatched = [source for source in sources if source not in matched.values()]
    builds = tuple(_build(image, source) for image, source in sorted(matched.items()))
    reported = [source for source in unmatched if not (matched and _is_for_development(folder, source.file))]
    return Builds(_with_distinct_tags(builds), tuple(_notes(folder, reported, [image for image in names if image not in matched])))


def exposed_ports(builds: Builds, images: Sequence[str], placeholders: Mapping[str, str]) -> Mapping[str, int]:
    """The ports that Dockerfiles expose, by image as named in the manifests; `placeholders` maps images to their likely names."""
    ports = {build.image: exposed_port(dockerfile_of(build).read_text(errors="replace"), build.target) for build in builds.found}
    names = {image: placeholders.get(image) or (without_tag(image) if is_reference(image) else "") for image in images}
    return {image: port for image, name in names.items() if (port := ports.get(name)) is not None}


def dockerfile_of(build: Build) -> Path:
    """The Dockerfile of a build."""
    return build.context / (build.dockerfile or "Dockerfile")


def _match_by_name(sources: Sequence[_Source], images: Sequence[str], matched: dict[str, _Source]) -> None:
    """Add each image with a source's name to `matched`, in the order of the sources."""
    for source in sources:
        image = next((image for name in source.names for image in images if image not in matched and _matches_name(image, name)), None)
        if image is not None:
            matched[image] = source


def short_name(image: str) -> str:
    """The last part of an image's name: `shop` of `example.org/team/shop:1.2`."""
    return ImageReference.parse(image).repository.rpartition("/")[2]


def without_tag(image: str) -> str:
    """The image's familiar name, without tag and digest, as for --app-image."""
    return ImageReference.parse(image).familiar_name


def _hinted(hints: Sequence[ImageHint]) -> Iterator[_Source]:
    """The sources that Skaffold, Tilt or Compose name; the first hint per Dockerfile and stage counts."""
    seen: set[tuple[Path, str]] = set()
    for hint in hints:
        file = _file_of(hint)
        key = (file, hint.target)
        if file.is_file() and key not in seen:
            seen.add(key)
            image = (without_tag(hint.image),) if is_reference(hint.image) else ()  # a pipeline may fill the name in
            yield _Source(file, hint.context, hint.target, (*image, hint.context.name))


def _file_of(hint: ImageHint) -> Path:
    return Path(os.path.normpath(hint.context / hint.dockerfile))


def _discovered(folder: Path, known: set[Path], repository: str) -> Iterator[_Source]:
    for directory, files in walk_folders(folder):
        for name in files:
            file = directory / name
            if _BUILD_FILE.fullmatch(name) and file not in known:
                suffix = re.sub(r"(?i)^(dockerfile|containerfile)[.-]?|\.dockerfile$", "", name)
                parts = [
                    part for part in directory.relative_to(folder).parts[::-1] if part.lower() not in {"docker", "build", "src", "app"}
                ]
                repository_names = [] if parts else [folder.name, repository]
                yield _Source(
                    file, _context(folder, file), "", tuple(dict.fromkeys(one for one in (suffix, *parts[:2], *repository_names) if one))
                )


def _context(folder: Path, file: Path) -> Path:
    """The Dockerfile's own folder, or the nearest one above it that contains what it copies."""
    copied = list(copied_sources(file.read_text(errors="replace")))
    for candidate in (file.parent, *file.parent.parents):
        if all(any(True for _ in candidate.glob(source)) for source in copied):
            return candidate
        if candidate == folder:
            break
    return file.parent


def _matches_name(image: str, name: str) -> bool:
    """Whether `image` probably comes from a source called `name`: the same name, or ending with it after a dash."""
    short, wanted = _slug(short_name(image)), _slug(name.rpartition("/")[2])
    if "/" in name:
        return image == name or image.endswith(f"/{name}") or (short == wanted)
    return short == wanted or short.endswith(f"-{wanted}")


def _is_for_development(folder: Path, file: Path) -> bool:
    """Whether a Dockerfile is probably for tests or development."""
    inside = file.relative_to(folder) if file.is_relative_to(folder) else file
    return _DEVELOPMENT_NAME.search(inside.as_posix().lower()) is not None


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _build(image: str, source: _Source) -> Build:
    dockerfile = os.path.relpath(source.file, source.context).replace(os.sep, "/")
    return Build(image, f"{short_name(image)}:{TAG}", source.context, "" if dockerfile == "Dockerfile" else dockerfile, source.target)


def _with_distinct_tags(builds: tuple[Build, ...]) -> tuple[Build, ...]:
    """Use whole names for images with the same short name."""
    shorts = [short_name(build.image) for build in builds]
    return tuple(
        build if shorts.count(short) == 1 else Build(build.image, f"{build.image}:{TAG}", build.context, build.dockerfile, build.target)
        for build, short in zip(builds, shorts, strict=True)
    )


def _notes(folder: Path, unmatched: Sequence[_Source], images: Sequence[str]) -> Iterator[str]:
    for source in unmatched:
        name = source.file.relative_to(folder) if source.file.is_relative_to(folder) else source.file
        others = f" ({', '.join(images)})" if images else ""
        yield (
            f"{name} is not built: none of the manifests' images{others} matches its name; "
            f"if one does belong to it, add to pytest.ini: app_image = NAME=IMAGE and app_build = IMAGE=FOLDER"
        )
