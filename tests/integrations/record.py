"""
A pytest plugin that writes down what really ran: per integration how many tests passed, with which packages.

``tools/test_frameworks.py`` loads it in each of its environments. The folder below ``tests/integrations`` names the
integration.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = {
    "langchain": ("langchain", "langchain-core", "langgraph", "langchain-openai"),
    "crewai": ("crewai", "openai"),
    "openai": ("openai",),
    "openai_agents": ("openai-agents", "openai"),
    "anthropic": ("anthropic",),
    "pydantic_ai": ("pydantic-ai-slim",),
}
"""Which distributions the version of an integration's framework is told by."""


def pytest_addoption(parser):
    parser.addoption("--record-versions", help="write what passed, and with which versions, into this file")


def pytest_configure(config):
    if path := config.getoption("--record-versions"):
        config.pluginmanager.register(Record(Path(path)))


class Record:
    """Counts the tests that passed and writes the file at the end."""

    def __init__(self, path):
        self.path = path
        self.passed = Counter()

    def pytest_runtest_logreport(self, report):
        folder = Path(report.nodeid.partition("::")[0]).parent.name
        if report.when == "call" and report.passed and folder in PACKAGES:
            self.passed[folder] += 1

    def pytest_sessionfinish(self):
        integrations = {
            name: {"tests": self.passed[name], "packages": installed(PACKAGES[name])}
            for name in PACKAGES
            if self.passed[name]
        }
        content = {"python": platform.python_version(), "integrations": integrations}
        self.path.write_text(json.dumps(content), encoding="utf-8")


def installed(names):
    """
    The versions of those packages that are here.
    """
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
