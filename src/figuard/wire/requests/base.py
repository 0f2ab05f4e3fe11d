"""
What all request bodies share: camel case on the wire, absent members left out, amounts as exact numbers.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

import msgspec

from figuard.domain.amounts import AmountLike

if TYPE_CHECKING:
    WireAmount = AmountLike
else:
    # A JSON integer stays an int, every other number and a numeric string become a Decimal from their own digits:
    # no amount ever passes through a binary float on its way in.
    WireAmount = Decimal | int
"""An amount in a request, in whole units. In Python also text or a float, which is taken by its shortest text."""


class RequestBody(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """
    The base of all request bodies.

    Every member may be absent or null when it is decoded; ``figuard.wire.parse`` says which ones must be there, so
    that one answer lists everything that is wrong. Unknown members are ignored.
    """

    required: ClassVar[tuple[str, ...]] = ()
    """The wire names of the members without which the request is refused."""
