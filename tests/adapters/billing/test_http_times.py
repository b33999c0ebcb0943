"""When a system says that it is to be left alone, it is for a day at most, however strangely it says so."""

from datetime import UTC, datetime

import pytest

from adapters.billing.http_times import LONGEST_WAIT, read_retry_after, read_server_time

DATE = "Mon, 30 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("30", 30.0),
        (" 30 ", 30.0),
        ("Mon, 30 Nov 2026 12:01:00 GMT", 60.0),
        ("Mon, 30 Nov 2026 12:01:00 -0000", 60.0),
        ("Mon, 30 Nov 2026 12:01:00", 60.0),
        ("Mon, 30 Nov 2026 14:01:00 +0200", 60.0),
        ("Mon, 30 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 30 Nov 2099 12:00:00 GMT", LONGEST_WAIT),
        ("1796040000", LONGEST_WAIT),
        ("1796040000000", LONGEST_WAIT),
        ("9" * 400, None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("", None),
        ("soon", None),
    ],
)
def test_how_long_to_wait_is_what_was_said_and_a_day_at_most(said: str, seconds: float | None) -> None:
    assert read_retry_after({"retry-after": said, "date": DATE}) == seconds


@pytest.mark.parametrize("said", ["Mon, 30 Nov 2026 12:00:00 -0000", "Mon, 30 Nov 2026 14:00:00 +0200", DATE])
def test_a_servers_time_is_in_utc(said: str) -> None:
    assert read_server_time({"date": said}) == datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize("headers", [{}, {"date": "now"}, {"date": "Fri, 31 Dec 9999 23:59:59 -2359"}])
def test_a_server_that_does_not_say_its_time_has_this_machines(headers: dict[str, str]) -> None:
    assert abs(read_server_time(headers) - datetime.now(UTC)).total_seconds() < 3_600
