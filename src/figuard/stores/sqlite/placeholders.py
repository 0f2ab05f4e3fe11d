"""
Placeholders: the shared statements number theirs (``?1``), and Python's driver wants bare ones.

SQLite itself knows both, but Python 3.12.0 to 3.12.3 takes the numbered ones for names and warns of each.
"""

from __future__ import annotations

import re
from functools import lru_cache
from operator import itemgetter

from figuard.stores.tables import Read

STATEMENTS_KEPT_MAX = 512
_NUMBERED = re.compile(r"\?(\d+)")


@lru_cache(STATEMENTS_KEPT_MAX)
def unnumbered(text: str) -> tuple[str, Read | None]:
    """Return a statement with bare placeholders, and how to put its values in their order (None: as they are)."""
    places = [int(number) - 1 for number in _NUMBERED.findall(text)]
    bare = _NUMBERED.sub("?", text)
    if places == list(range(len(places))):
        return bare, None
    order = itemgetter(*places)
    return bare, order if len(places) > 1 else lambda values: (order(values),)
