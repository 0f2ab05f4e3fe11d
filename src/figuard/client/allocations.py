"""
Dividing a budget by percentages, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from figuard.domain.amounts import AmountLike, decimal_of, quanta

_STEP = Decimal("0.0001")
_TOLERANCE = Decimal("0.001")
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def build_allocations_from_percentages(
    total: AmountLike,
    percentages: Mapping[str, AmountLike],
    enforcement_mode: str | None = None,
    allowed_categories: Mapping[str, Sequence[str]] | None = None,
    forbidden_item_types: Mapping[str, Sequence[str]] | None = None,
) -> list[dict[str, Any]]:
    """
    Return allocations for ``create_budget`` that divide *total* by *percentages* (category to percent).

    Limits are rounded to four digits and the last category takes what is left, so that they add up to *total*
    exactly. ``enforcement_mode`` goes to all of them, the two mappings to the categories they name. Raises
    ``ValueError`` unless the percentages add up to 100 (give or take 0.001) and every name in a mapping is one of
    the categories.
    """
    whole = decimal_of(quanta(total, "total"))
    shares = {category: decimal_of(quanta(percent, category)) for category, percent in percentages.items()}
    added = sum(shares.values(), Decimal())
    if abs(added - 100) > _TOLERANCE:
        raise ValueError(f"the percentages add up to {added.normalize():f}, not to 100")
    for what, mapping in (("allowed_categories", allowed_categories), ("forbidden_item_types", forbidden_item_types)):
        if unknown := sorted((mapping or {}).keys() - shares.keys()):
            raise ValueError(f"{what} names {', '.join(map(repr, unknown))}, which percentages does not")
    limits = [_EXACT.quantize(_EXACT.multiply(whole, share) / 100, _STEP) for share in shares.values()]
    limits[-1] = _EXACT.subtract(whole, sum(limits[:-1], Decimal()))
    built: list[dict[str, Any]] = []
    for category, limit in zip(shares, limits, strict=True):
        allocation: dict[str, Any] = {"category": category, "limit": limit}
        if enforcement_mode is not None:
            allocation["enforcementMode"] = enforcement_mode
        if category in (allowed_categories or {}):
            allocation["allowedCategories"] = list((allowed_categories or {})[category])
        if category in (forbidden_item_types or {}):
            allocation["forbiddenItemTypes"] = list((forbidden_item_types or {})[category])
        built.append(allocation)
    return built
