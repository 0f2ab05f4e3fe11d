"""
The secrets file: generated secrets that are kept beside the database rather than in it, as ``NAME=value`` lines.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

SECRETS_FILE_VARIABLE = "FIGUARD_SECRETS_FILE"
"""The variable that names the file."""


def fill(path: str, name: str, make: Callable[[], str]) -> str:
    """
    Return the secret called *name* of the file; when it has none, make it and write it down (mode 0600).

    Raises ``OSError`` when the file cannot be read or written.
    """
    file = Path(path).expanduser()
    if (known := kept(file).get(name)) is not None:
        return known
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = make()
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as out:
        out.write(f"{name}={made}\n")
    # Another server may have appended first: then the first line counts for both.
    return kept(file)[name]


def kept(path: str | Path) -> dict[str, str]:
    """Return the secrets of the file by name; none when there is no file. Raises ``OSError``."""
    file = Path(path).expanduser()
    found: dict[str, str] = {}
    if not file.exists():
        return found
    for line in file.read_text(encoding="utf-8").splitlines():
        name, is_pair, value = line.removeprefix("export ").partition("=")
        if is_pair and not name.lstrip().startswith("#"):
            found.setdefault(name.strip(), value.strip().strip("'\""))
    return found
