"""
When something ends: every way to say it, and every way to say it wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from figuard.client.expiry import expiry, moment_text
from figuard.domain import instants

NOW = instants.parse("2030-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("expires_in", "end"),
    [
        ("90s", "2030-01-01T00:01:30Z"),
        ("15m", "2030-01-01T00:15:00Z"),
        ("24h", "2030-01-02T00:00:00Z"),
        ("7d", "2030-01-08T00:00:00Z"),
        ("2w", "2030-01-15T00:00:00Z"),
        ("PT36H", "2030-01-02T12:00:00Z"),
        (3600, "2030-01-01T01:00:00Z"),
        (timedelta(hours=2), "2030-01-01T02:00:00Z"),
        (timedelta(milliseconds=500), "2030-01-01T00:00:00.500000Z"),
    ],
)
def test_a_span_ends_that_much_later(expires_in, end):
    assert end == expiry(None, expires_in, now=NOW)


def test_a_long_span_ends_on_a_whole_second_and_never_later_than_asked():
    """
    A server that allows at most 24 hours must not refuse 24 hours because of a fraction that was rounded up.
    """
    assert expiry(None, "24h", now=NOW + 999_999) == "2030-01-02T00:00:00Z"


def test_a_short_span_keeps_its_fraction():
    assert expiry(None, "1s", now=NOW + 999_999) == "2030-01-01T00:00:01.999999Z"


@pytest.mark.parametrize(
    ("expires_at", "end"),
    [
        ("2030-06-01T12:00:00Z", "2030-06-01T12:00:00Z"),
        ("2030-06-01T12:00:00+02:00", "2030-06-01T10:00:00Z"),
        ("2030-06-01T12:00:00.25Z", "2030-06-01T12:00:00.250000Z"),
        (datetime(2030, 6, 1, tzinfo=UTC), "2030-06-01T00:00:00Z"),
        (datetime(2030, 6, 1, tzinfo=timezone(timedelta(hours=1))), "2030-05-31T23:00:00Z"),
    ],
)
def test_a_moment_is_sent_in_utc(expires_at, end):
    assert end == expiry(expires_at, None, now=NOW)


@pytest.mark.parametrize(
    ("expires_at", "expires_in", "error", "says"),
    [
        ("2030-06-01T12:00:00Z", "24h", ValueError, "not both"),
        (None, None, ValueError, "expires_at or expires_in"),
        (None, "soon", ValueError, "expires_in must look like"),
        (None, "1.5h", ValueError, "expires_in must look like"),
        (None, "0s", ValueError, "positive"),
        (None, -5, ValueError, "positive"),
        (None, 1.5, TypeError, "float"),
        (None, True, TypeError, "bool"),
        ("tomorrow", None, ValueError, "tomorrow"),
        ("2030-06-01T12:00:00", None, ValueError, "offset"),
        (datetime(2030, 6, 1), None, ValueError, "offset"),  # noqa: DTZ001 - the fault in question
        (1_900_000_000, None, TypeError, "int"),
    ],
)
def test_what_cannot_be_meant_is_refused(expires_at, expires_in, error, says):
    with pytest.raises(error, match=says):
        expiry(expires_at, expires_in, now=NOW)


def test_never_is_an_end_where_it_is_allowed():
    assert expiry(None, None, now=NOW, may_be_never=True) is None


def test_no_moment_is_no_text():
    assert moment_text(None) is None
