"""
Generates the asyncio client from the blocking one: the same methods, awaited.

The blocking modules in ``src/figuard/client/sync`` hold signatures, promises and one line each; what an operation does
is a generator shared by both. So the translation is small: a method that returns what another method of ``self``
returns is awaited, names of the blocking colour become those of the other. ``core.py`` and ``client.py`` are written
by hand, because there the two differ.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "figuard" / "client" / "sync"
TARGET = ROOT / "src" / "figuard" / "client" / "aio"
BY_HAND = {"__init__.py", "core.py", "client.py"}

HEAD = """\
# Generated from src/figuard/client/sync/{name} by tools/generate_async_client.py: change that file, then run
# `make generate`.
"""
NOT_AWAITED = {"_iterate"}
"""Methods whose result is used as it is: an async iterator is awaited by whoever goes through it."""
NAMES = {
    "figuard.client.sync": "figuard.client.aio",
    "Iterator": "AsyncIterator",
    "Spend": "AsyncSpend",
    "GuardedResource": "AsyncGuardedResource",
    "CompositeGuard": "AsyncCompositeGuard",
    "FiGuardClient": "AsyncFiGuardClient",
    "``with client.spend": "``async with client.spend",
    "spend.settle(book())": "spend.settle(await book())",
}
_NAME = re.compile("|".join(rf"(?<![\w]){re.escape(name)}(?![\w])" for name in sorted(NAMES, key=len, reverse=True)))


def outputs() -> dict[Path, str]:
    """Return every generated file and its text."""
    sources = sorted(path for path in SOURCE.glob("*.py") if path.name not in BY_HAND)
    return {TARGET / path.name: translated(path) for path in sources}


def translated(path: Path) -> str:
    """Return the asyncio form of one blocking module."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for statement in ast.parse(text).body:
        for method in statement.body if isinstance(statement, ast.ClassDef) else ():
            if isinstance(method, ast.FunctionDef):
                _await(method, lines)
    renamed = _NAME.sub(lambda found: NAMES[found[0]], "\n".join(lines) + "\n")
    return _tidied(HEAD.format(name=path.name) + renamed, TARGET / path.name)


def _await(method: ast.FunctionDef, lines: list[str]) -> None:
    """Make a method a coroutine when it ends with the result of another method of ``self``."""
    match method.body[-1]:
        case ast.Return(value=ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=called)), lineno=line):
            if called not in NOT_AWAITED:
                lines[method.lineno - 1] = lines[method.lineno - 1].replace("def ", "async def ", 1)
                lines[line - 1] = lines[line - 1].replace("return ", "return await ", 1)


def _tidied(text: str, path: Path) -> str:
    """Sort the imports and break the lines as the rest of the tree does; longer words need other breaks."""
    for command in (["check", "--select=I", "--fix-only", "--quiet"], ["format", "--quiet"]):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *command, f"--stdin-filename={path}", "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        text = ran.stdout
    return text
