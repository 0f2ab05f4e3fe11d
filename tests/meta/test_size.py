"""
Nothing is too big to hold in the head, and no folder is a drawer with one thing in it.
"""

from __future__ import annotations

from tests.meta.tree import ROOT, SKIPPED, at, functions, python_files

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
FOLDER_FILES_MIN = 2
RECIPE_LINES_MAX = 3


def test_no_file_is_longer_than_the_limit():
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in python_files()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > FILE_LINES_MAX
    }

    assert too_long == {}


def test_no_function_is_longer_than_the_limit():
    too_long = {
        f"{at(path, function)} {function.name}": lines
        for path in python_files()
        for function in functions(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
    }

    assert too_long == {}


def test_no_folder_of_the_package_holds_a_single_file():
    """
    A module alone needs no folder. Data may: the first migration is followed by others.
    """
    lonely = [
        str(folder.relative_to(ROOT))
        for folder in {path.parent for path in python_files("src/figuard")}
        if len([entry for entry in folder.iterdir() if entry.name not in SKIPPED]) < FOLDER_FILES_MIN
    ]

    assert lonely == []


def test_every_recipe_of_the_makefile_is_short():
    recipes: dict[str, int] = {}
    target = ""
    for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines():
        if line.startswith("\t"):
            recipes[target] = recipes.get(target, 0) + 1
        elif ":" in line:
            target = line.partition(":")[0]

    assert {name: lines for name, lines in recipes.items() if lines > RECIPE_LINES_MAX} == {}
