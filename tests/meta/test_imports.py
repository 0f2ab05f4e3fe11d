"""
Who may import what, where import-linter cannot say it: the core and its allow-list, thin rooms, a light front door.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest

from tests.meta.tree import PACKAGE, ROOT, at, dotted, imports, nodes, python_files

# Value types and pure functions of the standard library. A clock, chance, a machine or a log is not among them.
PURE = {
    "__future__", "base64", "bisect", "calendar", "collections", "copy", "dataclasses", "datetime", "decimal", "enum",
    "fractions", "functools", "hashlib", "hmac", "itertools", "json", "math", "operator", "re", "string", "types",
    "typing", "unicodedata",
}  # fmt: skip
# What the naive model may share with the system it judges: names and units, never a rule.
SHARED_WITH_MODEL = ("figuard.domain.amounts.", "figuard.domain.codes.", "figuard.domain.instants.")
CLOCK_READS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")
HEAVY = (
    "starlette", "uvicorn", "asyncpg", "langchain_core", "crewai", "openai", "agents", "anthropic", "pydantic",
    "pydantic_ai", "typer", "rich", "mcp", "structlog", "prometheus_client", "jinja2", "cryptography", "opentelemetry",
)  # fmt: skip


def test_the_core_imports_value_types_only():
    strange = [
        f"{at(path, node)} {name}"
        for path in python_files(PACKAGE.relative_to(ROOT) / "domain")
        for name, node in imports(path)
        if name.split(".")[0] not in PURE and not name.startswith("figuard.domain.")
    ]

    assert strange == []


def test_the_core_reads_no_clock():
    reading = [
        at(path, node)
        for path in python_files(PACKAGE.relative_to(ROOT) / "domain")
        for node in nodes(path)
        if dotted(node).endswith(CLOCK_READS)
    ]

    assert reading == []


@pytest.mark.parametrize("room", ["mcp", "integrations", "metering"])
def test_a_face_speaks_to_a_client_only(room):
    """
    Agent frameworks meet FiGuard through a client, so they work the same embedded and served.
    """
    past_the_client = [
        f"{at(path, node)} {name}"
        for path in python_files(PACKAGE.relative_to(ROOT) / room)
        for name, node in imports(path)
        if f"{name}.".startswith(("figuard.engine.", "figuard.stores.", "figuard.ports."))
    ]

    assert past_the_client == []


def test_imports_name_the_whole_path():
    """
    A relative import hides which room it reaches into.
    """
    relative = [
        at(path, node)
        for path in python_files()
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom) and node.level
    ]

    assert relative == []


def test_the_model_knows_nothing_of_the_system():
    """
    The naive model that judges the engine shares no rule with it, or it would prove only that code equals itself.
    """
    sharing = [
        f"{at(path, node)} {name}"
        for path in python_files("tests")
        if path.stem == "model"
        for name, node in imports(path)
        if name.startswith("figuard.") and not f"{name}.".startswith(SHARED_WITH_MODEL)
    ]

    assert sharing == []


def test_the_front_door_is_light():
    """
    `import figuard` loads no framework, no server and no driver.
    """
    script = "import figuard, json, sys; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.split(".")[0] for name in json.loads(ran.stdout)}

    assert loaded & set(HEAVY) == set()
