"""
Allocations, as budgets and hypothetical policies name them.
"""

from __future__ import annotations

from figuard.domain.budget import Allocation, EnforcementMode
from figuard.wire import limits
from figuard.wire.parse import fields
from figuard.wire.parse.fields import Faults
from figuard.wire.requests import AllocationRequest


def allocations_of(faults: Faults, name: str, value: object, *, lenient: bool = False) -> tuple[Allocation, ...] | None:
    """
    Return allocations without ids; None for absent or null.

    With *lenient*, as in a hypothetical policy, one without ``allowedCategories`` takes its own label.
    """

    def parse(inner: Faults, at: str, body: AllocationRequest) -> Allocation:
        return _allocation(inner, at, body, lenient=lenient)

    return fields.things(faults, name, value, parse, limits.ALLOCATIONS_MAX, AllocationRequest)


def _allocation(faults: Faults, at: str, body: AllocationRequest, *, lenient: bool) -> Allocation:
    category = fields.text(faults, f"{at}.category", body.category)
    mode = fields.choice(
        faults,
        f"{at}.enforcementMode",
        body.enforcement_mode,
        EnforcementMode,
        EnforcementMode.CATEGORY_CONSTRAINED,
    )
    allowed = fields.words(faults, f"{at}.allowedCategories", body.allowed_categories) or ()
    if not allowed and mode is not EnforcementMode.OPEN:
        if lenient:
            allowed = (category,)
        else:
            faults.add(f"{at}.allowedCategoriesValidForMode", f"needs allowedCategories for enforcementMode {mode}")
    return Allocation(
        id="",
        category=category,
        limit=fields.amount(faults, f"{at}.limit", body.limit),
        mode=mode,
        allowed_categories=allowed,
        forbidden_item_types=fields.words(faults, f"{at}.forbiddenItemTypes", body.forbidden_item_types) or (),
    )
