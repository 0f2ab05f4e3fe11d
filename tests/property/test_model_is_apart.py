"""
The naive model judges the rules, so it may not use them: it would prove only that code equals itself.
"""

from __future__ import annotations

import pytest

from tests.meta.tree import ROOT, at, imports

MODEL = ("facts.py", "order.py", "model.py", "upkeep.py")
ITS_OWN = ("tests.property.", "__future__.", "collections.abc.", "dataclasses.", "fractions.", "typing.")


@pytest.mark.parametrize("name", MODEL)
def test_the_model_imports_nothing_of_the_engine(name: str):
    path = ROOT / "tests" / "property" / name

    foreign = [f"{at(path, node)} {module}" for module, node in imports(path) if not module.startswith(ITS_OWN)]

    assert foreign == []


@pytest.mark.parametrize("name", MODEL)
def test_the_model_leans_only_on_itself(name: str):
    """
    What it takes from its neighbours is the model too, and not the desk, which does know the engine.
    """
    path = ROOT / "tests" / "property" / name
    own = {f"tests.property.{part.removesuffix('.py')}" for part in MODEL}

    neighbours = {module.rpartition(".")[0] for module, _ in imports(path) if module.startswith("tests.")}

    assert neighbours <= own
