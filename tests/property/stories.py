"""
What Hypothesis may draw: budgets of every kind, requests, and the small amounts that make limits near.
"""

from __future__ import annotations

from hypothesis import strategies as st

from tests.property.facts import Rules, Share

HOUR = 3600 * 1_000_000
MICRO_START = 1_893_456_000_000_000
"""2030-01-01, where the manual clock starts, in microseconds."""

amounts = st.sampled_from([1, 2, 3, 4, 5, 8, 12, 0])
limits = st.sampled_from([20, 10, 40, 5, 1])
categories = st.sampled_from([None, "travel", "Travel", "FOOD", "food", "other"])
entities = st.sampled_from([None, None, "invoice-1", "invoice-2"])
spans = st.sampled_from([1, 2, 29, 30, 59, 60, 61, 119, 299, 300, 301, 1800, 3599, 3600, 3660, 86_400, 88_200])
picks = st.integers(0, 2)
mostly = st.sampled_from([True, True, True, False])
endings = st.sampled_from(["fail", "void", "void all", "void tree"])
changes = st.sampled_from(["refund", "extend", "unknown"])
governing = st.sampled_from(
    ["CREDIT", "DEBIT", "RESET", "RESET_SPENT", "resume", "resume", "resume", "resume", "prolong", "cancel"]
)
pauses = st.sampled_from([None, None, None, None, True, False])
lives = st.sampled_from([None, None, 600])
keys = st.sampled_from(["x1", "x2", "x3"])

velocities = st.dictionaries(st.sampled_from(["minute", "hour", "day"]), st.integers(2, 8), max_size=2)
rules = st.builds(
    Rules,
    expires_at=st.sampled_from([None, None, None, MICRO_START + HOUR]),
    hold_seconds=st.sampled_from([2, 60, 300, 600]),
    max_transaction=st.sampled_from([None, None, None, 8]),
    velocity=st.one_of(st.just({}), st.just({}), velocities),
    dedup=st.booleans(),
    tags=st.sampled_from([(), (), (), ("flight",)]),
    shadow=st.sampled_from([False, False, False, True]),
    overage=st.sampled_from(["REJECT", "ALLOW_IF_AVAILABLE", "ALLOW_IF_AVAILABLE", "ALLOW_WITH_OVERDRAFT"]),
    overdraft=st.sampled_from([0, 5]),
    unknown=st.sampled_from(["HOLD", "CONFIRM", "VOID"]),
    unknown_seconds=st.sampled_from([None, 60, 900]),
    anomaly=st.sampled_from([False, False, True]),
    auto_pause=st.booleans(),
)
divisions = st.sampled_from(
    [
        [],
        [],
        [Share("", "Travel", 12, ("travel",)), Share("", "food", 6, ("FOOD", "drinks"))],
        [Share("", "travel", 10, ("Travel",), "STRICT", ("alcohol",)), Share("", "rest", 5, (), "OPEN")],
    ]
)
currencies = st.sampled_from(["USD", "EUR", None])
caps = st.sampled_from([{"travel": 8}, {"travel": 5, "food": 4}, {}, {"travel": 12}, {"other": 5}])
scopes = st.sampled_from(
    [
        {},
        {},
        {"scoped": True, "most": 5},
        {"scoped": True, "actions": ("spend",)},
        {"scoped": True, "actions": ("refund",), "most": 3},
        {"read_only": True},
    ]
)
patches = st.sampled_from(
    [
        {},
        {"max_transaction": 6},
        {"max_transaction": None},
        {"velocity": {}},
        {"velocity": {"minute": 2}},
        {"velocity": {"hour": 9, "day": 5}},
        {"shadow": True},
        {"shadow": False},
    ]
)
