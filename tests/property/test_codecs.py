"""
What is written is read back equal: entries, and every record a store keeps.
"""

from __future__ import annotations

import json as plain_json
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figuard.domain.books import Entry
from figuard.engine.seal import line_of, seal, split_line, unseal
from figuard.stores.codecs import DECODERS, encode

pytestmark = pytest.mark.timeout(900)  # for the many examples of `make full`, and for shrinking

# Everything but lone halves of surrogate pairs, which no UTF-8 can carry.
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
whole = st.integers(-(2**63), 2**63 - 1)
json = st.recursive(
    st.one_of(st.none(), st.booleans(), whole, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(texts, inner, max_size=2)),
    max_leaves=3,
)
PLAIN = {str: texts, int: whole, bool: st.booleans(), NoneType: st.none(), Any: json}


@cache
def values(hint: Any) -> st.SearchStrategy:
    """Return every value that a type of the domain can take, all fields of it drawn."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, parts = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return st.one_of(*map(values, parts))
    if origin is tuple and parts[-1] is Ellipsis:
        return st.lists(values(parts[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, parts))
    if origin is dict:
        return st.dictionaries(texts, values(parts[1]), max_size=2)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    assert is_dataclass(hint), hint
    hints = get_type_hints(hint)
    return st.builds(hint, **{field.name: values_of(field, hints[field.name]) for field in fields(hint)})


def values_of(field: Any, hint: Any) -> st.SearchStrategy:
    """Return what a field can hold; a part that is the very default is written in its own way."""
    return st.just(field.default) | values(hint) if is_dataclass(field.default) else values(hint)


def written_out(value: Any) -> Any:
    """Return what JSON says of a value, by the rule and without any of the means that make it fast."""
    if isinstance(value, tuple):
        return [written_out(one) for one in value]
    if not is_dataclass(value):
        return value
    inside = [(field, getattr(value, field.name)) for field in fields(value)]
    return {
        field.name: written_out(one)
        for field, one in inside
        if one is not field.default
        or is_dataclass(one)
        or type(field.default) is int
        or field.default_factory is not MISSING
    }


def bytes_of(value: Any) -> bytes:
    """Return the JSON of a value without a space."""
    return plain_json.dumps(written_out(value), ensure_ascii=False, separators=(",", ":")).encode()


@given(entry=values(Entry))
@settings(max_examples=settings.default.max_examples // 2)
def test_an_entry_survives_sealing_and_the_export_in_the_bytes_that_the_rule_says(entry: Entry):
    sealed = seal(entry)

    body, stated = split_line(line_of(sealed))

    assert (entry, sealed.body, sealed.hash) == (unseal(body), body, stated)
    assert body == seal(entry).body == bytes_of(entry)
    if entry.event is not None:
        assert encode(entry.event).encode() == bytes_of(entry.event)


@pytest.mark.parametrize("of", DECODERS, ids=lambda of: of.__name__)
def test_a_record_survives_its_row_in_the_bytes_that_the_rule_says(of: type):
    @given(record=values(of))
    @settings(max_examples=settings.default.max_examples // 5)
    def survives(record: Any) -> None:
        text = encode(record)
        again = DECODERS[of](text)

        assert record == again
        assert bytes_of(record) == text.encode() == encode(record).encode() == encode(again).encode()

    survives()
