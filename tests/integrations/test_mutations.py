"""
Without its guard, each integration fails its own tests: they notice what they are there for.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integrations import mutation
from tests.meta.tree import ROOT, parsed, python_files

FRAMEWORKS = {
    "anthropic": "anthropic",
    "crewai": "crewai",
    "langchain": "langchain",
    "openai": "openai",
    "openai_agents": "agents",
    "pydantic_ai": "pydantic_ai",
}
"""The package that an integration is tested with."""
APART = {"crewai": ROOT / ".frameworks" / "crewai" / "bin" / "python"}
"""Integrations that cannot live in the main environment, and the environment of theirs."""
MUTATIONS = mutation.mutations()
HERE = Path(__file__).parent
SECONDS_MAX = 400


def test_no_integration_is_forgotten():
    """
    A new folder needs a place where its guard can be taken out, tests that notice, and a framework to run them with.
    """
    assert set(mutation.integrations()) == {one.integration for one in MUTATIONS}
    assert set(mutation.integrations()) == set(FRAMEWORKS)
    assert [] == [name for name in FRAMEWORKS if not list((HERE / name).glob("test_*.py"))]


def test_no_module_asks_past_the_places_that_are_known():
    """
    Whoever asks a client by itself does it in a hook that is a place; otherwise its guard could not be taken out.
    """
    asking = [path for path in python_files(mutation.ADAPTERS) if re.search(r"\.(spend|authorize)\(", path.read_text())]

    assert [] == [str(path) for path in asking if not list(mutation.places(parsed(path)))]


def interpreter(integration):
    """The Python that has the integration's framework. Skips elsewhere than in the main environment."""
    if Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("the mutations run in the main environment, with the newest frameworks")
    if integration not in APART:
        return sys.executable
    if not APART[integration].exists():
        made = [sys.executable, "tools/test_frameworks.py", integration, "--", "--collect-only", "-q", str(HERE)]
        subprocess.run(made, cwd=ROOT, timeout=SECONDS_MAX, check=True)
    return APART[integration]


@pytest.mark.full
@pytest.mark.timeout(2 * SECONDS_MAX)
@pytest.mark.parametrize("taken", MUTATIONS, ids=lambda taken: taken.name)
def test_without_its_guard_an_integration_fails_its_tests(taken):
    if taken.integration not in APART and importlib.util.find_spec(FRAMEWORKS[taken.integration]) is None:
        pytest.skip(f"not installed: {FRAMEWORKS[taken.integration]}")
    own = HERE / taken.integration / f"test_{taken.module.rpartition('.')[2]}.py"
    first = [own] if own.exists() else []  # the tests of the same name are the likeliest to notice
    ran = run(taken, *first, HERE / taken.integration, without_guard=True)

    # Exit code 1 is a test that failed; any other would be a run that went wrong.
    assert ran.returncode == 1, f"{taken.module}, line {taken.line}:\n{ran.stdout[-3000:]}{ran.stderr[-1000:]}"
    noticed = re.search(r"^FAILED (\S+::[^\[\s]+)", ran.stdout, re.MULTILINE)
    assert noticed, ran.stdout[-3000:]
    again = run(taken, noticed[1], without_guard=False)
    assert again.returncode == 0, f"{noticed[1]} fails with the guard too:\n{again.stdout[-3000:]}"


def run(taken, *tests, without_guard):
    """Run some tests of an integration, to the first that fails, with the guard in place or taken out."""
    command = [interpreter(taken.integration), "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-W", "ignore"]
    environment = dict(os.environ)
    if without_guard:
        command += ["-p", "tests.integrations.mutation"]
        environment[mutation.VARIABLE] = f"{taken.module}:{taken.number}"
    return subprocess.run(
        [*command, *map(str, tests)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS_MAX,
        check=False,
    )  # fmt: skip
