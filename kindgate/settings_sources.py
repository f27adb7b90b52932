"""The sources of settings: command line, ini file, environment, and how their texts become values.

An option is `--kind-workers 2` on a command line, `kind_workers = 2` in pytest.ini, `KINDGATE_KIND_WORKERS=2` in the
environment. The command line overrides the ini file, which overrides the environment, which overrides the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from kindgate.duration import EXAMPLES, signed_seconds
from kindgate.errors import SettingsError
from kindgate.options import OptionField, option_fields
from kindgate.settings import Settings


def build_settings(
    root: Path,
    command_line: Mapping[str, object],
    ini: Mapping[str, str],
    environment: Mapping[str, str],
    folder: Path | None = None,
) -> Settings:
    """The settings of a run: command line over ini over environment over default.

    `command_line` and `ini` are keyed by the option's ini name; None, an empty list, an empty text or a switch that
    is off count as not set. Relative paths on the command line and in the environment are resolved against `folder`, where
    the run was started (default: `root`); those in the ini file against `root`, its own folder. Raises `SettingsError` that
    names the option and the problem with the value.
    """
    start = None if folder is None or folder.resolve() == root.resolve() else folder.absolute()
    groups: dict[str, dict[str, object]] = {}
    for row in option_fields(Settings):
        key = row.option.ini
        from_command_line = command_line.get(key)
        text = ini.get(key) or environment.get(row.option.variable)
        if from_command_line not in (None, [], (), "", False):
            value = from_command_line
        elif text:
            value = text.split() if row.repeatable else text
        else:
            continue
        converted = _converted(row, value)
        from_ini = value is not from_command_line and bool(ini.get(key))
        groups.setdefault(row.group, {})[row.name] = converted if from_ini or start is None else _absolute_from(start, converted)
    defaults = Settings()
    group_settings = {name: type(getattr(defaults, name))(**values) for name, values in groups.items()}
    return Settings(root=root, **group_settings)


def _absolute_from(folder: Path, value: object) -> object:
    """`value` with its relative paths made absolute."""
    if isinstance(value, Path):
        return folder / value
    return tuple(folder / item if isinstance(item, Path) else item for item in value) if isinstance(value, tuple) else value


_TEXT_CONVERTERS: Mapping[Any, Callable[[Any], object]] = {
    str: str,
    Path: Path,
    Path | None: Path,
    tuple[str, ...]: tuple,
    tuple[Path, ...]: lambda items: tuple(map(Path, items)),
}
"""Types that accept every text."""


def _converted(row: OptionField, value: object) -> object:
    """`value` as the field's type, within its bounds; pydantic is imported only for types other than text and paths."""
    convert = _TEXT_CONVERTERS.get(row.annotation)
    if convert is not None:
        return convert(value)
    if row.option.is_duration and isinstance(value, str):
        seconds = signed_seconds(value)
        if seconds is None:
            raise SettingsError(f"{row.option.flag}: {value!r} is not a duration", next_step=f"use a value such as {EXAMPLES}")
        value = seconds
    import annotated_types  # noqa: PLC0415  # keeps pytest's startup fast in suites that set only names and paths
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415  # the same

    bounds = [
        make(bound)
        for make, bound in (
            (annotated_types.Ge, row.option.at_least),
            (annotated_types.Gt, row.option.above),
            (annotated_types.Le, row.option.at_most),
        )
        if bound is not None
    ]
    hint: Any = Annotated[row.annotation, *bounds] if bounds else row.annotation
    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise SettingsError(
            f"{row.option.flag}: {problem} (got {value!r})", next_step="see docs/options.md for the values of every option"
        ) from error
