"""Pages of a list: how the next one is asked for, and when there is none.

A place in a list is a short text, and outlives a restart: an offset, a page's number, a cursor or a link; None is its beginning.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urljoin

from adapters.billing.errors import ConnectionRefusedByBillingError
from adapters.billing.http_api import HttpAnswer, HttpApi, NotFoundThereError
from adapters.billing.json_values import describe_type, dig
from adapters.plain_http.api_description import Listing, Paging
from domain.digits import parse_digits

MOST_ROWS = 10_000
"""Of one page, whatever it was asked for."""
LONGEST_PLACE = 2_000
"""Characters of a cursor or a link."""
FURTHEST_PAGE = 1_000_000
"""Rows or pages before it: a list that goes on behind is taken to have no end."""
_NEXT_LINK = re.compile(r"<([^<>]*)>[^,<]*;\s*rel=\"?next\"?", re.IGNORECASE)


class ListPage(NamedTuple):
    """`next`: the place of the next page; None where this is the last. `at`: the server's time."""

    rows: Sequence[Any]
    next: str | None
    at: datetime


def fetch_page(
    api: HttpApi, listing: Listing, place: str | None, limit: int, asked: Mapping[str, str], values: Mapping[str, str] | None = None
) -> ListPage:
    """Fetch one page of at most about `limit` rows. `asked` is asked beside the list's own query.

    Raises what the API raises, and ConnectionRefusedByBillingError where the answer is not as described, or its pages lead nowhere new.
    """
    paging = listing.paging
    if place is not None and paging.by in ("link", "link_header"):
        answer = _follow(api, listing, place)
    else:
        answer = _fetch(api, listing, {**listing.query, **asked, **_ask_for_place(paging, place, limit)})
    said = answer.read()
    rows = dig(said, listing.rows)
    if rows is None and said is None:
        rows = []
    if not isinstance(rows, list):
        where = f"at {listing.rows!r}" if listing.rows else "as the whole answer"
        raise ConnectionRefusedByBillingError(
            f"{listing.path} gives {describe_type(rows)} {where}, where its rows should be; see 'rows' in the description"
        )
    if len(rows) > MOST_ROWS:
        raise ConnectionRefusedByBillingError(f"{listing.path} gives {len(rows):,} rows at once; at most {MOST_ROWS:,} are read: page it")
    following = _find_next(paging, place, said, rows, answer)
    if following is not None and following == place:
        raise ConnectionRefusedByBillingError(f"{listing.path} gives the same place again as the next: its pages have no end; see 'paging'")
    return ListPage(rows, following, answer.at)


def _fetch(api: HttpApi, listing: Listing, query: Mapping[str, str]) -> HttpAnswer:
    try:
        return api.fetch(listing.path, query)
    except NotFoundThereError as error:
        raise _build_missing_error(listing) from error


def _follow(api: HttpApi, listing: Listing, link: str) -> HttpAnswer:
    try:
        return api.follow_link(link)
    except NotFoundThereError as error:
        raise _build_missing_error(listing) from error


def _build_missing_error(listing: Listing) -> ConnectionRefusedByBillingError:
    return ConnectionRefusedByBillingError(f"there is nothing at {listing.path}; see the address, and 'path' in the description")


def _ask_for_place(paging: Paging, place: str | None, limit: int) -> dict[str, str]:
    asked = {}
    if paging.size_parameter is not None:
        asked[paging.size_parameter] = str(min(limit, paging.size))
    if paging.parameter is not None:
        match paging.by:
            case "offset":
                asked[paging.parameter] = place or "0"
            case "page":
                asked[paging.parameter] = place or str(paging.first)
                if paging.size_parameter is not None:
                    asked[paging.size_parameter] = str(paging.size)
            case "cursor" if place is not None:
                asked[paging.parameter] = place
    return asked


def _find_next(paging: Paging, place: str | None, said: Any, rows: Sequence[Any], answer: HttpAnswer) -> str | None:
    if paging.by == "none" or (paging.more is not None and dig(said, paging.more) in (False, None)):
        return None
    match paging.by:
        case "offset":
            return _count_on(parse_digits(place or "0") or 0, len(rows))
        case "page":
            return _count_on(parse_digits(place or str(paging.first)) or 0, 1) if rows else None
        case "link_header":
            links = _NEXT_LINK.search(answer.headers.get("link", "")[: LONGEST_PLACE * 4])
            return _resolve_link(answer, links[1] if links else None)
        case "link":
            return _resolve_link(answer, dig(said, paging.next or ""))
        case "cursor" if paging.next_header is not None:
            return _check_place(answer.headers.get(paging.next_header))
        case "cursor" if paging.last_row is not None:
            return _check_place(dig(rows[-1], paging.last_row)) if rows else None
    return _check_place(dig(said, paging.next or ""))


def _count_on(before: int, by: int) -> str | None:
    if not by:
        return None
    if before + by > FURTHEST_PAGE:
        raise ConnectionRefusedByBillingError(f"the list goes on behind {FURTHEST_PAGE:,}: its pages seem to have no end; see 'paging'")
    return str(before + by)


def _resolve_link(answer: HttpAnswer, said: Any) -> str | None:
    """The whole address of a link, which may be written as seen from the page that has it."""
    place = _check_place(said)
    return None if place is None else urljoin(answer.url, place)


def _check_place(said: Any) -> str | None:
    if said is None or said == "" or said is False:
        return None
    if isinstance(said, bool) or not isinstance(said, int | str) or len(str(said)) > LONGEST_PLACE:
        raise ConnectionRefusedByBillingError("the page says no place of the next one that could be asked for; see 'paging'")
    return str(said)
