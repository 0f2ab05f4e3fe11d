"""
Virtual environments for the tools here: makes one, fills it from the lock, finds interpreters. Standard library only.

uv is used when it is there, because it takes seconds where pip takes a minute; pip alone is enough.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
PROJECT = ROOT / "pyproject.toml"
MINORS = (11, 12, 13)
"""The minor versions of Python 3 that the package promises to run on."""

_PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"


def run(*command: str | Path) -> None:
    """Run *command* in the repository, its output shown. Raises ``CalledProcessError`` when it fails."""
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True)


def say(text: str) -> None:
    """Print a line of progress at once, also into a pipe."""
    print(f"--- {text}", flush=True)


def find_python(minor: int) -> str | None:
    """
    Return a working interpreter of Python 3.*minor*, or None.

    Looks on the PATH, then among pyenv's versions, the newest first. A launcher that refuses to start does not count.
    """
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    installed = sorted(versions.glob(f"3.{minor}.*/bin/python3"), key=_patch, reverse=True)
    for candidate in (shutil.which(f"python3.{minor}"), *map(str, installed)):
        if candidate and _answers(candidate, f"3.{minor}"):
            return candidate
    return None


def _patch(interpreter: Path) -> int:
    digits = re.match(r"3\.\d+\.(\d+)", interpreter.parent.parent.name)
    return int(digits[1]) if digits else -1


def _answers(interpreter: str, version: str) -> bool:
    probe = subprocess.run([interpreter, "-c", _PROBE], capture_output=True, text=True, check=False)
    return probe.returncode == 0 and probe.stdout.strip() == version


def create(folder: Path, interpreter: str) -> Path:
    """Make a fresh environment in *folder* and return its interpreter."""
    run(interpreter, "-m", "venv", "--clear", folder)
    return folder / "bin" / "python"


def fingerprint(*more: str) -> str:
    """Return a digest of everything that decides what an environment holds."""
    digest = hashlib.sha256(LOCK.read_bytes() + PROJECT.read_bytes())
    digest.update("\0".join(more).encode())
    return digest.hexdigest()


def uv() -> Path | None:
    """Return the uv of the main environment, or None."""
    found = ROOT / ".venv" / "bin" / "uv"
    return found if found.exists() else None


def bootstrap_uv(python: Path) -> None:
    """Install uv into *python*'s environment, as the lock pins it. When that fails, pip will do."""
    entry = re.search(r"^uv==.*?(?=^\S|\Z)", LOCK.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if entry is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "uv.txt"
        pinned.write_text(entry[0], encoding="utf-8")
        try:
            run(python, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", "-r", pinned)
        except subprocess.CalledProcessError:
            say("uv does not install here, going on with pip")


def install_locked(python: Path) -> None:
    """Install the lock and then the package itself, editable, into *python*'s environment."""
    install(python, "--require-hashes", "-r", LOCK)
    install(python, "--no-deps", "--no-build-isolation", "-e", ROOT)


def install(python: Path, *what: str | Path) -> None:
    """Install with uv, and with pip when there is no uv or it fails (a mirror, say, that only pip knows)."""
    if tool := uv():
        try:
            run(tool, "pip", "install", "--python", python, *what)
        except subprocess.CalledProcessError:
            say("uv failed, trying pip")
        else:
            return
    run(python, "-m", "pip", "install", "--disable-pip-version-check", *what)


def use_newest_python() -> None:
    """Start this script again under a Python that is new enough, if the present one is not."""
    if sys.version_info >= (3, MINORS[0]):
        return
    for minor in reversed(MINORS):
        if newer := find_python(minor):
            os.execv(newer, [newer, *sys.argv])
    sys.exit(f"FiGuard needs Python 3.{MINORS[0]} or newer, this is {sys.version.split()[0]}; set PYTHON=python3.x")
