"""Which names are those of time zones, and which of them people choose from."""

from functools import lru_cache
from zoneinfo import available_timezones

_CONTINENTS = ("Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")


def is_time_zone(name: str) -> bool:
    """Whether it is an IANA name such as `Europe/Berlin`."""
    return name in _load_names()


@lru_cache(maxsize=1)
def list_time_zones() -> tuple[str, ...]:
    """Those that are named for a place, in order, and UTC."""
    return tuple(sorted(name for name in _load_names() if name == "UTC" or name.startswith(_CONTINENTS)))


@lru_cache(maxsize=1)
def _load_names() -> frozenset[str]:
    return frozenset(available_timezones())
