"""
Every example runs without a key and without a network, its numbers are right, and the README shows what it prints.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.docs.pages import DOCS, blocks, matches
from tests.examples import readme
from tests.meta.tree import ROOT

MODULES = readme.modules()
FRAMEWORKS = {"crewai", "langchain", "langchain_core", "langchain_openai", "langgraph"}
"""What an example may need besides us."""


def case(module):
    """Return an example as a case; what starts a framework takes long."""
    marks = [pytest.mark.full] if readme.needs(module) else []
    if absent := readme.missing(module):
        marks.append(pytest.mark.skip(reason=f"not installed: {', '.join(absent)}"))
    return pytest.param(module, marks=marks, id=module.removeprefix("examples."))


@pytest.mark.timeout(readme.SECONDS_MAX + 10)
@pytest.mark.parametrize("module", [case(module) for module in MODULES])
def test_an_example_prints_what_the_readme_shows(module, tmp_path):
    ran = readme.run(module, tmp_path)

    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert matches(readme.shown()[module].output, ran.stdout), f"it prints:\n{ran.stdout}"
    assert re.search(r"^All \d+ numbers are as promised\.$", ran.stdout, re.MULTILINE)
    assert list(tmp_path.iterdir()) == [], "it leaves files behind"


def test_the_readme_shows_every_example_and_no_other():
    assert sorted(readme.shown()) == sorted(MODULES)


def test_every_block_of_the_readme_is_one_that_is_run():
    strange = [block.where for block in blocks(readme.README) if block.language != "console"]

    assert strange == []


def test_the_links_of_the_readme_lead_somewhere():
    targets = re.findall(r"\]\(([^)#]+)", readme.README.read_text(encoding="utf-8"))
    dead = [target for target in targets if not (readme.README.parent / target).exists()]

    assert targets
    assert dead == []


def rows():
    """The rows of the guide's tables: the program, and what is said of it."""
    text = (DOCS / "guides" / "examples.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `(examples[\w.]+)` \|(.*)\|$", text, re.MULTILINE)


def test_the_guide_has_every_example():
    assert sorted(module for module, _ in rows()) == sorted(MODULES)


def test_the_numbers_and_codes_of_the_guide_are_those_of_the_outputs():
    """
    Except those of the race, which differ from run to run and are not shown.
    """
    outputs = {module: one.output for module, one in readme.shown().items()}
    wrong = [
        (module, said)
        for module, text in rows()
        for said in re.findall(r"`([A-Z_]+)`|(?<![\w.,])(\d[\d,.]*\d|\d)\b", text)
        if "".join(said) not in outputs[module]
    ]

    assert wrong == []


def test_an_example_needs_known_frameworks_only():
    """
    A mistyped import would otherwise be a framework that is installed nowhere, and its example would never run.
    """
    assert set().union(*map(readme.needs, MODULES)) <= FRAMEWORKS


def script(text, tmp_path):
    """Run a script of our own the way examples are run."""
    (tmp_path / "invented.py").write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "tests.examples.offline", "invented"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, encoding="utf-8", timeout=30, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        ("story.check('two', 2, 2)", 0, "All 1 numbers"),
        ("story.check('two', 2, 3)", 1, "two: must be 2, is 3"),
        ("story.books(story.client.create_budget('a', 1), spent=1, left=0)", 1, "spent, held, left: must be"),
        ("pass", 1, "0 of 0 numbers"),
        ("raise KeyError", 1, "KeyError"),
    ],
    ids=["right", "wrong", "wrong books", "nothing checked", "raises"],
)
def test_a_story_whose_numbers_are_off_fails(body, code, says, tmp_path):
    ran = script(f"from examples.story import Story\nwith Story('x') as story:\n    {body}\n", tmp_path)

    assert ran.returncode == code, ran.stderr
    assert says in ran.stdout + ran.stderr
    assert ("as promised" in ran.stdout) is (code == 0)


@pytest.mark.parametrize(
    "body",
    [
        "socket.create_connection(('192.0.2.1', 80), timeout=0.1)",
        "socket.getaddrinfo('example.com', 80)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    ],
)
def test_an_example_that_leaves_the_machine_is_caught_even_if_it_hides_that(body, tmp_path):
    ran = script(f"import contextlib, socket\nwith contextlib.suppress(Exception):\n    {body}\n", tmp_path)

    assert ran.returncode == 3, ran.stderr
