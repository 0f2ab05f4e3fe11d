"""
Single values are written as the domain writes them, however often they were written before.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from figuard.domain import instants
from figuard.domain.amounts import BALANCE_MAX, decimal_of
from figuard.domain.instants import SECOND
from figuard.wire.render.common import money, time_text

# From the year 1 to the year 9999: all that the calendar knows.
INSTANTS = st.integers(-62_135_596_800 * SECOND, 253_402_300_800 * SECOND - 1)


@given(INSTANTS)
def test_an_instant_is_written_as_the_domain_writes_it(at: int):
    assert instants.text(at) == time_text(at) == time_text(at)


@given(st.integers(253_402_000_000, 253_402_300_799), st.integers(0, SECOND - 1), st.integers(0, SECOND - 1))
def test_instants_of_one_second_differ_in_their_fraction_only(second: int, one: int, other: int):
    texts = [time_text(second * SECOND + micros) for micros in (one, other)]

    assert texts[0][:20] == texts[1][:20]
    assert [one, other] == [int(text[20:-1]) for text in texts]


@given(st.integers(-BALANCE_MAX, BALANCE_MAX))
def test_an_amount_is_written_with_the_digits_that_the_domain_gives_it(amount: int):
    assert str(decimal_of(amount)) == str(money(amount)) == str(money(amount))
