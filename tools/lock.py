"""
Writes ``requirements.lock`` from ``pyproject.toml``: all of the dev extra, exact, with the hashes of the files.

One lock for all promised Pythons and platforms, without the address of any index. ``--upgrade`` takes newer releases;
without it, only what ``pyproject.toml`` demands changes.
"""

from __future__ import annotations

import sys

from venvs import LOCK, MINORS, PROJECT, ROOT, run, uv

HEAD = """\
# Every package that development and tests use, exact and with the hashes of its files.
# Written by tools/lock.py from the dev extra of pyproject.toml.
"""


def main(options: list[str]) -> None:
    """Write the lock, passing *options* on to uv."""
    tool = uv()
    if tool is None:
        sys.exit("run `make setup` first: the lock is written with the uv of .venv")
    run(
        tool, "pip", "compile", PROJECT.relative_to(ROOT), "--extra", "dev", "--universal",
        "--python-version", f"3.{MINORS[0]}", "--generate-hashes", "--no-emit-index-url", "--no-header",
        "--quiet", "--output-file", LOCK.relative_to(ROOT), *options,
    )  # fmt: skip
    text = HEAD + LOCK.read_text(encoding="utf-8").removeprefix(HEAD)
    if "://" in text:
        sys.exit("the lock names an address; look at the index options of your uv configuration")
    LOCK.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
