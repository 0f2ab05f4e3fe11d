"""
Generates the table of agent frameworks: which of their releases the integrations really ran with, and how many tests.

Made from ``tests/integrations/versions.json``, which ``make test-frameworks`` writes after a run that passed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reference_pages import REFERENCE, page, row, table

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ROOT / "tests" / "integrations" / "versions.json"
NAMES = {
    "langchain": "LangChain and LangGraph",
    "crewai": "CrewAI",
    "openai": "OpenAI",
    "openai_agents": "OpenAI Agents SDK",
    "anthropic": "Anthropic",
    "pydantic_ai": "Pydantic AI",
}

HEAD = """\
What the integrations were run with: the tests drive each framework's own agent loop against a scripted model, and look
into the ledger afterwards. A row is one environment; releases in between are expected to work, and not run.
`make test-frameworks` runs all of them and writes this table.
"""


def frameworks_page(environments: dict[str, Any]) -> str:
    """Return the page for what ran in each environment."""
    rows = [
        row(NAMES[name], packages(ran["packages"]), record["python"], str(ran["tests"]))
        for name in NAMES
        for record in environments.values()
        if (ran := record["integrations"].get(name))
    ]
    # Two environments may have met the same releases.
    body = table("framework", "ran with", "Python", "tests passed") + "".join(dict.fromkeys(rows))
    return page("Agent frameworks", "generate_frameworks", HEAD + body)


def packages(versions: dict[str, str]) -> str:
    """Return packages and their versions for a reader."""
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def outputs() -> dict[Path, str]:
    """Return the page by its path."""
    environments = json.loads(VERSIONS.read_text(encoding="utf-8")) if VERSIONS.exists() else {}
    return {REFERENCE / "frameworks.md": frameworks_page(environments)}
