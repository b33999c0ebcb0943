"""The real time, as whatever may be given another clock takes it where it is given none."""

from datetime import UTC, datetime


def find_real_now() -> datetime:
    return datetime.now(UTC)
