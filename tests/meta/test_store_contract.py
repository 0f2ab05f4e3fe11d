"""
Every promise of ``figuard.ports`` that carries an id has exactly one case in the store suite, and the other way round.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from tests.meta.tree import PACKAGE, functions

# An id in backquotes only talks about ids.
PROMISE = re.compile(r"(?<!`)\[S-\d+\]")
PORTS = PACKAGE / "ports"


def promises() -> list[str]:
    """Return the ids in the port's files, in their order."""
    return [found for path in sorted(PORTS.glob("*.py")) for found in PROMISE.findall(path.read_text(encoding="utf-8"))]


def suite() -> list[Path]:
    """Return the files of the store suite."""
    testing = PACKAGE / "testing"
    return [*testing.glob("store_suite*.py"), *testing.glob("store_suite*/**/*.py")]


def cases() -> dict[str, list[str]]:
    """Return the ids that each case of the suite names in its docstring."""
    return {
        f"{path.name}::{function.name}": PROMISE.findall(ast.get_docstring(function) or "")
        for path in suite()
        for function in functions(path)
        if function.name.startswith("test")
    }


def test_no_two_promises_share_an_id():
    shared = [promise for promise, count in Counter(promises()).items() if count > 1]

    assert shared == []


def test_every_promise_has_exactly_one_case():
    proved = Counter(promise for named in cases().values() for promise in named)
    wrong = {promise: proved[promise] for promise in promises() if proved[promise] != 1} if suite() else {}

    assert wrong == {}


def test_every_case_proves_a_promise():
    known = set(promises())
    astray = {case: named for case, named in cases().items() if not named or set(named) - known}

    assert astray == {}
