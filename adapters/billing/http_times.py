"""What a connected system's answers say of time, in their headers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from domain.digits import parse_digits

LONGEST_WAIT = 24 * 60 * 60.0
"""Seconds: no system is left alone for longer than a day, whatever it asks for, for some say a moment where seconds are meant."""


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """In how many seconds to come again, which is said as a number or as a moment; None where it is not said. Headers' names are small."""
    said = headers.get("retry-after", "").strip()
    if (seconds := parse_digits(said)) is not None:
        return min(float(seconds), LONGEST_WAIT)
    try:
        return min(max((_read_moment(said) - read_server_time(headers)).total_seconds(), 0.0), LONGEST_WAIT)
    except (ValueError, OverflowError):
        return None


def read_server_time(headers: Mapping[str, str]) -> datetime:
    """By the server's own clock; by this machine's where it does not say."""
    try:
        return _read_moment(headers["date"])
    except (KeyError, ValueError, OverflowError):
        return datetime.now(UTC)


def _read_moment(said: str) -> datetime:
    """One without a zone is in UTC, as all are meant to be. Raises ValueError, OverflowError."""
    moment = parsedate_to_datetime(said)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
