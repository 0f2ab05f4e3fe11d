"""
The source tree as the meta-tests see it: which files there are, and their syntax trees.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "figuard"
CODE_FOLDERS = ("src", "tests", "tools", "bench", "examples")

# Made on the machine, never committed; .gitignore says the same.
SKIPPED = {
    ".cache", ".frameworks", ".git", ".hypothesis", ".idea", ".import_linter_cache", ".pytest_cache", ".pythons",
    ".ruff_cache", ".schemathesis", ".venv", ".vscode", "__pycache__", "build", "dist", "htmlcov", "node_modules",
    "site", "target",
}  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef


def files(*folders: str | Path, suffix: str = "") -> Iterator[Path]:
    """Yield the files under *folders* of the repository whose name ends in *suffix*, in order."""
    for folder in folders:
        for here, below, names in os.walk(ROOT / folder):
            below[:] = sorted(set(below) - SKIPPED)
            # In a worktree `.git` is a file, and what is made on the machine may be a link.
            yield from (Path(here, name) for name in sorted(set(names) - SKIPPED) if name.endswith(suffix))


def python_files(*folders: str | Path) -> Iterator[Path]:
    """Yield the Python files under *folders*, or under every folder with code."""
    return files(*(folders or CODE_FOLDERS), suffix=".py")


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return every node of a file's tree. Walking a thousand trees for each question took half of these tests."""
    return tuple(ast.walk(parsed(path)))


def functions(path: Path) -> Iterator[Function]:
    """Yield every function and method of a file, nested ones too."""
    return (node for node in nodes(path) if isinstance(node, Function))


def at(path: Path, node: ast.AST | int) -> str:
    """Return `path:line`, as an editor understands it."""
    line = node if isinstance(node, int) else getattr(node, "lineno", 1)
    return f"{path.relative_to(ROOT)}:{line}"


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for such an expression, and an empty string for any other."""
    if isinstance(node, ast.Attribute):
        left = dotted(node.value)
        return f"{left}.{node.attr}" if left else ""
    return node.id if isinstance(node, ast.Name) else ""


def imports(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Yield every module that a file imports, written absolute, with `from a import b` as `a.b`."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)
