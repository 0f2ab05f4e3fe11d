"""
Records kept decoded beside their JSON, so that a busy one is not decoded again for every transaction.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from figuard.domain.events import Event
from figuard.stores.codecs import DECODERS

KEPT_MAX = 16_384
"""How many records of one type are kept decoded beside their JSON: at two or three kilobytes each."""
EVENTS_KEPT_MAX = 4096
"""How many events: most are settled soon after they were opened, or much later."""


class Kept:
    """
    Records beside the very JSON they were decoded from or written as.

    What counts is always what the database says: only when its text is the same is it not decoded again.
    """

    def __init__(self, of: type) -> None:
        self._decode = DECODERS[of]
        self._most = EVENTS_KEPT_MAX if of is Event else KEPT_MAX
        # Of a plain dictionary the oldest is found behind the gaps of all that went before it, thousands of them.
        self._kept: OrderedDict[str, tuple[str, Any]] = OrderedDict()

    def decoded(self, key: str, data: str) -> Any:  # noqa: ANN401 - a record
        """Return the record that *data* says; *key* is what it was looked up by."""
        kept = self._kept.get(key)
        if kept is not None and kept[0] == data:
            return kept[1]
        record = self._decode(data)
        self.keep(key, data, record)
        return record

    def keep(self, key: str, data: str, record: Any) -> None:  # noqa: ANN401 - a record
        """Remember what *data* says, and forget what has not changed for longest when there is too much."""
        kept = self._kept
        kept[key] = (data, record)
        kept.move_to_end(key)
        if len(kept) > self._most:
            kept.popitem(last=False)


KeptByType = Mapping[type, Kept]
"""The types of which records are kept; each has an id."""
