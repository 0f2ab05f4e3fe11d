"""
The second distribution: it builds, has no code of its own, and gives the very same names.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tomllib
import zipfile

import pytest

pytest.importorskip("langchain_core")

import figuard
from figuard.integrations import langchain
from tests.docs.pages import blocks, matches, output_of
from tests.meta.tree import ROOT

PACKAGE = ROOT / "packages" / "figuard-langchain"
PROJECT = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAMES = ["FiGuardCallbackHandler", "FiGuardToolGuard", "auto_guard_langchain"]


@pytest.fixture
def installed(monkeypatch):
    """
    The package as it is on the path of a program that installed it.
    """
    monkeypatch.syspath_prepend(str(PACKAGE / "src"))
    yield __import__("figuard_langchain")
    del sys.modules["figuard_langchain"]


def test_its_names_are_the_integration_s_own(installed):
    assert installed.__all__ == NAMES
    assert all(getattr(installed, name) is getattr(langchain, name) for name in NAMES)
    assert figuard.auto_guard_langchain is installed.auto_guard_langchain


def test_it_needs_a_figuard_that_has_them(installed):
    assert installed.__version__ == figuard.__version__
    assert PROJECT["dependencies"] == [f"figuard[langchain]>={figuard.__version__}"]


def test_its_readme_does_what_it_shows(installed):
    found = blocks(PACKAGE / "README.md")
    programs = [index for index, block in enumerate(found) if block.language == "python"]
    for index in programs:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(found[index].text, {"__name__": "readme"})
        assert matches(output_of(found, index).text, said.getvalue())
    assert len(programs) == 1


@pytest.mark.full
def test_its_wheel_gives_them_too(tmp_path):
    pytest.importorskip("hatchling")
    script = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=PACKAGE, capture_output=True, text=True, check=True
    )
    wheel = tmp_path / built.stdout.split()[-1]

    assert {"figuard_langchain/__init__.py", "figuard_langchain/py.typed"} <= set(zipfile.ZipFile(wheel).namelist())
    told = subprocess.run(
        [sys.executable, "-c", "import figuard_langchain as it; print(it.__file__, *it.__all__)"],
        env={**os.environ, "PYTHONPATH": str(wheel)}, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split() == [f"{wheel}/figuard_langchain/__init__.py", *NAMES]


def test_a_name_that_is_not_there_says_so():
    with pytest.raises(AttributeError, match="FiGuardMiddlware"):
        _ = langchain.FiGuardMiddlware


def test_every_name_of_the_integration_is_there():
    pytest.importorskip("langchain.agents.middleware")
    pytest.importorskip("langgraph")
    assert [name for name in langchain.__all__ if getattr(langchain, name, None) is None] == []
