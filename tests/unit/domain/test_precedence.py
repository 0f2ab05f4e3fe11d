"""
The order of the checks, proved pair by pair: when two object at once, the one declared first is the answer.

Each denial has a provocation: a few changes to a request that would otherwise pass. Two provocations together make a
situation in which both checks object, which is verified by asking both; what cannot be made is listed with its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import pytest

from figuard.domain.amounts import quanta
from figuard.domain.anomaly import AnomalyPolicy, Baseline
from figuard.domain.budget import Allocation, Counters, EnforcementMode, Funds, Policy, Status
from figuard.domain.checks import CHECKS
from figuard.domain.codes import Denial
from figuard.domain.decide import objection
from figuard.domain.limits import CHAIN_DEPTH_MAX
from figuard.domain.situation import Situation
from figuard.domain.velocity import VelocityLimits
from tests.builders import allocation, spend
from tests.unit.domain.made import budget, cap, event, item, later, token

NOW = later(10_000)
DIVIDED = replace(allocation("food", 1000, mode=EnforcementMode.STRICT, forbidden_item_types=("wine",)), id="food")


@dataclass
class Draft:
    """A request for 10 USD that passes, to be spoiled."""

    policy: dict[str, Any] = field(default_factory=dict[str, Any])
    funds: dict[str, Any] = field(default_factory=lambda: {"limit": quanta(1000)})
    spend: dict[str, Any] = field(default_factory=dict[str, Any])
    token: dict[str, Any] = field(default_factory=dict[str, Any])
    caps: tuple[Any, ...] = ()
    status: Status = Status.ACTIVE
    around: dict[str, Any] = field(default_factory=dict[str, Any])
    baseline: Baseline = field(default_factory=Baseline)

    def situation(self) -> Situation:
        state = budget(policy=Policy(**self.policy), status=self.status, counters=Counters(baseline=self.baseline))
        state = replace(state, funds=Funds(**self.funds))
        asked = spend(10, **self.spend)
        return Situation(state, asked, NOW, tokens=(token("agent", *self.caps, **self.token),), **self.around)


def status(draft: Draft, wanted: Status) -> None:
    draft.status = wanted


def divide(draft: Draft, part: Allocation = DIVIDED) -> None:
    draft.funds["allocations"] = (part,)


def forbidden_item(draft: Draft) -> None:
    divide(draft, draft.funds.get("allocations", (DIVIDED,))[0])
    draft.spend |= {"category": "food", "item_type": "wine"}


def exhausted(draft: Draft) -> None:
    divide(draft, replace(DIVIDED, limit=quanta(5)))
    draft.spend.setdefault("category", "food")


def outgrown(draft: Draft) -> None:
    draft.baseline = Baseline(5, quanta(5), quanta(1), quanta(1))
    draft.policy["anomaly"] = AnomalyPolicy(enabled=True)


PROVOKE: dict[Denial, Callable[[Draft], Any]] = {
    Denial.ENTITY_ALREADY_AUTHORIZED: lambda d: d.around.update(twin=event(id="twin")),
    Denial.BUDGET_PAUSED: lambda d: status(d, Status.PAUSED),
    Denial.BUDGET_CANCELLED: lambda d: status(d, Status.CANCELLED),
    Denial.BUDGET_EXPIRED: lambda d: d.policy.update(expires_at=later(1)),
    Denial.TOKEN_SCOPE_VIOLATION: lambda d: d.token.update(read_only=True),
    Denial.ENTITLEMENT_LIMIT_REACHED: lambda d: d.around.update(item=item(5)),
    Denial.VELOCITY_LIMIT_EXCEEDED: lambda d: d.policy.update(velocity=VelocityLimits(per_minute=0)),
    Denial.CURRENCY_MISMATCH: lambda d: d.spend.update(currency="EUR"),
    Denial.EXCEEDS_QUANTITY_LIMIT: lambda d: d.policy.update(max_transaction=quanta(5)),
    Denial.ANOMALY_DETECTED: outgrown,
    Denial.CAUSAL_CHAIN_TOO_DEEP: lambda d: d.around.update(parent=event(depth=CHAIN_DEPTH_MAX)),
    Denial.SUBTREE_CAP_EXCEEDED: lambda d: d.around.update(root=event(id="root", max_subtree=5)),
    Denial.MISSING_CLAIMED_CATEGORY: divide,
    Denial.NO_MATCHING_ALLOCATION: lambda d: (divide(d), d.spend.update(category="yachts")),
    Denial.FORBIDDEN_ITEM_TYPE: forbidden_item,
    Denial.INTENT_SCOPE_VIOLATION: lambda d: d.policy.update(intent_tags=("flight",)),
    Denial.DELEGATE_CAP_EXCEEDED: lambda d: setattr(d, "caps", (cap("fuel", 1), cap("toll", 1))),
    Denial.ALLOCATION_EXHAUSTED: exhausted,
    Denial.INSUFFICIENT_FUNDS: lambda d: d.funds.update(limit=quanta(5)),
}

ONE_STATUS = "a budget has one status"
CATEGORY = "the one needs a request without a category, the other one with it"
MATCHED = "the one needs a category that no allocation takes, the other one that an allocation takes"
UNDIVIDED = "tags are not applied to divided budgets"
IMPOSSIBLE: dict[tuple[Denial, Denial], str] = {
    (Denial.BUDGET_PAUSED, Denial.BUDGET_CANCELLED): ONE_STATUS,
    (Denial.MISSING_CLAIMED_CATEGORY, Denial.NO_MATCHING_ALLOCATION): CATEGORY,
    (Denial.MISSING_CLAIMED_CATEGORY, Denial.FORBIDDEN_ITEM_TYPE): CATEGORY,
    (Denial.MISSING_CLAIMED_CATEGORY, Denial.INTENT_SCOPE_VIOLATION): UNDIVIDED,
    (Denial.MISSING_CLAIMED_CATEGORY, Denial.ALLOCATION_EXHAUSTED): CATEGORY,
    (Denial.NO_MATCHING_ALLOCATION, Denial.FORBIDDEN_ITEM_TYPE): MATCHED,
    (Denial.NO_MATCHING_ALLOCATION, Denial.INTENT_SCOPE_VIOLATION): UNDIVIDED,
    (Denial.NO_MATCHING_ALLOCATION, Denial.ALLOCATION_EXHAUSTED): MATCHED,
    (Denial.FORBIDDEN_ITEM_TYPE, Denial.INTENT_SCOPE_VIOLATION): UNDIVIDED,
    (Denial.INTENT_SCOPE_VIOLATION, Denial.ALLOCATION_EXHAUSTED): UNDIVIDED,
}
PAIRS = list(combinations(Denial, 2))


def provoked(*denials: Denial) -> list[Situation]:
    """Return the situations that provoke these denials, the provocations made in either order."""
    situations = []
    for order in (denials, denials[::-1]):
        draft = Draft()
        for denial in order:
            PROVOKE[denial](draft)
        situations.append(draft.situation())
    return situations


def objecting(situation: Situation) -> set[Denial]:
    """Return every denial whose check objects."""
    return {denial for denial, check, _ in CHECKS if check(situation) is not None}


def together(earlier: Denial, later_one: Denial) -> Situation | None:
    """Return a situation to which both checks object, or None."""
    return next((s for s in provoked(earlier, later_one) if {earlier, later_one} <= objecting(s)), None)


def first(situation: Situation) -> Denial | None:
    found = objection(situation)
    return found[0] if found else None


def test_nothing_objects_to_the_request_that_is_spoiled():
    assert set() == objecting(Draft().situation())


def test_every_denial_can_be_provoked():
    assert set(Denial) == PROVOKE.keys()


def test_every_denial_has_one_check_in_the_order_of_declaration():
    assert list(Denial) == [denial for denial, *_ in CHECKS]


def test_no_check_stands_for_two_denials():
    assert len(CHECKS) == len({check for _, check, _ in CHECKS})


@pytest.mark.parametrize("denial", Denial)
def test_a_provocation_alone_provokes_its_denial_alone(denial: Denial):
    assert {denial} == objecting(provoked(denial)[0])


@pytest.mark.parametrize("earlier", list(Denial)[:-1])
def test_of_two_objections_the_earlier_is_the_answer(earlier: Denial):
    """
    Every possible pair is made with this denial as the earlier one; a pair that could not be made shows as None.
    """
    answers = {
        pair[1]: first(situation) if (situation := together(*pair)) else None
        for pair in PAIRS
        if pair[0] is earlier and pair not in IMPOSSIBLE
    }

    assert dict.fromkeys(answers, earlier) == answers


def test_every_pair_is_either_proved_or_listed():
    assert len(Denial) * (len(Denial) - 1) // 2 == len(PAIRS)
    assert set(IMPOSSIBLE) <= set(PAIRS)


def test_exactly_the_listed_pairs_exclude_each_other():
    assert set(IMPOSSIBLE) == {pair for pair in PAIRS if together(*pair) is None}


def test_no_request_whatever_provokes_an_impossible_pair():
    """
    All provocations together, in any combination of three, never bring an impossible pair about.
    """
    brought_about = set[tuple[Denial, Denial]]()
    for three in combinations(Denial, 3):
        for situation in provoked(*three):
            found = objecting(situation)
            brought_about |= {pair for pair in IMPOSSIBLE if set(pair) <= found}

    assert set() == brought_about


def test_of_all_objections_at_once_the_first_is_the_answer():
    possible = [d for d in Denial if d not in {Denial.BUDGET_CANCELLED, Denial.MISSING_CLAIMED_CATEGORY}]
    for index, denial in enumerate(possible):
        rest = [d for d in possible[index:] if (denial, d) not in IMPOSSIBLE]
        situation = provoked(*rest)[0]

        assert min(objecting(situation), key=list(Denial).index) is first(situation)
