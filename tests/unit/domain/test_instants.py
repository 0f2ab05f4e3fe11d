"""
Moments and spans are whole microseconds, read from what people and machines write.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figuard.domain import instants
from figuard.domain.instants import DAY, HOUR, MINUTE, SECOND

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - st adds UTC


def test_the_first_instant_is_the_unix_epoch():
    assert 0 == instants.parse("1970-01-01T00:00:00Z")


@given(MOMENTS)
def test_an_instant_survives_the_way_to_datetime_and_back(moment: datetime):
    assert moment == instants.moment(instants.instant(moment))


@given(MOMENTS)
def test_the_text_of_an_instant_reads_back_to_the_microsecond(moment: datetime):
    at = instants.instant(moment)

    assert at == instants.parse(instants.text(at))


@given(MOMENTS, MOMENTS)
def test_texts_sort_as_their_instants(one: datetime, other: datetime):
    a, b = instants.instant(one), instants.instant(other)

    assert (a < b) == (instants.text(a) < instants.text(b))


def test_an_offset_is_honoured():
    assert instants.parse("2030-01-01T00:00:00Z") == instants.parse("2030-01-01T02:00:00+02:00")


def test_an_aware_datetime_of_any_zone_is_an_instant():
    moment = datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))

    assert instants.parse("2030-01-01T00:00:00Z") == instants.instant(moment)


def test_a_time_before_1970_is_a_negative_instant():
    assert -1 == instants.parse("1969-12-31T23:59:59.999999Z")


def test_a_naive_datetime_is_refused():
    with pytest.raises(ValueError, match="has no offset"):
        instants.instant(datetime(2030, 1, 1))  # noqa: DTZ001 - it is naive on purpose


@pytest.mark.parametrize("value", ["2030-01-01T00:00:00", "tomorrow", "", "2030-13-01T00:00:00Z"])
def test_text_that_is_no_moment_is_refused(value: str):
    with pytest.raises(ValueError, match="not an ISO 8601 time with an offset"):
        instants.parse(value)


@pytest.mark.parametrize(
    ("value", "length"),
    [
        (90, 90 * SECOND),
        ("90s", 90 * SECOND),
        ("15m", 15 * MINUTE),
        ("24h", DAY),
        ("7d", 7 * DAY),
        ("2w", 14 * DAY),
        ("PT36H", 36 * HOUR),
        ("P2W", 14 * DAY),
        ("P1DT2H3M4S", DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND),
        (timedelta(hours=1, microseconds=1), HOUR + 1),
    ],
)
def test_a_span_is_read_in_every_form(value: str | int | timedelta, length: int):
    assert length == instants.span(value)


@pytest.mark.parametrize(
    "value", ["", "h", "1.5h", "-1h", "1 h", "P", "PT", "P1M", "P1Y", "P1DT", "1h30m", "9999999999s"]
)
def test_text_that_is_no_span_is_refused_with_examples(value: str):
    with pytest.raises(ValueError, match="must look like '90s'"):
        instants.span(value)


@pytest.mark.parametrize("value", [0, -1, "0s", "PT0S", timedelta(0), timedelta(seconds=-1)])
def test_a_span_must_be_positive(value: str | int | timedelta):
    with pytest.raises(ValueError, match="grace must be positive"):
        instants.span(value, "grace")


@pytest.mark.parametrize("value", [True, 1.5, None, b"1h"])
def test_a_span_of_another_type_is_a_type_error(value: object):
    with pytest.raises(TypeError, match="must be seconds"):
        instants.span(value)  # pyright: ignore[reportArgumentType] - the wrong type is the point
