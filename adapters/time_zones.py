"""Which names are those of time zones."""

from functools import lru_cache
from zoneinfo import available_timezones


def is_time_zone(name: str) -> bool:
    """Whether it is an IANA name such as `Europe/Berlin`."""
    return name in _load_names()


@lru_cache(maxsize=1)
def _load_names() -> frozenset[str]:
    return frozenset(available_timezones())
