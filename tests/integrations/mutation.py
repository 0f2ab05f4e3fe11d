"""
Takes out one call of the guard: a pytest plugin that loads an adapter with one place of it changed.

The places are found in the source, so a new integration has its mutations as soon as it is there. At each an adapter
comes to the shared guard; taken out, the tool runs as if nobody guarded it:

- ``guard.run(call, body, ...)`` and ``guard.run_async(...)`` only run the body,
- ``guard.wrap(function, ...)`` is the function, and ``attach(...)`` leaves the object as it is,
- ``on_tool_start`` of a callback handler does nothing.

Proofs that the guard is in the way (``prove``) are taken out with it: tests of behaviour are what must notice.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path

from tests.meta.tree import PACKAGE, dotted, imports, parsed, python_files

ADAPTERS = PACKAGE / "integrations"
VARIABLE = "TEST_WITHOUT_GUARD"
"""Names the module and the number of the place to take out: ``figuard.integrations.crewai.tools:0``."""
_HOOK = "on_tool_start"


@dataclass(frozen=True)
class Mutation:
    """One place of one module, and the integration whose tests must notice."""

    integration: str
    module: str
    number: int
    line: int

    @property
    def name(self) -> str:
        """What it is called in a report."""
        return f"{self.integration}-{self.module.removeprefix('figuard.integrations.')}-{self.number}"


def integrations() -> list[str]:
    """Return the integrations, which are the folders with code in them."""
    return sorted({path.parent.name for path in python_files(ADAPTERS) if path.parent != ADAPTERS})


def mutations() -> list[Mutation]:
    """Return every place of every integration, those of modules that it shares with others included."""
    return [
        Mutation(integration, _name(path), number, place.lineno)
        for integration in integrations()
        for path in _modules(integration)
        for number, place in enumerate(places(parsed(path)))
    ]


def _modules(integration: str) -> list[Path]:
    own = list(python_files(ADAPTERS / integration))
    used = {name for path in own for name, _ in imports(path)}
    shared = [
        path for path in sorted(ADAPTERS.glob("*.py")) if any(name.startswith(f"{_name(path)}.") for name in used)
    ]
    return own + [path for path in shared if path.stem not in {"__init__", "guard"}]


def _name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def places(tree: ast.Module) -> Iterator[ast.expr | ast.FunctionDef]:
    """Yield the places of a module where it comes to the guard, in the order of their lines."""
    found = [node for node in ast.walk(tree) if (isinstance(node, ast.Call) and _kind(node)) or _is_hook(node)]
    yield from sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _is_hook(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == _HOOK


def _kind(call: ast.Call) -> str:
    """Return which kind of place a call is, or nothing."""
    if isinstance(call.func, ast.Name):
        return call.func.id if call.func.id == "attach" else ""
    name = dotted(call.func)
    owner, _, method = name.rpartition(".")
    return method if owner.endswith("guard") and method in {"run", "run_async", "wrap"} else ""


class _TakenOut(ast.NodeTransformer):
    def __init__(self, place: ast.AST) -> None:
        self._place = place

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "prove":
            return ast.copy_location(ast.Constant(None), node)
        if node is not self._place:
            return node
        match _kind(node):
            case "attach":
                return ast.copy_location(ast.Constant(None), node)
            case "wrap":
                return node.args[0]
            case _:
                return ast.copy_location(ast.Call(node.args[1], [], []), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        if node is self._place:
            node.body = [ast.copy_location(ast.Return(ast.Constant(None)), node.body[0])]
        return node


class _Loader(SourceFileLoader):
    """Compiles a module anew, without the place; never from or to a cache."""

    number = 0

    def get_code(self, fullname: str) -> object:
        tree = ast.parse(self.get_data(self.path), filename=self.path)
        place = list(places(tree))[self.number]
        changed = ast.fix_missing_locations(_TakenOut(place).visit(tree))
        return compile(changed, self.path, "exec")


class _Finder(MetaPathFinder):
    def __init__(self, module: str, number: int) -> None:
        self._module, self._number = module, number

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        spec = PathFinder.find_spec(fullname, path)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Loader(fullname, spec.origin)
        spec.loader.number = self._number
        return spec


def pytest_configure() -> None:
    """Begin to load the module that is named without its place."""
    if named := os.environ.get(VARIABLE):
        module, _, number = named.rpartition(":")
        assert module not in sys.modules, f"{module} is loaded already, with its guard"
        sys.meta_path.insert(0, _Finder(module, int(number)))
