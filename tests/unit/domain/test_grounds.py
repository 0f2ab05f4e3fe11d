"""
A check that has nothing to stand on is not asked, and that never changes the answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from figuard.domain.amounts import quanta
from figuard.domain.anomaly import AnomalyPolicy, Baseline
from figuard.domain.budget import Balance, Counters, EnforcementMode, Funds, Policy, Status, TrustMode
from figuard.domain.checks import CHECKS, checks_on
from figuard.domain.codes import Denial
from figuard.domain.decide import objection
from figuard.domain.entitlements import ItemPolicy
from figuard.domain.limits import CHAIN_DEPTH_MAX
from figuard.domain.situation import Situation
from figuard.domain.tokens import UNRESTRICTED, Scope
from figuard.domain.velocity import VelocityLimits, Windows
from tests.builders import allocation, spend
from tests.unit.domain.made import NOW, budget, cap, event, item, later, token

AMOUNTS = st.sampled_from([0, 1, 10, 50, 1000])
QUANTA = AMOUNTS.map(quanta)
LABELS = st.sampled_from(["food", "travel", "FOOD"])
USED = Windows(((NOW // 1_000_000, 3),), ((NOW // 60_000_000, quanta(20)),), ((NOW // 1_800_000_000, 3),))


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


ALLOCATIONS = st.builds(
    lambda label, limit, mode: replace(allocation(label, limit, mode=mode, forbidden_item_types=("wine",)), id=label),
    LABELS,
    AMOUNTS,
    st.sampled_from(EnforcementMode),
)
POLICIES = st.builds(
    Policy,
    expires_at=maybe(st.sampled_from([later(-61), later(-60), later(-1), later(0), later(1)])),
    grace_seconds=st.sampled_from([0, 60]),
    intent_tags=st.sampled_from([(), ("flight",)]),
    max_transaction=maybe(QUANTA),
    velocity=st.builds(VelocityLimits, maybe(st.integers(0, 4)), maybe(QUANTA), maybe(st.integers(0, 4))),
    anomaly=st.builds(AnomalyPolicy, enabled=st.booleans()),
    trust_mode=st.sampled_from(TrustMode),
    unused_expiry_seconds=maybe(st.sampled_from([1, 10**6])),
)
BUDGETS = st.builds(
    lambda policy, status, own, limit, divided, counters: replace(
        budget(policy=policy, status=status, counters=counters, **({"currency": own} if own else {"unit": "calls"})),
        funds=Funds(quanta(limit), Balance(quanta(5), quanta(5)), tuple(divided)),
    ),
    POLICIES,
    st.sampled_from(Status),
    maybe(st.sampled_from(["USD", "EUR"])),
    AMOUNTS,
    st.lists(ALLOCATIONS, max_size=2),
    st.builds(
        Counters,
        events=st.integers(0, 1),
        velocity=st.sampled_from([Windows(), USED]),
        baseline=st.sampled_from([Baseline(), Baseline(5, quanta(5), quanta(1), quanta(1))]),
    ),
)
SPENDS = st.builds(
    spend,
    AMOUNTS,
    currency=maybe(st.sampled_from(["USD", "usd", "EUR"])),
    category=maybe(LABELS),
    item_type=maybe(st.sampled_from(["wine", "bread"])),
    intent_context=maybe(st.sampled_from(["a flight", " "])),
    max_subtree=maybe(AMOUNTS),
    reserve=st.booleans(),
)
SCOPES = st.builds(Scope, maybe(st.just(("spend",))), maybe(st.just(("food",))), maybe(QUANTA), st.booleans())
TOKENS = st.builds(
    lambda caps, scope: replace(token("agent", *caps), scope=scope),
    st.lists(st.builds(cap, LABELS, AMOUNTS), max_size=2, unique_by=lambda one: one.category),
    st.just(UNRESTRICTED) | SCOPES,
)
ITEMS = st.builds(
    lambda limit, overage: item(limit, overage=overage), st.sampled_from([1, 10, 1000]), st.sampled_from(ItemPolicy)
)
SITUATIONS = st.builds(
    Situation,
    BUDGETS,
    SPENDS,
    st.just(NOW),
    st.lists(TOKENS, max_size=2).map(tuple),
    item=maybe(ITEMS),
    parent=maybe(st.sampled_from([event(), event(depth=CHAIN_DEPTH_MAX)])),
    root=maybe(st.sampled_from([event(id="root"), event(id="root", max_subtree=5)])),
    twin=st.sampled_from([None, None, event(id="twin")]),
)


@given(SITUATIONS)
def test_what_is_left_out_would_not_have_objected(situation: Situation):
    objecting = [(denial, said) for denial, check, _ in CHECKS if (said := check(situation)) is not None]
    asked = {denial for denial, _ in checks_on(situation.grounds())}

    assert {denial for denial, _ in objecting} <= asked
    assert (objecting[0] if objecting else None) == objection(situation)


def test_an_ordinary_request_is_asked_about_its_budget_alone():
    session = replace(token("session"), scope=UNRESTRICTED)
    ordinary = Situation(budget(expires_at=later(1)), spend(10, currency="USD"), NOW, (session,))

    assert [Denial.INSUFFICIENT_FUNDS] == [denial for denial, _ in checks_on(ordinary.grounds())]


def test_on_all_grounds_every_check_is_asked_in_its_order():
    assert [(denial, check) for denial, check, _ in CHECKS] == list(checks_on(-1))
