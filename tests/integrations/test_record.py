"""
The plugin that writes down what ran counts what passed, by folder, and tells the versions that are here.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from types import SimpleNamespace

from tests.integrations.record import Record, installed


def report(folder, *, when="call", passed=True):
    return SimpleNamespace(nodeid=f"tests/integrations/{folder}/test_x.py::test_y[a/b]", when=when, passed=passed)


def test_only_what_passed_in_a_folder_of_an_integration_counts(tmp_path):
    record = Record(tmp_path / "record.json")
    for one in (
        report("openai"),
        report("openai"),
        report("openai", passed=False),
        report("openai", when="setup"),
        report("anthropic", passed=False),
        report("elsewhere"),
    ):
        record.pytest_runtest_logreport(one)

    record.pytest_sessionfinish()

    ran = json.loads((tmp_path / "record.json").read_text())["integrations"]
    assert {"openai": 2} == {name: one["tests"] for name, one in ran.items()}


def test_a_package_that_is_not_here_has_no_version():
    assert {"pytest": version("pytest")} == installed(("pytest", "no-such-package"))
