"""
Writes ``spec/openapi.json``: the API as the server serves it at ``/openapi.json``, for those who read it in the tree.
"""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def outputs() -> dict[Path, str]:
    """Return the text of the generated file."""
    from figuard.server.openapi import document

    return {ROOT / "spec" / "openapi.json": json.dumps(document(), indent=2, ensure_ascii=False) + "\n"}
