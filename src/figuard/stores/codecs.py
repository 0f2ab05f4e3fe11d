"""
How a record becomes the JSON in its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from figuard.ports import Record
from figuard.ports.notation import Notation
from figuard.stores.tables import TABLES

_NOTATIONS: Mapping[type, Notation[Any]] = {of: Notation(of) for of in TABLES}

ENCODERS: Mapping[type, Callable[[Any], bytes]] = {of: notation.encode for of, notation in _NOTATIONS.items()}
"""The function that writes a record of each type."""
DECODERS: Mapping[type, Callable[[str | bytes], Any]] = {of: notation.decode for of, notation in _NOTATIONS.items()}
"""The function that reads a record of each type."""


def encode(record: Record) -> str:
    """Return a record as JSON."""
    return ENCODERS[record.__class__](record).decode()
