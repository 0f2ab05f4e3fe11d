"""
The glossary and the code use the same words.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
from importlib import import_module

from tests.docs.pages import DOCS
from tests.meta.tree import PACKAGE

PAGE = DOCS / "design" / "glossary.md"
_ROW = re.compile(r"^\| \*\*(.+?)\*\* \| (.+?) \| `([\w.]+)` \|$", re.MULTILINE)
# Nouns of the core that a reader meets. Shapes of one module that nobody else names are not among them.
CORE = ("budget", "events", "tokens", "entitlements", "books", "levels", "situation", "admin")
INNER = {
    # parts that are explained with their whole
    "Marks", "Counters", "Head", "Identity", "CapRef", "Verdict", "LevelAfter", "After", "BudgetOpening",
    "BudgetChange", "EventChange", "Applied", "Touched", "Remembered", "ApiKey",
}  # fmt: skip


def rows() -> list[tuple[str, str, str]]:
    """Return the words, what they mean and their names in the code."""
    return _ROW.findall(PAGE.read_text(encoding="utf-8"))


def named(path: str) -> object:
    """Return what a dotted name stands for."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def test_every_word_is_a_name_in_the_code():
    missing = []
    for word, _, path in rows():
        try:
            named(path)
        except (ImportError, AttributeError):
            missing.append(f"{word}: {path}")

    assert len(rows()) == PAGE.read_text(encoding="utf-8").count("| **")
    assert missing == []


def test_the_words_are_in_order_and_each_is_there_once():
    words = [word for word, _, _ in rows()]

    assert words == sorted(set(words))


def test_every_noun_of_the_core_is_a_word():
    known = {path.rpartition(".")[2] for _, _, path in rows()}
    missing = [
        f"{module}.{name}"
        for module in CORE
        for name, one in vars(import_module(f"figuard.domain.{module}")).items()
        if inspect.isclass(one) and one.__module__ == f"figuard.domain.{module}"
        and dataclasses.is_dataclass(one) and not issubclass(one, enum.Enum)
        and not name.startswith("_") and name not in known | INNER
    ]  # fmt: skip

    assert (PACKAGE / "domain").exists()
    assert missing == []
