"""
Every limit has a name, a sentence, and is one number.
"""

from __future__ import annotations

import ast
from pathlib import Path

from figuard.domain import limits as rules
from figuard.domain.amounts import decimal_of
from figuard.wire import limits


def test_every_limit_is_exported_and_explained():
    tree = ast.parse(Path(limits.__file__).read_text(encoding="utf-8")).body
    own = [
        (statement.targets[0].id, tree[index + 1])
        for index, statement in enumerate(tree)
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    ]
    names = {name for name, _ in own} - {"__all__"}

    assert names <= set(limits.__all__)
    assert [] == [
        name
        for name, after in own
        if name != "__all__" and not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
    ]


def test_every_limit_is_a_number():
    assert [] == [name for name in limits.__all__ if not isinstance(getattr(limits, name), int)]


def test_the_limits_of_the_rules_are_the_same_ones():
    shared = [name for name in limits.__all__ if hasattr(rules, name)]

    assert len(shared) >= 7
    assert [] == [name for name in shared if getattr(limits, name) is not getattr(rules, name)]


def test_limits_that_are_amounts():
    assert "999.99" == str(decimal_of(limits.MULTIPLIER_MAX))
    assert "90000000000.00" == str(decimal_of(limits.AMOUNT_MAX))
