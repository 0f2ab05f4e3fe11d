"""
Runs the fast tests and the store tests under every Python we promise. ``make test-pythons`` runs it.

Each interpreter gets an environment of its own under ``.pythons/``, made anew when the lock changes. An interpreter
that is not on the machine is named and left out; one that fails makes the whole run fail.
"""

from __future__ import annotations

import subprocess
import sys

from venvs import MINORS, ROOT, create, find_python, fingerprint, install_locked, say

FOLDERS = ("tests/unit", "tests/property", "tests/stores")


def main() -> int:
    """Test under each interpreter and return the exit code."""
    folders = [folder for folder in FOLDERS if (ROOT / folder).is_dir()]
    results = {f"3.{minor}": test_under(minor, folders) for minor in MINORS}
    print()
    for version, result in results.items():
        print(f"Python {version}: {result}")
    return 0 if "passed" in results.values() and "FAILED" not in results.values() else 1


def test_under(minor: int, folders: list[str]) -> str:
    """Return how the tests in *folders* went under Python 3.*minor*: passed, FAILED or not found."""
    interpreter = find_python(minor)
    if interpreter is None:
        return "not found, left out"
    venv = ROOT / ".pythons" / f"3.{minor}"
    stamp = venv / "fingerprint"
    python = venv / "bin" / "python"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != fingerprint():
        say(f"Python 3.{minor}: installing")
        create(venv, interpreter)
        install_locked(python)
        stamp.write_text(fingerprint(), encoding="utf-8")
    say(f"Python 3.{minor}: testing {', '.join(folders)}")
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not full", *folders]
    return "passed" if subprocess.run(command, cwd=ROOT, check=False).returncode == 0 else "FAILED"


if __name__ == "__main__":
    sys.exit(main())
