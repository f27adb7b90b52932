"""Settings: sources of values, and refused values."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import SettingsError
from kindgate.options import option_fields
from kindgate.settings import Settings
from kindgate.settings_sources import build_settings

ROOT = Path("/somewhere")


def test_the_command_line_overrides_the_ini_file_and_that_the_environment() -> None:
    """Each source applies only if the earlier ones give no value."""
    environment = {"KINDGATE_KIND_WORKERS": "1", "KINDGATE_LOAD_RATE": "11", "KINDGATE_LOAD_SEED": "5"}
    ini = {"kind_workers": "2", "load_rate": "22"}
    settings = build_settings(ROOT, {"kind_workers": "3"}, ini, environment)

    assert (settings.cluster.workers, settings.load.rate, settings.load.seed) == (3, 22.0, 5)


def test_paths_are_relative_to_their_source() -> None:
    """Ini file paths start from its folder, command-line and environment paths from the command's folder."""
    folder = Path("/here")
    options = {"app_overlay": "k8s", "app_apply": ["crds", "/db"]}

    settings = build_settings(ROOT, options, {"slo_file": "slo.yaml"}, {"KINDGATE_ARTIFACTS": "out", "KINDGATE_KIND_WORKERS": "1"}, folder)

    assert settings.path(settings.deploy.overlay) == folder / "k8s"
    assert settings.deploy.apply == (folder / "crds", Path("/db"))
    assert settings.path(settings.slo.file) == ROOT / "slo.yaml"
    assert settings.path(settings.report.artifacts) == folder / "out"
    assert build_settings(ROOT, options, {}, {}, ROOT).deploy.overlay == Path("k8s")


def test_unset_options_have_defaults() -> None:
    """Empty values of any kind count as unset."""
    options = {row.option.ini: () if row.repeatable else False if row.switch else None for row in option_fields(Settings)}

    assert build_settings(ROOT, options, dict.fromkeys(options, ""), {}) == Settings(root=ROOT)


def test_lists_and_switches_are_parsed_from_text() -> None:
    """An ini file separates list items by whitespace and writes switches as words."""
    settings = build_settings(ROOT, {}, {"kind_load": "a:1\nb.tar", "slo_quick": "yes"}, {"KINDGATE_IMAGES_ALLOW_MISSING": "off"})

    assert settings.images.load == ("a:1", "b.tar")
    assert settings.slo.quick
    assert not settings.images.allow_missing


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("kind_workers", "-1", "--kind-workers"),
        ("kind_workers", "100", "--kind-workers"),
        ("kind_workers", "two", "--kind-workers"),
        ("kind_keep", "sometimes", "--kind-keep"),
        ("cluster_name", "Not_A_Name", "--cluster-name"),
        ("cluster_name", "x" * 51, "--cluster-name"),
        ("kind_host_port", "70000", "--kind-host-port"),
        ("load_rate", "0", "--load-rate"),
        ("load_duration", "2q", "--load-duration: '2q' is not a duration"),
        ("load_duration", "inf", "--load-duration: 'inf' is not a duration"),
        ("load_duration", "0ms", "--load-duration: Input should be greater than 0"),
        ("load_warmup", "-1", "--load-warmup: Input should be greater than or equal to 0"),
        ("slo_bursts", "0", "--slo-bursts"),
        ("app_image", ["no-equals-sign"], "--app-image"),
        ("kind_context", "c", "--kind-existing"),
    ],
)
def test_an_invalid_value_is_refused_with_its_options_name(option: str, value: object, message: str) -> None:
    """The error names the option and has exit code 10."""
    with pytest.raises(SettingsError, match=message) as caught:
        build_settings(ROOT, {option: value}, {}, {})

    assert caught.value.exit_code == 10


@pytest.mark.parametrize(("text", "seconds"), [("2", 2), ("2s", 2), ("500ms", 0.5), ("1m30s", 90), ("0.5", 0.5)])
def test_every_option_in_seconds_accepts_a_duration(text: str, seconds: float) -> None:
    """The command line, the ini file and the environment behave alike."""
    rows = [row for row in option_fields(Settings) if row.option.is_duration]
    assert len(rows) >= 6

    for row in rows:
        ini, variable = {row.option.ini: text}, {row.option.variable: text}
        built = (build_settings(ROOT, ini, {}, {}), build_settings(ROOT, {}, ini, {}), build_settings(ROOT, {}, {}, variable))
        found = {getattr(getattr(settings, row.group), row.name) for settings in built}
        assert found == {seconds}


def test_contradictory_options_are_refused() -> None:
    """An existing cluster is never deleted, so it cannot be kept either."""
    options = {"kind_existing": "kc", "kind_context": "c", "ingress_url": "http://127.0.0.1", "kind_keep": "always"}

    with pytest.raises(SettingsError, match="--kind-keep"):
        build_settings(ROOT, options, {}, {})


def test_reuse_keeps_the_cluster() -> None:
    """--kind-reuse implies keeping; it contradicts a keep option that deletes some clusters."""
    assert build_settings(ROOT, {"kind_reuse": True}, {}, {}).keep == "always"
    assert build_settings(ROOT, {}, {}, {}).keep == "never"
    with pytest.raises(SettingsError, match="--kind-reuse"):
        build_settings(ROOT, {"kind_reuse": True, "kind_keep": "on-failure"}, {}, {})


def test_the_default_cluster_name_depends_on_the_folder() -> None:
    """Two folders get two names, one folder always gets the same, and a given name takes precedence."""
    first_folder, second_folder = Settings(root=Path("/a")).cluster_name, Settings(root=Path("/b")).cluster_name

    assert first_folder == Settings(root=Path("/a")).cluster_name
    assert first_folder != second_folder
    assert build_settings(ROOT, {"cluster_name": "mine"}, {}, {}).cluster_name == "mine"


def test_every_option_has_a_unique_flag_and_a_help_text() -> None:
    """The table has no duplicates or gaps."""
    rows = list(option_fields(Settings))

    assert len({row.option.flag for row in rows}) == len(rows) > 20
    assert all(row.option.help and (row.switch or row.option.metavar) for row in rows)
