"""
Runs ``tests/integrations`` against the real agent frameworks. ``make test-frameworks`` runs it.

Not all of them can live together (crewai needs older openai and mcp packages), and each is promised from its oldest
release on, so there are several environments under ``.frameworks/``, made when first needed. A test asks for its
framework with ``pytest.importorskip`` and runs wherever that is installed. The newest ones are ranges, not a lock: the
point is to meet the frameworks' newest releases. The oldest are exact, with bounds for what they cannot bear.

What really ran, with which versions, is written into ``tests/integrations/versions.json``, which the table in the
documentation is made of. Only a whole run that passed is written.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from generate_frameworks import VERSIONS, outputs
from venvs import MINORS, PROJECT, ROOT, create, find_python, install, say

TEST_TOOLS = ("pytest", "hypothesis")
TELEMETRY_OFF = {"CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true", "LANGSMITH_TRACING": "false"}


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment: what is installed beside the test tools, and under which minor versions of Python 3."""

    wanted: tuple[str, ...]
    minors: tuple[int, ...] = MINORS


ENVIRONMENTS = {
    "modern": Environment((
        "figuard[langchain,openai,openai-agents,anthropic,pydantic-ai,mcp,prices,otel]",
        "anthropic>=2,<3",
        "langchain>=1,<2",
        "langchain-classic>=1,<2",
        "langchain-openai>=1,<2",
        "langgraph>=1,<2",
        "mcp>=2,<3",
        "openai>=3,<4",
        "openai-agents>=0.24,<1",
        "pydantic-ai-slim[anthropic,openai]>=2,<3",
    )),
    "crewai": Environment((
        "figuard[crewai,openai,prices,otel]",
        "crewai>=1.15,<2",
        "openai>=2,<3",
    )),
    "oldest-langchain": Environment(
        (
            "figuard[langchain]",
            "langchain==0.3.0",
            "langchain-core==0.3.0",
            "langchain-openai==0.2.0",
            # newer ones need a newer langchain-core
            "langchain-text-splitters==0.3.0",
            "langgraph==0.2.20",
        ),
        minors=(11, 12),  # its numpy has no build for later ones
    ),
    "oldest-crewai": Environment(("figuard[crewai]", "crewai==0.102.0", "openai<2")),
    "oldest-agents": Environment((
        "figuard[openai,openai-agents,anthropic]",
        "anthropic==0.49.0",
        "httpx<0.28",
        "openai==1.66.5",
        "openai-agents==0.0.5",
    )),
}  # fmt: skip


def main(arguments: list[str]) -> int:
    """Test in the environments named, or in all; what follows ``--`` is for pytest. Return the exit code."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    names, options = arguments[:cut], arguments[cut + 1 :]
    if unknown := sorted(set(names) - set(ENVIRONMENTS)):
        print(f"no such environment: {', '.join(unknown)}; there are {', '.join(ENVIRONMENTS)}")
        return 2
    results = {name: run(name, ENVIRONMENTS[name], options) for name in names or ENVIRONMENTS}
    print()
    for name, result in results.items():
        print(f"{name}: {result}")
    return 0 if "passed" in results.values() and "FAILED" not in results.values() else 1


def run(name: str, environment: Environment, options: list[str]) -> str:
    """Return how the tests went in one environment: passed, FAILED or left out. It is made first if need be."""
    interpreter = _interpreter(environment.minors)
    if interpreter is None:
        return f"left out, it needs Python {' or '.join(f'3.{minor}' for minor in environment.minors)}"
    python = prepared(name, environment, interpreter)
    say(f"{name}: testing tests/integrations")
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.json"
        # The frameworks' own warnings are theirs to mend.
        quiet = ("-q", "-p", "no:cacheprovider", "-W", "default")
        recording = ("-p", "tests.integrations.record", f"--record-versions={record}")
        command = [python, "-m", "pytest", *quiet, *recording, *(options or ["tests/integrations"])]
        ran = subprocess.run(command, cwd=ROOT, env=os.environ | TELEMETRY_OFF, check=False)
        if ran.returncode != 0:
            return "FAILED"
        if not options:
            keep(name, json.loads(record.read_text(encoding="utf-8")))
    return "passed"


def _interpreter(minors: tuple[int, ...]) -> str | None:
    if sys.version_info[1] in minors:
        return sys.executable
    return next((found for minor in minors if (found := find_python(minor))), None)


def prepared(name: str, environment: Environment, interpreter: str) -> Path:
    """Return the interpreter of an environment, which is made anew when what it should hold has changed."""
    venv = ROOT / ".frameworks" / name
    stamp = venv / "fingerprint"
    python = venv / "bin" / "python"
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    tools = [tool for tool in project["optional-dependencies"]["dev"] if tool.startswith(TEST_TOOLS)]
    wanted = [*environment.wanted, *tools]
    content = json.dumps([wanted, project["dependencies"], project["optional-dependencies"], interpreter])
    print_of_it = hashlib.sha256(content.encode()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != print_of_it:
        say(f"{name}: installing {', '.join(environment.wanted)}")
        create(venv, interpreter)
        install(python, "-e", ROOT, *wanted)
        stamp.write_text(print_of_it, encoding="utf-8")
    return python


def keep(name: str, record: dict[str, object]) -> None:
    """Write what one environment really ran into the file that the documentation's table is made of."""
    kept = json.loads(VERSIONS.read_text(encoding="utf-8")) if VERSIONS.exists() else {}
    kept[name] = record
    ordered = {one: kept[one] for one in ENVIRONMENTS if one in kept}
    VERSIONS.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
    for path, text in outputs().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
