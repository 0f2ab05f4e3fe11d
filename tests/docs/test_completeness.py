"""
The reference leaves nothing out: every command, option, code, limit, event, setting and public name is in it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import figuard
from figuard.domain.codes import DENIALS, ERRORS
from figuard.domain.notices import EVENT_TYPES
from figuard.wire import limits
from tests.docs.pages import README, REFERENCE
from tests.meta.tree import PACKAGE, ROOT, python_files

sys.path.insert(0, str(ROOT / "tools"))
import generate_cli_reference as cli
import generate_settings_reference as settings

VARIABLE = re.compile(r"\bFIGUARD_[A-Z_]+\b")


def text(name: str) -> str:
    """Return a page of the reference."""
    return (REFERENCE / name).read_text(encoding="utf-8")


def sections(page: str) -> dict[str, str]:
    """Return what stands below each heading of the second level."""
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_and_every_option_is_in_the_reference():
    told = sections(text("cli.md"))
    missing = [
        f"{' '.join(path)} {name}"
        for path, command in cli.commands()
        for parameter in cli.options(command)
        for name in cli.names(parameter)
        if f"`{name}`" not in told.get(" ".join(path), "")
    ]

    assert missing == []
    assert set(told) == {" ".join(path) for path, _ in cli.commands()}


def test_every_command_is_in_the_readme():
    readme = README.read_text(encoding="utf-8")
    missing = [
        " ".join(path)
        for path, _ in cli.commands()
        if not all(f"`{word}`" in readme or f"figuard {word}" in readme for word in path[1:]) and path[1] != "version"
        and path[1] not in {"keys", "webhooks"}
    ]  # fmt: skip

    assert missing == []


def test_every_code_is_in_the_reference():
    page = text("codes.md")

    assert [str(code) for code in (*DENIALS, *ERRORS) if f"`{code}`" not in page] == []


def test_every_limit_of_the_wire_is_in_the_reference():
    page = text("limits.md")

    assert [name for name in limits.__all__ if f"| `{name}` |" not in page] == []


def test_every_event_type_is_in_the_reference():
    page = text("webhook-events.md")

    assert [name for name in EVENT_TYPES if f"`{name}`" not in page] == []


def test_every_variable_is_in_the_reference_and_no_other():
    without_server = PACKAGE / "server" if not settings.has_server() else None
    used = {
        name
        for path in python_files(PACKAGE.relative_to(ROOT))
        if without_server is None or not path.is_relative_to(without_server)
        for name in VARIABLE.findall(path.read_text(encoding="utf-8"))
    }
    told = {
        name for line in text("settings.md").splitlines() if line.startswith("| `") for name in VARIABLE.findall(line)
    }

    assert told == used


def test_every_public_name_is_in_the_reference():
    page = text("python.md")
    named = set(re.findall(r"^#{2,4} (\w+)$", page, re.MULTILINE)) | set(re.findall(r"`(Async\w+)`", page))

    assert set(figuard.__all__) - {"__version__"} - named == set()


def test_every_method_of_the_client_is_in_the_reference():
    page = text("python.md")
    methods = [name for name in dir(figuard.FiGuardClient) if not name.startswith("_")]

    assert [name for name in methods if f"#### {name}\n" not in page] == []


def test_every_kind_of_test_is_on_the_page_about_testing():
    page = (ROOT / "docs" / "design" / "testing.md").read_text(encoding="utf-8")
    folders = {path.relative_to(ROOT).parts[1] for path in Path(ROOT, "tests").glob("*/**/test_*.py")}

    assert [folder for folder in sorted(folders) if f"`tests/{folder}`" not in page] == []


def test_every_room_is_on_the_page_about_the_architecture():
    page = (ROOT / "docs" / "design" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.stem for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}

    assert [room for room in sorted(rooms) if f"`{room}`" not in page] == []
