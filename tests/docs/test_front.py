"""
The first thing a reader sees: the README's first screen, and the same program on the first page of the site.
"""

from __future__ import annotations

import re
import sys

import pytest

from tests.docs.pages import DOCS, README, blocks, output_of
from tests.meta.tree import ROOT

sys.path.insert(0, str(ROOT / "tools"))
from generate_settings_reference import has_server

INDEX = DOCS / "index.md"
LINES_MAX = 14
OUTPUT_LINES = 4
BADGES_MAX = 5
GUARANTEES = 4
DENIALS = 3


def first_program(page):
    """Return the first program of a page and its output."""
    found = blocks(page)
    index = next(n for n, block in enumerate(found) if block.language == "python")
    shown = output_of(found, index)
    assert shown is not None
    return found[index].text, shown.text


def section(heading: str) -> str:
    """Return what stands below a heading of the README."""
    return README.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_the_readme_and_the_site_start_with_the_same_program():
    assert first_program(README) == first_program(INDEX)


def test_the_first_program_is_short_and_shows_four_lines():
    program, shown = first_program(README)

    assert len(program.splitlines()) <= LINES_MAX
    assert len(shown.splitlines()) == OUTPUT_LINES


def test_the_first_screen_has_a_picture_whose_text_tells_the_story():
    before = README.read_text(encoding="utf-8").partition("```python")[0]
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", before)

    assert len(pictures) <= BADGES_MAX + 1
    assert any(len(words.split()) > LINES_MAX and (ROOT / path).exists() for words, path in pictures)


def test_the_picture_asks_nobody_for_anything():
    picture = (DOCS / "assets" / "demo.svg").read_text(encoding="utf-8")

    assert re.findall(r"https?://[^\"' ]+", picture) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in picture


def test_every_guarantee_names_its_proof():
    bullets = re.findall(r"^- \*\*.+?(?=^- |\Z)", section("What it guarantees"), re.MULTILINE | re.DOTALL)

    assert len(bullets) == GUARANTEES
    for bullet in bullets:
        assert any((ROOT / path).is_file() for path in re.findall(r"\]\((tests/[^)]+)\)", bullet)), bullet


def test_what_it_is_not_is_said_too():
    assert len(re.findall(r"^- \*\*No ", section("What it is not"), re.MULTILINE)) == DENIALS


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_the_two_commands_from_a_clone_are_there(command):
    assert f"$ {command} " in section("From a clone")


def test_the_three_homes_are_those_that_exist():
    """
    What cannot be started yet is said not to be there, and the other way round.
    """
    row = next(line for line in section("Same code, three homes").splitlines() if line.startswith("| on a server"))

    assert ("not yet" in row) is not has_server()
