"""
The pages of the documentation as the tests see them: where they are, and the blocks of code in them.

What the pages promise to their readers and to us:

- A ``python`` block runs, after the blocks above it on the same page and in their namespace. What it prints is shown in
  a ``text`` block right below it.
- A ``python`` block with a ``title="name.py"`` is a file: it is written, and what follows may run it.
- A ``console`` block holds commands after ``$``, each with its output. Those that install something or build the
  project are for the reader; all others are run.
- ``…`` in an output stands for what differs from run to run; on a line of its own, for any number of lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.meta.tree import ROOT, files

README = ROOT / "README.md"
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<info>[^`\n]*)$")
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, what else the fence says, its text and the line on which its text starts."""

    page: Path
    line: int
    info: str
    text: str
    ends: int

    @property
    def language(self) -> str:
        """The first word after the fence."""
        return self.info.split(" ", 1)[0]

    @property
    def title(self) -> str | None:
        """The file that the block is, or None."""
        found = _TITLE.search(self.info)
        return found[1] if found else None

    @property
    def where(self) -> str:
        """`page:line`, as an editor understands it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A command of a ``console`` block and the output that is shown below it."""

    command: str
    output: str
    line: int


def pages() -> list[Path]:
    """Return the README and every page of the documentation."""
    return [README, *files("docs", suffix=".md")]


def name_of(page: Path) -> str:
    """Return a page's path below the root, for the name of a test."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return list(_blocks(page, page.read_text(encoding="utf-8").splitlines()))


def _blocks(page: Path, lines: list[str]) -> Iterator[Block]:
    start: tuple[int, re.Match[str]] | None = None
    for number, line in enumerate(lines, start=1):
        fence = _FENCE.match(line)
        if start is None:
            start = (number, fence) if fence else None
        elif fence and not fence["info"] and fence["fence"] == start[1]["fence"]:
            first, opening = start
            indent = len(opening["indent"])
            text = "\n".join(inner[indent:] for inner in lines[first : number - 1])
            yield Block(page, first + 1, opening["info"].strip(), text, number)
            start = None
    assert start is None, f"{page}: the block that starts on line {start and start[0]} has no end"


def output_of(found: list[Block], index: int) -> Block | None:
    """Return the ``text`` block that stands right below a block, with nothing but empty lines between."""
    if index + 1 == len(found) or found[index + 1].language != "text":
        return None
    between = found[index].page.read_text(encoding="utf-8").splitlines()[found[index].ends : found[index + 1].line - 2]
    return None if any(line.strip() for line in between) else found[index + 1]


def commands(block: Block) -> list[Shown]:
    """Return the commands of a ``console`` block; a command goes on in the next line after a backslash or ``>``."""
    shown: list[Shown] = []
    command: list[str] = []
    output: list[str] = []
    started = 0
    for number, line in enumerate([*block.text.splitlines(), "$ "]):
        if line.startswith("$ "):
            if command:
                shown.append(Shown("\n".join(command), "\n".join(output), block.line + started))
            command, output, started = [line[2:]], [], number
        elif line.startswith("> ") and not output:
            command.append(line[2:])
        else:
            assert command, f"{block.where}: a console block starts with a command after '$ '"
            output.append(line)
    return shown


def matches(shown: str, said: str) -> bool:
    """Return whether an output is the one that is shown, where ``…`` stands for anything."""
    parts = []
    for line in _trimmed(shown):
        if line.strip() == "…":
            parts.append(r"(?:.*\n)*")
        else:
            parts.append(".*?".join(re.escape(part) for part in line.split("…")) + r"\n")
    return re.fullmatch("".join(parts), "".join(f"{line}\n" for line in _trimmed(said))) is not None


def _trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").splitlines()]
