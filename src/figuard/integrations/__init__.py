"""
Agent frameworks, one folder each, over the one guard of ``figuard.integrations.guard``. None is loaded before its use.
"""

from __future__ import annotations

from importlib.util import find_spec


def needs(module: str, extra: str) -> None:
    """Raise ``ImportError`` with the install line when the package *module* is missing."""
    if find_spec(module) is None:
        raise ImportError(f"{module} is not installed: pip install 'figuard[{extra}]'", name=module)
