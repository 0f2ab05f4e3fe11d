"""
Runs ``tests/integrations`` against the real agent frameworks. ``make test-frameworks`` runs it.

Not all of them can live together (crewai needs older openai and mcp packages), so there are two environments under
``.frameworks/``. A test asks for its framework with ``pytest.importorskip`` and runs where that is installed. Ranges,
not a lock: the point is to meet the frameworks' newest releases.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib

from venvs import PROJECT, ROOT, create, fingerprint, install, say

SETS = {
    "modern": [
        "figuard[langchain,openai,openai-agents,anthropic,pydantic-ai,mcp,prices,otel]",
        "langchain>=1,<2",
        "langchain-openai>=1,<2",
        "langgraph>=1,<2",
        "pydantic-ai-slim[openai,anthropic]>=1.71,<3",
    ],
    "classic": [
        "figuard[crewai,prices,otel]",
        "openai>=2,<3",
    ],
}
TEST_TOOLS = ("pytest", "hypothesis")


def main(names: list[str]) -> int:
    """Test in the environments called *names*, or in all, and return the exit code."""
    if unknown := sorted(set(names) - set(SETS)):
        print(f"no such set: {', '.join(unknown)}; there are {', '.join(SETS)}")
        return 2
    return 1 if [name for name in names or SETS if not passes(name)] else 0


def passes(name: str) -> bool:
    """Return whether the integration tests pass in the environment *name*, making it first if need be."""
    venv = ROOT / ".frameworks" / name
    stamp = venv / "fingerprint"
    python = venv / "bin" / "python"
    extras = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    tools = [wanted for wanted in extras["dev"] if wanted.startswith(TEST_TOOLS)]
    wanted = [*SETS[name], *tools]
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != fingerprint(*wanted):
        say(f"{name}: installing {', '.join(SETS[name])}")
        create(venv, sys.executable)
        install(python, "-e", ROOT, *wanted)
        stamp.write_text(fingerprint(*wanted), encoding="utf-8")
    say(f"{name}: testing tests/integrations")
    # The frameworks' own warnings are theirs to mend.
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "default", "tests/integrations"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
