"""The statuses by which any system that is spoken to over HTTP, or what stands before it, says that it is to be asked again."""

from http import HTTPStatus

_UNTOUCHED = frozenset({HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_ASK_AGAIN = _UNTOUCHED | {HTTPStatus.REQUEST_TIMEOUT}


def is_away_status(status: int) -> bool:
    return status in _ASK_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def is_untouched_status(status: int) -> bool:
    """Return whether it says that it has not begun with what it was asked."""
    return status in _UNTOUCHED
