"""
The promises of the project's own papers: commands, licence, version, lock and typing are what they say.
"""

from __future__ import annotations

import re
import tomllib

from tests.meta.tree import PACKAGE, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
COMMANDS = {
    "help", "setup", "demo", "up", "check", "test", "full", "bench", "bench-quick", "docs", "test-pythons",
    "test-frameworks", "generate",
}  # fmt: skip


def test_make_has_every_command_and_explains_it():
    explained = re.findall(r"^([a-z-]+):.*## \S", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert set(explained) == COMMANDS


def test_continuous_integration_runs_the_test_command():
    script = ROOT / ".ci" / "run"

    assert script.stat().st_mode & 0o111
    assert "set -euo pipefail\n" in script.read_text(encoding="utf-8")
    assert "\nmake test\n" in script.read_text(encoding="utf-8")


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").exists()


def test_the_version_is_in_the_changelog():
    version = re.search(r'__version__ = "(.+)"', (PACKAGE / "_version.py").read_text(encoding="utf-8"))

    assert version
    assert f"## [{version[1]}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_base_install_stays_small():
    """
    Two packages, which between them make no demand on any framework's versions.
    """
    names = [re.split(r"[^a-z0-9-]", needed)[0] for needed in PROJECT["project"]["dependencies"]]

    assert names == ["httpx2", "msgspec"]


def test_every_requirement_has_a_range():
    every = [*PROJECT["project"]["dependencies"], *(one for extra in EXTRAS.values() for one in extra)]
    open_ended = [one for one in every if not one.startswith("figuard[") and ">=" not in one]

    assert open_ended == []


def test_the_lock_knows_every_development_package_by_hash():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))
    wanted = {re.split(r"[^a-z0-9-]", one)[0] for one in [*EXTRAS["dev"], *EXTRAS["server"]]} - {"figuard"}

    assert wanted - pinned.keys() == set()
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert "://" not in lock
