"""
Every block of the README and the documentation does what it shows.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from figuard import FiGuardClient
from tests.docs.pages import Block, blocks, commands, matches, name_of, output_of, pages

COMMAND_SECONDS_MAX = 50
_NUMBERS = socket.getaddrinfo
PUBLIC_ADDRESS = "93.184.215.14"
# What a reader does to get the package or to build the project; running it would say nothing about the page.
FOR_THE_READER = ("pip ", "make", "git ", "PYTHONPATH=. .venv/", "figuard serve", "figuard up")
KNOWN_LANGUAGES = {"python", "console", "text", "json", "toml", "yaml", "sql", "ini"}


def runs(block: Block) -> bool:
    """Return whether a block does something."""
    return block.language in {"python", "console"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that is the home and the working folder of what the page does."""
    for name in [name for name in os.environ if name.startswith("FIGUARD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(socket, "getaddrinfo", name_service)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def name_service(host: str, port: int, *more: Any, **named: Any) -> list[Any]:
    """Answer like the world outside, which no test may ask: there is one public host, and the pages use it."""
    if host == "127.0.0.1":
        return _NUMBERS(host, port, *more, **named)
    if not host.endswith("example.com"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (PUBLIC_ADDRESS, port))]


@contextlib.contextmanager
def fresh_module(name: str) -> Iterator[ModuleType]:
    """Lend a module for the blocks of a page; close what they opened and left open."""
    module = ModuleType(name)
    sys.modules[name] = module
    try:
        yield module
    finally:
        for left in list(vars(module).values()):
            if isinstance(left, FiGuardClient):
                left.close()
            if isinstance(left, subprocess.Popen):
                left.kill()
                left.communicate()
        del sys.modules[name]


@pytest.mark.parametrize("page", [p for p in pages() if any(map(runs, blocks(p)))], ids=name_of)
def test_a_page_does_what_it_shows(page, home):
    found = blocks(page)
    with fresh_module("page") as module:
        for index, block in enumerate(found):
            if block.language == "console":
                run_commands(block, home)
            elif block.title and block.language == "python":
                (home / block.title).write_text(block.text + "\n", encoding="utf-8")
            elif block.language == "python":
                run_python(block, output_of(found, index), module)


def run_python(block: Block, shown: Block | None, module: ModuleType) -> None:
    """Run a block in the page's module and compare what it prints."""
    # Empty lines in front, so that a traceback names the line of the page.
    code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(code, vars(module))
    expected = shown.text if shown else ""
    assert matches(expected, said.getvalue()), f"{block.where} prints:\n{said.getvalue()}\nbut shows:\n{expected}"


def run_commands(block: Block, home: Path) -> None:
    """Run the commands of a block one by one and compare what they print."""
    for shown in commands(block):
        if shown.command.startswith(FOR_THE_READER):
            continue
        ran = subprocess.run(
            ["bash", "-c", shown.command], cwd=home, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        where = f"{block.page.name}:{shown.line}: $ {shown.command}"
        assert ran.returncode == 0, f"{where}\nexits with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
        assert matches(shown.output, ran.stdout), f"{where}\nprints:\n{ran.stdout}\nbut shows:\n{shown.output}"


def test_every_block_names_its_language():
    """
    A block without a language is neither highlighted nor run, and nobody notices.
    """
    strange = [block.where for page in pages() for block in blocks(page) if block.language not in KNOWN_LANGUAGES]

    assert strange == []


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a", "b", False),
        ("", "", True),
        ("", "something", False),
        ("id … ok", "id 0190 ok", True),
        ("id … ok", "id 0190 no", False),
        ("first\n…\nlast", "first\n1\n2\nlast", True),
        ("first\n…\nlast", "first\nlast", True),
        ("first\n…\nlast", "first\n1", False),
        ("(a.c)", "(abc)", False),
    ],
)
def test_an_ellipsis_stands_for_anything_and_nothing_else_does(shown, said, same):
    assert matches(shown, said) is same
