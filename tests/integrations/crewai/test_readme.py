"""
The programs of the README and the examples that need CrewAI do what they show.
"""

from __future__ import annotations

import contextlib
import io

import pytest

from tests.docs.pages import blocks, matches, output_of
from tests.examples import readme
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


@pytest.mark.timeout(readme.SECONDS_MAX + 10)
@pytest.mark.parametrize("module", [name for name in readme.modules() if "crewai" in readme.needs(name)])
def test_an_example_prints_what_the_readme_shows(module, tmp_path):
    ran = readme.run(module, tmp_path)

    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert matches(readme.shown()[module].output, ran.stdout), f"it prints:\n{ran.stdout}"
