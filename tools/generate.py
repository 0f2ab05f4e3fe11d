"""
Writes every generated file: finds each ``tools/generate_*.py``, asks its ``outputs()``, writes what changed.

A generator never writes by itself, so the same ``outputs()`` serves the test that compares the tree with it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parent


def generated() -> Iterator[tuple[Path, str]]:
    """Yield the path and the text of every generated file."""
    if str(TOOLS) not in sys.path:
        sys.path.insert(0, str(TOOLS))
    for script in sorted(TOOLS.glob("generate_*.py")):
        yield from importlib.import_module(script.stem).outputs().items()


def stale() -> list[tuple[Path, str]]:
    """Return the generated files whose text in the tree is not what the generators say."""
    return [(path, text) for path, text in generated() if not path.exists() or path.read_text("utf-8") != text]


def main() -> None:
    """Write the stale files and name them."""
    todo = stale()
    for path, text in todo:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print("wrote", path.relative_to(ROOT))
    if not todo:
        print("everything is fresh")


if __name__ == "__main__":
    main()
