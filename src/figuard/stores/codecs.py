"""
How a record becomes the JSON in its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from figuard.ports import Record
from figuard.stores.tables import TABLES

_ENCODE = msgspec.json.Encoder().encode

DECODERS: Mapping[type, Callable[[str | bytes], Any]] = {of: msgspec.json.Decoder(of).decode for of in TABLES}
"""The function that reads a record of each type."""


def encode(record: Record) -> str:
    """Return a record as JSON."""
    return _ENCODE(record).decode()
