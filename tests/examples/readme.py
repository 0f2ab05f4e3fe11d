"""
What `examples/README.md` shows: the commands and their outputs. ``python -m tests.examples.readme`` writes the outputs.

Outputs that still match are left as they are, because a `…` in them stands for what differs from run to run. Examples
whose framework is not installed here are left as they are too.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import Shown, blocks, commands, matches
from tests.meta.tree import ROOT, imports, python_files

README = ROOT / "examples" / "README.md"
HELPERS = {"examples.story", "examples.frameworks.scripted"}
"""Modules that the examples share."""
SECONDS_MAX = 150
"""Frameworks take their time to be imported, more so on a machine that is busy."""
_PREFIX = "python -m "


def modules() -> list[str]:
    """Return every example, as the name of its module."""
    found = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in python_files("examples")]
    return [name for name in found if name not in HELPERS]


def needs(module: str) -> set[str]:
    """Return the packages that an example imports and that do not come with Python or with us."""
    path = ROOT / (module.replace(".", "/") + ".py")
    packages = {name.partition(".")[0] for name, _ in imports(path)}
    return packages - set(sys.stdlib_module_names) - {"examples", "figuard"}


def missing(module: str) -> list[str]:
    """Return what of that is not installed."""
    return [package for package in sorted(needs(module)) if importlib.util.find_spec(package) is None]


def shown() -> dict[str, Shown]:
    """Return what the README shows of each example, by module."""
    every = [shown for block in blocks(README) if block.language == "console" for shown in commands(block)]
    return {one.command.removeprefix(_PREFIX): one for one in every if one.command.startswith(_PREFIX)}


def run(module: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run an example with *home* as its home, no setting and no key of ours, and nobody to speak to."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_KEY") and "FIGUARD" not in name}
    return subprocess.run(
        [sys.executable, "-m", "tests.examples.offline", module],
        cwd=ROOT, env={**kept, "HOME": str(home), "PYTHONWARNINGS": "ignore"}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, encoding="utf-8", timeout=SECONDS_MAX, check=False,
    )  # fmt: skip


def write(home: Path) -> None:
    """Write the outputs that no longer match into the README."""
    text = README.read_text(encoding="utf-8")
    for module, one in shown().items():
        if missing(module):
            print(f"- {module}: not installed: {', '.join(missing(module))}")
            continue
        ran = run(module, home)
        if ran.returncode:
            print(f"! {module} exits with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
        elif not matches(one.output, ran.stdout):
            before = f"$ {one.command}\n" + (f"{one.output}\n" if one.output else "") + "```"
            assert before in text, module
            text = text.replace(before, f"$ {one.command}\n{ran.stdout.rstrip()}\n```")
            README.write_text(text, encoding="utf-8")
            print(f"+ {module}")


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
