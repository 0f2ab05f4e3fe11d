"""
Renders BENCHMARKS.md from the figures of the run that is kept.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def outputs() -> dict[Path, str]:
    """Return the page by its path; nothing before a run is kept."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from bench.page import KEPT, PAGE, render

    return {PAGE: render(KEPT)} if KEPT.exists() else {}
