"""
The command line: a face for people and scripts. It speaks to a client, and to an open store for what only whoever
holds the file may do (verify, export, sweep, look after it).
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its status: 0 when all is well, 1 when it is not, 2 for a wrong call."""
    try:
        from figuard.cli.app import run
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package not in {"typer", "rich"}:
            raise
        sys.exit(f"figuard: the command line needs {package}. Install it: pip install 'figuard[cli]'")
    run()
