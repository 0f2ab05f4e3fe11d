"""
The programs of the README and the examples that need CrewAI do what they show.
"""

from __future__ import annotations

import contextlib
import io

import pytest

from tests.docs.pages import blocks, matches, output_of
from tests.meta.tree import PACKAGE

pytest.importorskip("crewai", minversion="1.0", reason="the programs are written for the newest release")

README = PACKAGE / "integrations" / "crewai" / "README.md"


def test_the_readme_does_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = blocks(README)
    module: dict[str, object] = {"__name__": "readme"}
    ran = 0
    for index, block in enumerate(found):
        if block.language == "python":
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile("\n" * (block.line - 1) + block.text, str(README), "exec"), module)
            shown = output_of(found, index)
            assert matches(shown.text if shown else "", said.getvalue()), f"{block.where} prints:\n{said.getvalue()}"
            ran += 1

    assert ran == 2
