"""
The programs of the README and the examples that need CrewAI do what they show.
"""

from __future__ import annotations

import pytest

from tests.docs.pages import matches
from tests.examples import readme
from tests.integrations import readmes

pytest.importorskip("crewai", minversion="1.0", reason="the programs are written for the newest release")


def test_the_readme_does_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    assert readmes.check("crewai") == 2


@pytest.mark.timeout(readme.SECONDS_MAX + 10)
@pytest.mark.parametrize("module", [name for name in readme.modules() if "crewai" in readme.needs(name)])
def test_an_example_prints_what_the_readme_shows(module, tmp_path):
    ran = readme.run(module, tmp_path)

    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert matches(readme.shown()[module].output, ran.stdout), f"it prints:\n{ran.stdout}"
