"""
Generates the reference of the Python package from its own signatures and docstrings.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
from pathlib import Path
from typing import Any

from reference_pages import REFERENCE, markdown, page, row, table

import figuard

INTRODUCTION = """\
Everything that `from figuard import …` offers. `AsyncFiGuardClient` has the methods of `FiGuardClient`, awaited, with
the same arguments and the same answers.
"""
TOPICS = ("budgets", "events", "spending", "reporting", "access", "subscriptions", "webhooks")
"""The parts of the client, in the order of the page; each is a module of ``figuard.client.sync``."""
CLIENTS = ("FiGuardClient", "AsyncFiGuardClient")
BLOCKS = ("Spend", "AsyncSpend")
POLICIES = ("DenialReason", "FailOpen", "Retry")
COMPOSITE = ("CompositeGuard", "GuardedResource", "AsyncCompositeGuard", "AsyncGuardedResource")
LINE_MAX = 100


def python_page() -> str:
    """Return the page."""
    exported = {name: getattr(figuard, name) for name in figuard.__all__ if name != "__version__"}
    functions = sorted([*(name for name, one in exported.items() if inspect.isfunction(one)), "figuard_scope"])
    errors = sorted(name for name, one in exported.items() if is_error(one))
    models = sorted(set(exported) - {*CLIENTS, *BLOCKS, *COMPOSITE, *POLICIES, *functions, *errors})
    parts = [
        page("Python", "generate_python_reference", INTRODUCTION),
        client_part(),
        "\n## Spending blocks\n",
        class_part("Spend", exported["Spend"], is_called=False),
        "\n`AsyncSpend` is the same for `async with`.\n",
        "\n## Policies\n",
        *(class_part(name, exported[name]) for name in POLICIES),
        "\n## Composite guards\n",
        *(class_part(name, exported[name]) for name in COMPOSITE[:2]),
        "\n`AsyncCompositeGuard` and `AsyncGuardedResource` are the same, awaited.\n",
        "\n## Functions\n",
        *(function_part(name, exported[name]) for name in functions),
        "\n## Errors\n",
        *(error_part(name, exported[name]) for name in errors),
        "\n## Models\n\nFrozen values, all of them; `SpendTreeNode` alone can be changed.\n",
        *(class_part(name, exported[name]) for name in models),
    ]
    return "".join(parts).rstrip("\n") + "\n"


def is_error(one: object) -> bool:
    """Return whether something is an exception class."""
    return isinstance(one, type) and issubclass(one, BaseException)


def client_part() -> str:
    """Return the client: how it is made, then its methods by topic."""
    made = figuard.FiGuardClient
    parts = ["\n## FiGuardClient\n", code(signature("FiGuardClient", made.__init__)), f"\n{doc(made)}\n"]
    parts.append("\n`AsyncFiGuardClient` is made the same way.\n")
    told: set[str] = set()
    for topic in TOPICS:
        owner = next(base for base in made.__mro__ if base.__module__.endswith(f".sync.{topic}"))
        parts.append(f"\n### {topic.capitalize()}\n")
        for name, method in vars(owner).items():
            if not name.startswith("_"):
                told.add(name)
                parts.append(function_part(name, method, level=4))
    parts.append("\n### The client itself\n")
    rest = sorted(name for name in dir(made) if not name.startswith("_") and name not in told)
    parts += [function_part(name, getattr(made, name), level=4) for name in rest]
    return "".join(parts)


def error_part(name: str, one: type[BaseException]) -> str:
    """Return an exception: its parent and its own words."""
    return f"\n### {name}\n\nA `{one.__mro__[1].__name__}`. {doc(one)}\n"


def class_part(name: str, one: Any, *, is_called: bool = True) -> str:
    """Return a class: how it is made, its own words, its fields, members and methods."""
    parts = [f"\n### {name}\n"]
    if not dataclasses.is_dataclass(one) and not issubclass(one, enum.Enum) and is_called:
        parts.append(code(signature(name, one.__init__)))
    parts.append(f"\n{doc(one)}\n")
    if dataclasses.is_dataclass(one):
        parts.append(table("field", "type", "default"))
        parts += [row(f"`{f.name}`", f"`{f.type}`", default(f)) for f in dataclasses.fields(one)]
    if issubclass(one, enum.Enum):
        parts.append(table("member", "meaning"))
        parts += [row(f"`{member.name}`", member.meaning) for member in one]
    parts += [function_part(member, inspect.getattr_static(one, member), level=4) for member in members(one)]
    return "".join(parts)


def members(one: type) -> list[str]:
    """Return the names of the public methods and properties that a class or our own bases of it define."""
    fields = {f.name for f in dataclasses.fields(one)} if dataclasses.is_dataclass(one) else set()
    machinery = {"begin", "end", "open_scope", "close_scope", "ask_now", "settle_now"}
    return [
        name
        for base in reversed(one.__mro__)
        if base.__module__.startswith("figuard.")
        for name, member in vars(base).items()
        if not name.startswith("_") and name not in fields | machinery
        and (isinstance(member, property) or inspect.isfunction(member))
    ]  # fmt: skip


def function_part(name: str, function: Any, *, level: int = 3) -> str:
    """Return a function, method or property."""
    heading = f"\n{'#' * level} {name}\n"
    if isinstance(function, property):
        return f"{heading}\n{doc(function)}\n"
    return heading + code(signature(name, function)) + f"\n{doc(function)}\n"


def signature(name: str, function: Any) -> str:
    """Return how something is called, in as many lines as that takes."""
    found = inspect.signature(function)
    kept = [parameter for parameter in found.parameters.values() if parameter.name != "self"]
    result = found.return_annotation
    arrow = "" if result in {inspect.Signature.empty, "None"} else f" -> {plain(result)}"
    short = f"{name}{inspect.Signature(kept)}"
    short = plain(short) + arrow
    if len(short) <= LINE_MAX:
        return short
    lines = [plain(str(inspect.Signature([parameter]))[1:-1]) for parameter in kept]
    first_named = next((n for n, p in enumerate(kept) if p.kind is inspect.Parameter.KEYWORD_ONLY), None)
    lines = [line.removeprefix("*, ") for line in lines]
    if first_named is not None:
        lines.insert(first_named, "*")
    return f"{name}(\n" + "".join(f"    {line},\n" for line in lines) + f"){arrow}"


def plain(annotation: object) -> str:
    """Return an annotation as people write it: without the quotes of one that was not evaluated."""
    return re.sub(r"'([^']*)'", lambda found: unquoted(found[0], found[1]), str(annotation))


def unquoted(whole: str, inner: str) -> str:
    """Return the inside of quotes that hold a type, and a default as it is."""
    is_type = re.search(r"[|\[]", inner) or inner[:1].isupper() or inner in {"str", "int", "bool", "float"}
    return inner if is_type and not inner.isupper() else whole


def default(field: dataclasses.Field[Any]) -> str:
    """Return the default of a field."""
    if field.default is not dataclasses.MISSING:
        return f"`{field.default!r}`"
    return "" if field.default_factory is dataclasses.MISSING else "empty"


def doc(one: Any) -> str:
    """Return the docstring as Markdown."""
    return markdown(inspect.getdoc(one) or "")


def code(text: str) -> str:
    """Return a block of code that nobody runs."""
    return f"\n```text\n{text}\n```\n"


def outputs() -> dict[Path, str]:
    """Return every file generated here, by path."""
    return {REFERENCE / "python.md": python_page()}
