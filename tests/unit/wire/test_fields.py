"""
Each kind of field: what it accepts at its limit, what it refuses one over, and what it makes of nothing.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figuard.domain.amounts import AMOUNT_MAX, QUANTA_PER_UNIT
from figuard.domain.refusal import Refusal
from figuard.wire import limits
from figuard.wire.parse import fields
from figuard.wire.parse.fields import Faults
from tests.unit.wire.asked import ID, NOW

LARGEST = AMOUNT_MAX // QUANTA_PER_UNIT


class Colour(StrEnum):
    """Something to choose from."""

    RED = "RED"
    BLUE = "BLUE"


def fault(check, value, *rest, **named):
    """Return what a check has against a value, or None."""
    faults = Faults()
    check(faults, "it", value, *rest, **named)
    return faults.get("it")


@pytest.mark.parametrize("value", ["a", " a ", "a" * 10, "ä" * 10, "𝄞" * 10, "日本", "a\tb"])
def test_text_is_kept_as_it_was_given(value):
    faults = Faults()

    assert value == fields.text(faults, "it", value, 10)
    assert {} == faults


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "is required"),
        ("", "must not be blank"),
        (" \t\n\u00a0", "must not be blank"),
        ("a" * 11, "must be at most 10 characters, got 11"),
        (5, "must be text, got int"),
        ("a\0b", "must not contain the NUL character or half of a surrogate pair"),
        ("a\ud800b", "must not contain the NUL character or half of a surrogate pair"),
    ],
)
def test_text_that_has_to_be_there(value, says):
    assert says == fault(fields.text, value, 10)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_blank_text_that_may_be_absent_is_absent(value):
    faults = Faults()

    assert fields.optional_text(faults, "it", value) is None
    assert {} == faults


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (LARGEST, AMOUNT_MAX),
        (Decimal("0.00000001"), 1),
        ("1.5", 150_000_000),
        (0.1, 10_000_000),
        (1, QUANTA_PER_UNIT),
    ],
)
def test_an_amount_becomes_quanta(value, expected):
    faults = Faults()

    assert expected == fields.amount(faults, "it", value)
    assert {} == faults


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "is required"),
        (0, "must be greater than zero"),
        (Decimal("-0.0"), "must be greater than zero"),
        (Decimal(-5), "must not be negative, got -5"),
        (LARGEST + 1, "is larger than 90,000,000,000: 90000000001"),
        (Decimal("0.000000001"), "has more than 8 fraction digits: 1E-9"),
        (float("nan"), "must be finite, got nan"),
        (Decimal("Infinity"), "must be finite, got Infinity"),
        ("ten", "is not a number: 'ten'"),
        (True, "must be an int, str, Decimal or float, got bool"),
    ],
)
def test_what_is_no_amount(value, says):
    found = fault(fields.amount, value)

    assert found is not None
    assert found.startswith(says)


def test_a_number_too_long_to_be_printed_is_a_fault_like_any_other():
    assert fault(fields.amount, 10**5000).startswith("is larger than 90,000,000,000")


def test_zero_is_an_amount_where_it_is_said():
    assert fault(fields.amount, 0, zero=True) is None


@pytest.mark.parametrize("value", [1, 7, 10])
def test_a_whole_number_within_its_limits(value):
    assert fault(fields.whole, value, 10) is None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (0, "must be from 1 to 10"),
        (11, "must be from 1 to 10"),
        (-1, "must be from 1 to 10"),
        (True, "must be a whole number, got bool"),
        ("5", "must be a whole number, got str"),
        (5.0, "must be a whole number, got float"),
    ],
)
def test_what_is_no_whole_number(value, says):
    assert says == fault(fields.whole, value, 10)


def test_nothing_is_the_default():
    faults = Faults()

    assert fields.flag(faults, "it", None, default=True)
    assert Colour.RED is fields.choice(faults, "it", None, Colour, Colour.RED)
    assert fields.optional_amount(faults, "it", None) is None
    assert fields.whole(faults, "it", None, 5) is None
    assert fields.time(faults, "it", None) is None
    assert fields.uuid(faults, "it", None) is None
    assert fields.words(faults, "it", None) is None
    assert fields.metadata(faults, "it", None) is None
    assert {} == faults


@pytest.mark.parametrize("value", ["GREEN", "red", "", 5, [], {}])
def test_a_choice_names_what_there_is(value):
    assert f"must be one of RED, BLUE, got {str(value)!r}" == fault(fields.choice, value, Colour, Colour.RED)


@pytest.mark.parametrize("value", [1, 0, "true", "yes"])
def test_only_true_and_false_are_flags(value):
    assert "must be true or false, got" in fault(fields.flag, value, default=False)


@pytest.mark.parametrize("value", ["2030-01-01", "2030-01-01T00:00:00", "tomorrow", "", "99999-01-01T00:00:00Z"])
def test_a_time_needs_an_offset(value):
    assert f"is not an ISO 8601 time with an offset: {value!r}" == fault(fields.time, value)


@pytest.mark.parametrize("value", ["2030-01-01T00:00:00Z", "2030-01-01T02:00:00+02:00", "2029-12-31T23:00:00-01:00"])
def test_a_time_is_an_instant_whatever_its_offset(value):
    assert NOW == fields.time(Faults(), "it", value)


def test_the_present_moment_is_not_the_future():
    assert "must be in the future, got '2030-01-01T00:00:00Z'" == fault(fields.future, "2030-01-01T00:00:00Z", NOW)
    assert fault(fields.future, "2030-01-01T00:00:00.000001Z", NOW) is None


def test_a_time_is_text():
    assert "must be ISO 8601 text, got int" == fault(fields.time, 5)


def test_an_id_is_kept_in_lower_case():
    assert fields.uuid(Faults(), "it", ID.upper()) == ID


@pytest.mark.parametrize("value", ["x", ID[:-1], ID + "0", ID.replace("-", "0"), " " + ID[1:], 5])
def test_what_is_no_id(value):
    assert f"must be a UUID, got {str(value)!r}" == fault(fields.uuid, value)


def test_words_are_kept_in_order():
    assert ("b", "a", "B") == fields.words(Faults(), "it", ["b", "a", "B"])


def test_a_list_at_its_limit_and_one_over():
    assert fault(fields.words, ["a"] * limits.WORDS_MAX) is None
    assert "must have at most 100 members, got 101" == fault(fields.words, ["a"] * (limits.WORDS_MAX + 1))


@pytest.mark.parametrize("value", ["ab", {"a": 1}, 5, b"ab"])
def test_what_is_no_list(value):
    assert "must be a list, got" in fault(fields.words, value)


def test_a_fault_of_a_member_names_its_place():
    faults = Faults()
    fields.words(faults, "it", ["a", "", 5])

    assert {"it[1]": "must not be blank", "it[2]": "must be text, got int"} == faults


def test_members_have_their_form():
    faults = Faults()

    assert () == fields.things(faults, "it", ["a", 5], fields.text, 10, str)
    assert {"it[1]": "must be str, got int"} == faults


def test_metadata_is_a_copy_of_plain_json():
    given_as = {"a": [1, {"b": None}], "price": Decimal("1.50"), "tags": ("x", "y")}
    kept = fields.metadata(Faults(), "it", given_as)

    assert {"a": [1, {"b": None}], "price": 1.5, "tags": ["x", "y"]} == kept
    given_as["a"].append(2)
    assert [1, {"b": None}] == kept["a"]


def test_metadata_at_its_size_and_one_over():
    room = limits.METADATA_BYTES_MAX - len(b'{"a":""}')

    assert fault(fields.metadata, {"a": "x" * room}) is None
    assert "must be at most 16,384 bytes of JSON, got 16,385" == fault(fields.metadata, {"a": "x" * (room + 1)})


def nested(depth):
    """Return an object of so many levels."""
    value = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def test_metadata_at_its_depth_and_one_over():
    assert fault(fields.metadata, nested(limits.METADATA_DEPTH_MAX)) is None
    assert "must not be nested deeper than 20" == fault(fields.metadata, nested(limits.METADATA_DEPTH_MAX + 1))


def test_metadata_that_contains_itself_is_refused():
    loop = {}
    loop["a"] = [loop] * 10

    assert "must not be nested deeper than 20" == fault(fields.metadata, loop)


@pytest.mark.parametrize(
    "value", [[], "a", 5, {"a": object()}, {"a": "\ud800"}, {("a", "b"): 1}, {"a": Decimal("NaN")}]
)
def test_what_is_no_metadata(value):
    assert fault(fields.metadata, value).startswith("must be")


@pytest.mark.parametrize("value", [{"a": "\0"}, {"\0": 1}, {"a": [{"b": ["\0"]}]}])
def test_metadata_has_no_nul(value):
    assert "must not contain the NUL character" == fault(fields.metadata, value)


def test_a_backslash_before_u0000_is_no_nul():
    assert fault(fields.metadata, {"a": "\\u0000"}) is None


def test_the_first_fault_of_a_field_stays():
    faults = Faults({"it": "is wrong"})
    faults.add("it", "is required")

    assert {"it": "is wrong"} == faults


def test_what_was_dropped_for_a_fault_inside_is_not_missing():
    faults = Faults({"items[0].name": "must be text"})
    faults.add("items", "is required")
    faults.add("item", "is required")

    assert {"items[0].name": "must be text", "item": "is required"} == faults


def test_faults_are_bounded():
    faults = Faults()
    for index in range(limits.FIELD_ERRORS_MAX + 1):
        faults.add(f"f{index}", "x" * 1000)

    assert len(faults) == limits.FIELD_ERRORS_MAX
    assert {limits.FIELD_ERROR_LENGTH_MAX} == {len(text) for text in faults.values()}


def test_no_fault_is_no_refusal():
    Faults().check()


def test_the_message_counts_and_lists_what_is_wrong():
    with pytest.raises(Refusal) as refused:
        Faults({"a": "is required", "b": "must not be blank"}).check()

    assert "2 fields are wrong: a is required; b must not be blank" == refused.value.detail
    assert {"a": "is required", "b": "must not be blank"} == refused.value.fields


@given(st.text())
def test_any_text_is_kept_or_refused(value):
    faults = Faults()
    kept = fields.text(faults, "it", value, 1000)

    assert value == kept or faults
    if not faults:
        kept.encode()


ANY_TEXT = st.one_of(
    st.text(max_size=12),
    st.text("ab \t\0é\ud800", max_size=12),
    st.none() | st.integers() | st.binary(max_size=3),
)


@given(ANY_TEXT)
def test_required_text_is_judged_as_optional_text_is_and_must_not_be_blank(value):
    of_required, of_optional = Faults(), Faults()
    required = fields.text(of_required, "it", value, 8)
    optional = fields.optional_text(of_optional, "it", value, 8)
    if optional is None:
        of_optional.add("it", "is required" if value is None else "must not be blank")

    assert (optional or "", of_optional) == (required, of_required)


@given(st.one_of(st.integers(-2, 2), st.integers(LARGEST - 1, LARGEST + 1), st.booleans(), st.none()), st.booleans())
def test_a_required_amount_is_judged_as_an_optional_one_is(value, zero):
    of_required, of_optional = Faults(), Faults()
    required = fields.amount(of_required, "it", value, zero=zero)
    optional = fields.optional_amount(of_optional, "it", value, zero=zero)
    if optional is None:
        of_optional.add("it", "is required")

    assert (optional or 0, of_optional) == (required, of_required)
