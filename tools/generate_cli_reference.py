"""
Generates the reference of the command line from the commands themselves.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer
from reference_pages import REFERENCE, markdown, page, row, table

from figuard.cli.app import app

INTRODUCTION = """\
What a command finds goes to standard output, everything said about it to standard error. `--json` writes JSON with
exact decimals, for programs. A budget can be named by its id, by the start of its id, by its reference or by its user,
as long as only one fits.

Exit status: 0 all is well, 1 something is not, 2 the command was wrong.

Set `FIGUARD_TRACEBACK=1` to see where in the code a failure arose.
"""


def commands(command: Any = None, path: tuple[str, ...] = ("figuard",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that does something, by its path, in the order of the help."""
    command = command or typer.main.get_command(app)
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, one in below.items():
        yield from commands(one, (*path, name))


def options(command: Any) -> list[Any]:
    """Return the parameters of a command that are worth a line; ``--help`` is everywhere."""
    return [one for one in command.params if "--help" not in one.opts and not getattr(one, "hidden", False)]


def names(parameter: Any) -> list[str]:
    """Return what a parameter is called on the command line."""
    if parameter.param_type_name == "argument":
        return [(parameter.metavar or parameter.name.upper()).strip("[]")]
    return sorted([*parameter.opts, *parameter.secondary_opts], key=len, reverse=True)


def cli_page() -> str:
    """Return the page."""
    parts = [page("Command line", "generate_cli_reference", INTRODUCTION), table("command", "does")]
    found = list(commands())
    for path, command in found:
        parts.append(row(f"[`{' '.join(path)}`](#{'-'.join(path)})", first_sentence(command)))
    for path, command in found:
        parts.append(f"\n## {' '.join(path)}\n\n{markdown(inspect.cleandoc(command.help or ''))}\n")
        if told := options(command):
            parts.append(table("argument or option", "default", "meaning"))
            parts += [parameter_row(one) for one in told]
    return "".join(parts)


def first_sentence(command: Any) -> str:
    """Return the first sentence of a command's help."""
    return markdown(inspect.cleandoc(command.help or "").split("\n\n")[0]).partition(". ")[0].rstrip(".") + "."


def parameter_row(parameter: Any) -> str:
    """Return the line of one argument or option."""
    called = ", ".join(f"`{name}`" for name in names(parameter))
    choices = choices_of(parameter)
    meaning = parameter.help or ""
    if choices:
        meaning = f"{meaning} One of {listed(choices)}."
    if parameter.envvar:
        meaning = f"{meaning} Or `{parameter.envvar}`."
    if getattr(parameter, "multiple", False):
        meaning = f"{meaning} May be repeated."
    return row(called, default(parameter), markdown(meaning))


def choices_of(parameter: Any) -> list[Any]:
    """Return the words that a parameter takes, none when it takes others too."""
    described = getattr(parameter, "type_descriptor", None)
    if described is not None:
        # As newer versions of typer have it.
        taken = described.annotation
        return list(taken) if isinstance(taken, type) and issubclass(taken, Enum) else []
    return list(getattr(parameter.type, "choices", ()))


def listed(choices: Any) -> str:
    """Return choices as code, with commas."""
    return ", ".join(f"`{getattr(one, 'value', one)}`" for one in choices)


def default(parameter: Any) -> str:
    """Return what a parameter is when it is not given."""
    if parameter.required:
        return "needed"
    value = parameter.default
    if value in (None, False, (), []) or callable(value):
        return ""
    return f"`{getattr(value, 'value', value)}`"


def outputs() -> dict[Path, str]:
    """Return every file generated here, by path."""
    return {REFERENCE / "cli.md": cli_page()}
