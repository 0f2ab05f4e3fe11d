"""
Makes ``.venv``: every package of ``requirements.lock``, then FiGuard itself, editable. ``make setup`` runs it.

Leaves ``.venv/stamp`` as its last act, so that make knows when there is nothing to do.
"""

from __future__ import annotations

import subprocess
import sys
import time

from venvs import LOCK, ROOT, bootstrap_uv, create, install_locked, say, use_newest_python

VENV = ROOT / ".venv"


def main() -> None:
    """Make or refresh the environment."""
    use_newest_python()
    started = time.monotonic()
    python = VENV / "bin" / "python"
    if not _works(str(python)):
        say(f"creating .venv with Python {sys.version.split()[0]}")
        create(VENV, sys.executable)
    if not (VENV / "bin" / "uv").exists():
        bootstrap_uv(python)
    count = sum("==" in line for line in LOCK.read_text(encoding="utf-8").splitlines())
    say(f"installing {count} locked packages and FiGuard")
    install_locked(python)
    (VENV / "stamp").touch()
    say(f".venv is ready ({time.monotonic() - started:.0f} s)")


def _works(python: str) -> bool:
    try:
        return subprocess.run([python, "-c", "import pip"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failed:
        sys.exit(f"setup stopped: {' '.join(map(str, failed.cmd[:4]))} … exited with {failed.returncode}")
