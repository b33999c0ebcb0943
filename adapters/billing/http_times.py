"""What a connected system's answers say of time, in their headers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from domain.digits import parse_digits


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """In how many seconds to come again, which is said as a number or as a moment; None where it is not said. Headers' names are small."""
    said = headers.get("retry-after", "")
    if (seconds := parse_digits(said)) is not None:
        return float(seconds)
    try:
        return max((parsedate_to_datetime(said) - read_server_time(headers)).total_seconds(), 0)
    except ValueError:
        return None


def read_server_time(headers: Mapping[str, str]) -> datetime:
    """By the server's own clock; by this machine's where it does not say."""
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return datetime.now(UTC)
