"""
Amounts are exact, whatever form they come in, and refused when they are no amounts.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal, localcontext
from enum import IntEnum
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figuard.domain.amounts import (
    AMOUNT_MAX,
    BALANCE_MAX,
    QUANTA_PER_UNIT,
    AmountError,
    decimal_of,
    quanta,
    signed_quanta,
    text,
)

LARGEST = AMOUNT_MAX // QUANTA_PER_UNIT
AMOUNTS = st.integers(0, AMOUNT_MAX)


class Answer(IntEnum):
    """An ``int`` that is not of the type ``int``."""

    ALL = 42


@pytest.mark.parametrize(
    ("given_as", "expected"),
    [
        (270, 27_000_000_000),
        ("270", 27_000_000_000),
        ("270.00", 27_000_000_000),
        (Decimal("270.00"), 27_000_000_000),
        (270.0, 27_000_000_000),
        ("2.7e2", 27_000_000_000),
        ("0.00000001", 1),
        (Decimal("1E-8"), 1),
        (1e-8, 1),
        (Answer.ALL, 4_200_000_000),
        ("+5", 500_000_000),
        ("1." + "0" * 100, 100_000_000),
    ],
)
def test_every_form_of_an_amount_means_the_same_number(given_as: object, expected: int):
    assert expected == quanta(given_as)


@pytest.mark.parametrize(
    ("given_as", "expected"), [(0.1, 10_000_000), (0.1 + 0.2, None), (1.1, 110_000_000), (4.35, 435_000_000)]
)
def test_a_float_is_taken_by_its_shortest_text_and_refused_when_that_is_too_fine(given_as: float, expected: int | None):
    if expected is None:
        with pytest.raises(AmountError, match=r"0\.30000000000000004"):
            quanta(given_as)
    else:
        assert expected == quanta(given_as)


class Loud(float):
    """A float as numpy's: its ``repr`` is no number."""

    def __repr__(self) -> str:
        return "Loud(0.1)"


def test_a_float_of_a_foreign_type_is_taken_by_its_value():
    assert 10_000_000 == quanta(Loud(0.1))


@pytest.mark.parametrize("zero", [0, 0.0, "0", "0.000000000000", Decimal("0E-30"), Decimal("0E+999999"), "-0", -0.0])
def test_zero_is_an_amount(zero: object):
    assert 0 == quanta(zero)


@pytest.mark.parametrize("value", [float("nan"), "NaN", Decimal("NaN"), Decimal("sNaN"), float("inf"), "-Infinity"])
def test_what_is_not_finite_is_refused(value: object):
    with pytest.raises(AmountError, match="price must be finite"):
        quanta(value, "price")


@pytest.mark.parametrize("value", ["1e400", Decimal("1e400"), Decimal("1e999999"), 1e300])
def test_a_number_far_too_large_is_refused_at_once(value: object):
    with pytest.raises(AmountError, match=r"too large|larger than 90,000,000,000"):
        quanta(value)


HUGE = {"text": "9" * 5000, "int": 10**400, "int nobody can print": 10**5000}


@pytest.mark.parametrize("name", HUGE)
def test_a_number_of_very_many_digits_is_refused(name: str):
    with pytest.raises(AmountError, match=r"too large|larger than 90,000,000,000"):
        quanta(HUGE[name])


@pytest.mark.parametrize(
    "value",
    [
        "0.000000001",
        Decimal("1E-9"),
        1e-9,
        "1.123456789",
        "1e-400",
        pytest.param("1." + "0" * 70 + "1", id="finer than any precision"),
        pytest.param("0." + "9" * 70, id="would be rounded up"),
    ],
)
def test_more_than_eight_fraction_digits_are_refused_and_never_rounded(value: object):
    with pytest.raises(AmountError, match=r"more than 8 fraction digits|too fine"):
        quanta(value)


@pytest.mark.parametrize("value", [None, True, False, b"1", [1], object(), 1j])
def test_what_is_no_number_is_refused_by_its_type(value: object):
    with pytest.raises(AmountError, match="must be an int, str, Decimal or float"):
        quanta(value)


@pytest.mark.parametrize("value", ["", "ten", "1,000", "1.2.3", "0x10", "$5"])
def test_text_that_is_no_number_is_refused_by_name(value: str):
    with pytest.raises(AmountError, match="limit is not a number"):
        quanta(value, "limit")


@pytest.mark.parametrize("value", [-1, "-0.00000001", Decimal(-5), -0.5])
def test_a_negative_amount_is_refused(value: object):
    with pytest.raises(AmountError, match="must not be negative"):
        quanta(value)


@pytest.mark.parametrize("value", [-1, "-1.5", Decimal(-90000000000)])
def test_a_signed_amount_may_be_negative(value: object):
    assert int(Decimal(str(value)) * QUANTA_PER_UNIT) == signed_quanta(value)


@pytest.mark.parametrize("value", [LARGEST, str(LARGEST), Decimal(LARGEST), float(LARGEST)])
def test_the_largest_amount_is_accepted(value: object):
    assert AMOUNT_MAX == quanta(value)


