"""
The site builds without a warning, and fetches nothing when it is read.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.tree import ROOT

FETCHED = re.compile(r"<(?:script|img|iframe)\b[^>]*\bsrc=\"?(https?:[^\" >]+)|<link\b[^>]*\bhref=\"?(https?:[^\" >]+)")
# Where a page stands in the world is no request: it is what search engines are told.
NOT_FETCHED = re.compile(r"<link\b[^>]*\brel=\"?(?:canonical|next|prev|alternate)\b[^>]*>")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    tool = Path(sys.executable).parent / "zensical"
    if not tool.exists():
        pytest.skip("the site is built with zensical, of the dev extra")
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    built = subprocess.run([tool, "build", "--strict"], cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "site"


def test_every_page_is_built(site):
    built = {path.relative_to(site).with_suffix(".md") for path in site.rglob("*.html")}
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}

    assert pages - built == set()


def test_reading_it_asks_nobody_for_anything(site):
    fetched = [
        (path.name, *found)
        for path in site.rglob("*.html")
        for found in FETCHED.findall(NOT_FETCHED.sub("", path.read_text(encoding="utf-8")))
    ]

    assert fetched == []
