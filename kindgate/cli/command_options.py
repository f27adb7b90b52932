"""Options of commands: add those of settings groups, and read the `Settings` of the project that the command runs in."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from kindgate.options import OptionField, option_fields
from kindgate.settings import Settings
from kindgate.settings_sources import build_settings


def project_settings(folder: Path, command_line: Mapping[str, object]) -> Settings:
    """Settings of a command run in `folder`: of the suite that `kindgate init` generated below it, or of `folder` itself.

    `command_line` holds option values by ini name; their paths are relative to `folder`. Raises `SettingsError`.
    """
    from kindgate.scaffold.suite_folder import find_suite  # noqa: PLC0415  # keeps --help quick

    root = find_suite(folder)
    return build_settings(root, command_line, ini_values(root), os.environ, folder)


def ini_values(root: Path) -> Mapping[str, str]:
    """The settings that pytest reads in `root`, in ini form; empty if there are none.

    Raises `SettingsError` if the file cannot be parsed.
    """
    from kindgate.scaffold.pytest_config import find_config  # noqa: PLC0415  # keeps --help quick

    config = find_config(root)
    return config.values if config is not None else {}


Command = Callable[..., None]


def with_settings(*groups: str) -> Callable[[Command], Command]:
    """Add the options of `groups`, or single ones by ini name, to a command whose first parameter is `settings`.

    Values also come from the suite's pytest settings, in the current folder or in the generated `e2e/` below it, and
    from the environment, so a step re-run by hand does the same as the test run.
    """
    rows = [row for row in option_fields(Settings) if row.group in groups or row.option.ini in groups]

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own_parameters = [parameter for name, parameter in signature.parameters.items() if name != "settings"]

        @functools.wraps(command)
        def wrapper(**values: object) -> None:
            command_line = {row.option.ini: values.pop(row.option.ini) for row in rows}
            command(project_settings(Path.cwd(), command_line), **values)

        parameters = [*own_parameters, *(_parameter(row) for row in rows)]
        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return wrapper

    return decorate


def _parameter(row: OptionField) -> inspect.Parameter:
    kind: Any = bool if row.switch else list[str] | None if row.repeatable else str | None
    default_text = "" if row.default in (None, "", (), False) else f" [default: {row.default}]"
    help_text = f"{row.option.help}{default_text}"
    declared = typer.Option(row.option.flag, help=help_text, metavar=row.option.metavar or None, rich_help_panel=row.group)
    return inspect.Parameter(
        row.option.ini, inspect.Parameter.KEYWORD_ONLY, default=False if row.switch else None, annotation=Annotated[kind, declared]
    )