@pytest.mark.parametrize("value", [LARGEST + 1, f"{LARGEST}.00000001", Decimal(LARGEST) + Decimal("1E-8")])
def test_one_quantum_more_than_the_largest_is_refused(value: object):
    with pytest.raises(AmountError, match="larger than 90,000,000,000"):
        quanta(value)


@pytest.mark.parametrize("value", [-LARGEST - 1, f"-{LARGEST}.00000001"])
def test_a_signed_amount_has_the_same_limit_below_zero(value: object):
    with pytest.raises(AmountError, match="larger than"):
        signed_quanta(value)


def test_a_balance_holds_the_largest_amount_in_a_signed_64_bit_column():
    assert AMOUNT_MAX <= BALANCE_MAX == 2**63 - 1


def outcome(value: object, read: Callable[[object], int]) -> int | str:
    """Return the quanta, or what is said instead about a number with these digits."""
    try:
        return read(value)
    except AmountError as error:
        return str(error).replace("Decimal('", "'").replace("')", "'")


EDGES = [
    *("0", "-0", "0.0", "-0.00", "0E-30", "0E+999999", "1E+5", "1E-8", "1E-9", "-1E-8", "NaN", "sNaN", "-Infinity"),
    *("89999999999.99999999", "90000000000", "90000000000.00000001", "-90000000000.00000001", "999999999999.99"),
    *("1000000000000", "-999999999999", "-99999999999.5", "0.000000001", "0.123456789", "1.000000000", "1E-59"),
    *("9" * 5000, "0." + "0" * 5000 + "1", "1." + "0" * 5000, "1." + "0" * 5000 + "1"),
]
WRITTEN = st.one_of(
    st.sampled_from(EDGES),
    st.from_regex(r"-?[0-9]{1,14}(\.[0-9]{1,10})?", fullmatch=True),
    st.decimals().map(str),
    st.integers(-AMOUNT_MAX, AMOUNT_MAX).map(lambda amount: str(decimal_of(amount))),
)


@given(WRITTEN)
def test_a_decimal_read_by_its_digits_means_what_arithmetic_says(written: str):
    """
    Text is always computed with; a ``Decimal`` of a plain form is not.
    """
    number = Decimal(written)

    assert outcome(str(number), quanta) == outcome(number, quanta)
    assert outcome(str(number), signed_quanta) == outcome(number, signed_quanta)


@given(st.integers(-AMOUNT_MAX, AMOUNT_MAX))
def test_a_decimal_of_quanta_is_worth_them(amount: int):
    assert Fraction(amount, QUANTA_PER_UNIT) == Fraction(decimal_of(amount))


def test_an_amount_error_is_a_value_error():
    assert issubclass(AmountError, ValueError)


@given(AMOUNTS)
def test_an_amount_survives_the_way_to_decimal_and_back(amount: int):
    assert amount == quanta(decimal_of(amount))


@given(AMOUNTS)
def test_the_text_of_an_amount_reads_back_and_has_no_exponent(amount: int):
    shown = text(amount)

    assert "E" not in shown
    assert amount == quanta(shown)


@given(st.integers(-AMOUNT_MAX, AMOUNT_MAX))
def test_a_decimal_has_at_least_two_fraction_digits_and_no_needless_zero_beyond(amount: int):
    digits = -int(decimal_of(amount).as_tuple().exponent)

    assert digits == 2 or (2 < digits <= 8 and amount % 10 ** (9 - digits))


@given(st.integers(-AMOUNT_MAX, AMOUNT_MAX))
def test_a_lowered_decimal_context_changes_nothing(amount: int):
    exact = decimal_of(amount)
    with localcontext() as context:
        context.prec, context.rounding, context.Emax = 1, ROUND_DOWN, 1

        assert exact.compare_total(decimal_of(amount)) == 0
        assert amount == signed_quanta(str(exact)) == signed_quanta(exact)


@pytest.mark.parametrize(
    ("amount", "printed"),
    [
        ("270", "270.00"),
        ("270.5", "270.50"),
        ("0", "0.00"),
        ("0.333", "0.333"),
        ("0.00000001", "0.00000001"),
        ("90000000000", "90000000000.00"),
        ("-1.5", "-1.50"),
        ("-0.00000001", "-0.00000001"),
    ],
)
def test_an_amount_prints_as_people_write_it(amount: str, printed: str):
    assert printed == text(signed_quanta(amount))


def test_270_dollars_print_as_270_00_and_equal_the_float():
    approved = decimal_of(quanta(270.0))

    assert ("270.00", True) == (str(approved), approved == 270.0)


@pytest.mark.parametrize(("unit", "shown"), [("USD", "233.00 USD"), ("", "233.00"), (None, "233.00")])
def test_a_text_names_the_unit_when_there_is_one(unit: str | None, shown: str):
    assert shown == text(quanta(233), unit)


def test_thrice_a_third_of_one_leaves_the_rest():
    """
    3 × 0.3333 of 1 leaves 0.0001 and nothing else, which binary floats cannot say.
    """
    assert quanta("0.0001") == quanta(1) - 3 * quanta("0.3333")
