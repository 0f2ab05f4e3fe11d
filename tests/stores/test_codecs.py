"""
Whatever a record holds, it is read back the same.
"""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figuard.domain.books import Entry, EntryKind
from figuard.domain.events import CapRef, Decision, Event, Outcome, Place, Spend, Standing, Verdict
from figuard.engine.seal import seal, unseal
from figuard.stores.codecs import DECODERS, encode
from figuard.stores.tables import TABLES

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
WHOLE = st.integers(-(2**63), 2**63 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)


def records_of(cls, **known):
    """Return a strategy for a dataclass from the types of its fields, which it writes as text."""
    simple = {
        "str": TEXT,
        "int": WHOLE,
        "Instant": WHOLE,
        "bool": st.booleans(),
        "str | None": st.none() | TEXT,
        "int | None": st.none() | WHOLE,
        "Instant | None": st.none() | WHOLE,
        "dict[str, Any] | None": st.none() | st.dictionaries(TEXT, JSON),
    }
    fields = {
        field.name: known.get(field.name, simple.get(str(field.type)))
        for field in dataclasses.fields(cls)
        if field.name in known or str(field.type) in simple
    }
    return st.builds(cls, **fields)


EVENTS = records_of(
    Event,
    spend=records_of(Spend),
    decision=st.sampled_from(Decision),
    place=records_of(Place, caps=st.lists(records_of(CapRef)).map(tuple)),
    verdict=records_of(Verdict),
    standing=records_of(Standing),
    outcome=records_of(Outcome),
)


@given(EVENTS)
def test_an_event_comes_back_as_it_was(event):
    again = DECODERS[Event](encode(event))

    assert again == event
    assert type(again.decision) is Decision
    assert type(again.place.caps) is tuple


@given(records_of(Entry, kind=st.sampled_from(EntryKind), event=st.none() | EVENTS))
def test_an_entry_comes_back_as_it_was(entry):
    assert unseal(seal(entry).body) == entry


@given(st.binary())
def test_bytes_that_are_no_entry_are_never_taken_for_one(body):
    with pytest.raises(ValueError, match=r"."):
        unseal(body)


@given(EVENTS)
def test_a_row_has_a_value_for_each_column(event):
    table = TABLES[Event]
    row = dict(zip(table.names, table.reader(table.names)(event), strict=True))

    assert row["key"] == event.spend.key
    assert row["shadow"] == int(event.place.shadow)
    assert row["decision"] == event.decision
    assert {type(value) for value in row.values()} <= {str, int, type(None)}
