"""
Habits that no linter of ours covers: fakes instead of patches, no sleeping, no swallowed failures, nothing left to do.
"""

from __future__ import annotations

import ast
import re

from tests.meta.tree import PACKAGE, ROOT, at, dotted, files, functions, imports, nodes, python_files

# Written in halves, so that this file does not find itself.
LEFT_OVER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")
TEXT = (".py", ".md", ".toml", ".sql", ".html", ".css", ".js", ".ts", ".java", ".go", ".yml", ".yaml", ".sh")


def test_no_test_patches():
    """
    A patched module proves only that the patch works. Take a fake, or pass the value in.
    """
    patched = [
        at(path, node)
        for path in python_files("tests", "src/figuard/testing")
        for name, node in imports(path)
        if name.startswith(("unittest.mock.patch", "mock.patch", "pytest_mock"))
    ]
    for path in python_files("tests", "src/figuard/testing"):
        patched += [at(path, node) for node in nodes(path) if dotted(node).endswith("mock.patch")]
        patched += [at(path, function) for function in functions(path) if "mocker" in ast.dump(function.args)]

    assert patched == []


def test_no_quick_test_sleeps():
    """
    A test that sleeps is slow on a good day and red on a bad one. Move a manual clock, or wait for the event itself.
    """
    sleeping = [
        at(path, node)
        for path in python_files("tests")
        if "mark.full" not in path.read_text(encoding="utf-8")
        for node in nodes(path)
        if dotted(node) == "time.sleep" or (isinstance(node, ast.ImportFrom) and _imports_sleep(node))
    ]

    assert sleeping == []


def _imports_sleep(node: ast.ImportFrom) -> bool:
    return node.module == "time" and any(alias.name == "sleep" for alias in node.names)


def test_nothing_is_left_to_do():
    left = [
        at(path, number)
        for path in files(".")
        if path.suffix in TEXT and "vendor" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if LEFT_OVER.search(line)
    ]

    assert left == []


def test_no_failure_is_swallowed():
    swallowed = [
        at(path, node)
        for path in python_files()
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler) and _swallows(node)
    ]

    assert swallowed == []


def _swallows(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = {dotted(part) for part in ast.walk(handler.type)}
    does_nothing = all(
        isinstance(step, ast.Pass) or (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))
        for step in handler.body
    )
    return does_nothing and bool(caught & {"Exception", "BaseException"})


def test_no_client_operation_is_written_twice():
    """
    The blocking and the async form of an operation share one generator; neither has a body of its own to repeat.
    """
    written: dict[str, str] = {}
    repeated = []
    for path in python_files(PACKAGE.relative_to(ROOT) / "client"):
        for function in functions(path):
            body = _colourless_body(function)
            if not body:
                continue
            if body in written:
                repeated.append(f"{at(path, function)} {function.name} repeats {written[body]}")
            written.setdefault(body, at(path, function))

    assert repeated == []


def _colourless_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return what a function does without its colour, or nothing when it is only one or two steps."""
    steps = [step for step in function.body if not _is_text(step)]
    weight = sum(isinstance(node, ast.stmt) for step in steps for node in ast.walk(step))
    if weight <= 2:
        return ""
    return "\n".join(ast.dump(_Colourless().visit(ast.parse(ast.unparse(step)))) for step in steps)


def _is_text(step: ast.stmt) -> bool:
    return isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant)


class _Colourless(ast.NodeTransformer):
    """Turns `await x`, `async with` and `async for` into their blocking forms."""

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.visit(node.value)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        self.generic_visit(node)
        return ast.With(items=node.items, body=node.body)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        self.generic_visit(node)
        return ast.For(target=node.target, iter=node.iter, body=node.body, orelse=node.orelse)
