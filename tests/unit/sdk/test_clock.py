"""Clocks, and times that say their offset."""

from datetime import UTC, datetime, timedelta

import pytest
from material import NOW

from trialanchor.clock import FixedClock, SystemClock
from trialanchor.encoding import parse_time
from trialanchor.errors import InputError


def test_a_fixed_clock_stands_until_it_is_set(clock):
    assert clock.now() == clock.now() == NOW

    clock.at = NOW + timedelta(hours=1)

    assert clock.now() == NOW + timedelta(hours=1)


def test_the_system_clock_tells_aware_utc_and_goes_on():
    first, second = SystemClock().now(), SystemClock().now()

    assert first.tzinfo is UTC
    assert first <= second
    assert not isinstance(SystemClock(), FixedClock)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-23T08:00:00Z", NOW),
        ("2026-11-23T16:00:00+08:00", NOW),
        ("2026-11-22T22:30:00-09:30", NOW),
        ("2026-11-23T08:00:00.5Z", NOW + timedelta(seconds=0.5)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_time_with_its_offset_is_read(text, at):
    assert parse_time(text) == at
    assert parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("2026-11-23T08:00:00", "offset", id="no-offset"),
        pytest.param("2026-11-23", "offset", id="date-alone"),
        pytest.param("now", "not a time", id="word"),
        pytest.param("", "not a time", id="empty"),
        pytest.param("2026-13-01T00:00:00Z", "not a time", id="month-13"),
        pytest.param("0001-01-01T00:00:00+08:00", "not a time", id="before-year-1-in-utc"),
        pytest.param("9999-12-31T23:59:59-08:00", "not a time", id="after-year-9999-in-utc"),
    ],
)
def test_another_time_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_time(text)
