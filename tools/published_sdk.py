"""
An environment with the SDK that is published under our name, for the proof that it works against our server.

It has packages of its own under ``.frameworks/published``, because both are imported as ``figuard``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

VERSION = "1.2.0"
WANTED = f"figuard[async]=={VERSION}"
ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".frameworks" / "published"


def environment() -> Path:
    """Return the environment's interpreter, after making it if need be. Raises ``CalledProcessError``."""
    python, stamp = FOLDER / "bin" / "python", FOLDER / "installed"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != WANTED:
        # pip, and pip alone: the version is exact, and the environment is small.
        subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
        subprocess.run([python, "-m", "pip", "install", "--disable-pip-version-check", "-q", WANTED], check=True)
        stamp.write_text(WANTED, encoding="utf-8")
    return python


if __name__ == "__main__":
    print(environment())
