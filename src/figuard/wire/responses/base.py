"""
What all response bodies share: camel case on the wire, and one of two rules for members without a value.
"""

from __future__ import annotations

import msgspec


class FullBody(msgspec.Struct, rename="camel", kw_only=True):
    """A body that always carries every member; what does not apply is null."""


class SparseBody(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """A body that leaves out members without a value; members without a default here are always there."""
