"""
Answers for tests: what rendering makes of a reply or a view, as the JSON that a caller reads.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from figuard.wire.codec import encode
from figuard.wire.context import Context
from figuard.wire.operations import find
from tests.unit.wire.asked import context

EXACT = msgspec.json.Decoder(float_hook=Decimal)


def shown(name: str, result: Any, known: Context | None = None) -> Any:
    """Return what the operation answers, read back from its JSON with exact numbers."""
    return EXACT.decode(encode(find(name).render(result, known or context())))


def nulls(body: dict[str, Any]) -> set[str]:
    """Return the members that are there and null."""
    return {name for name, value in body.items() if value is None}
