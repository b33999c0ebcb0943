"""Reading an API by its description: changes, invoices, customers, open items, unapplied credit. A row that cannot be read is named, and
holds up no other."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from adapters.billing.errors import (
    BillingAwayError,
    ConnectionRefusedByBillingError,
    RefusedByBillingError,
    UnknownAccountError,
    UnknownInvoiceError,
)
from adapters.billing.external_records import (
    ChangePage,
    CreditPage,
    ExternalAccount,
    ExternalInvoice,
    InvoiceDocument,
    OpenReceivable,
    OpenReceivablePage,
    UnreadRow,
)
from adapters.billing.http_api import HttpAnswer, HttpApi, NotFoundThereError
from adapters.billing.json_values import JsonFaultError, dig
from adapters.billing.reading_pace import ReadingPace
from adapters.billing.refused_rows import ShownRecord
from adapters.plain_http.api_description import ApiDescription, Changes, Listing, OneObject
from adapters.plain_http.invoice_rows import InvoiceRows
from adapters.plain_http.list_pages import FURTHEST_PAGE, ListPage, fetch_page
from adapters.plain_http.pass_cursor import PassCursor, parse_moment, write_moment
from adapters.plain_http.request_templates import fill_all, fill_path
from adapters.plain_http.row_fields import RowFaultError
from adapters.real_time import find_real_now

MOST_PASSES = 3
"""Through the same list while its rows move; then the next reading goes on from where this one began."""
UNKNOWN_ID = "?"
"""Of a row that does not say which invoice it is."""
NOT_GIVEN = "the system lists it, and does not give it; see there whether the key's user may read it"
MOST_OF_PAGE = 5
"""Other invoices that are asked for where one is refused."""
SLACK = timedelta(seconds=1)
"""By so much earlier changes are asked for, whether the API gives those of the very moment or not."""


class ReadRows(NamedTuple):
    """What became of a page's rows."""

    invoices: tuple[ExternalInvoice, ...]
    gone: tuple[str, ...]
    unread: tuple[UnreadRow, ...]
    done: int
    """Of them, from the first: fewer than there are where the system went away while each was read."""


class PlainReader:
    def __init__(
        self, api: HttpApi, description: ApiDescription, rows: InvoiceRows, real_now: Callable[[], datetime] = find_real_now
    ) -> None:
        self._api, self._description, self._rows, self._real_now = api, description, rows, real_now
        self._invoices, self._pace, self._shown = description.invoices, ReadingPace(), ShownRecord(self._fetch_invoice)

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        before, changes = PassCursor.parse(cursor), self._invoices.changes
        is_between = before.began is None and not before.passes
        if changes is None and is_between and before.since is not None and self._is_resting(before.since):
            return ChangePage((), (), str(before), has_more=False)
        asked = {}
        if changes is not None and before.since is not None:
            asked[changes.parameter] = write_moment(before.since - SLACK, changes.moments)
        page, is_in_place = self._fetch_behind(before, limit, asked)
        rows = page.rows[before.skipped :]
        found, ids = self._read_some(rows), [self._find_id(row) for row in page.rows]
        if found.done < len(rows):
            unfinished = before.begin(page.at)._replace(skipped=before.skipped + found.done)
            return ChangePage(found.invoices, found.gone, str(unfinished), True, found.unread)
        moments = list(self._list_moments(page.rows, changes))
        now = before.begin(page.at)
        now = now._replace(
            has_moved=now.has_moved or not is_in_place or any(now.began is not None and moment >= now.began for moment in moments),
            went_by_place=now.went_by_place or (before.place is not None and bool(ids)),
            rows=now.rows + len(ids),
            newest=max([*moments, *([now.newest] if now.newest else [])], default=None),
        )
        following, has_more = self._follow(now, page, ids[-1] if ids else None, moments)
        return ChangePage(found.invoices, found.gone, str(following), has_more, found.unread)

    def _is_resting(self, since: datetime) -> bool:
        return self._real_now() - since < timedelta(minutes=self._invoices.whole_every_minutes)

    def _fetch_behind(self, cursor: PassCursor, limit: int, asked: dict[str, str]) -> tuple[ListPage, bool]:
        """The page at the cursor's place, and whether it begins where the one before ended. By an offset, the last row is asked for again:
        if it is not the first now, rows have moved."""
        place, limit = cursor.place, min(limit, self._invoices.paging.size)
        if self._invoices.paging.by != "offset" or place is None or cursor.last is None:
            return fetch_page(self._api, self._invoices, place, limit, asked), True
        page = fetch_page(self._api, self._invoices, str(int(place) - 1), max(limit, 1) + 1, asked)
        if page.rows and self._find_id(page.rows[0]) == cursor.last:
            return page._replace(rows=page.rows[1:]), True
        return page, False

    def _follow(self, now: PassCursor, page: ListPage, last: str | None, moments: Sequence[datetime]) -> tuple[PassCursor, bool]:
        """Where to read on, and whether there is more now."""
        changes = self._invoices.changes
        if changes is not None and page.rows and not moments:
            raise ConnectionRefusedByBillingError(f"no row of {self._invoices.path} has a moment at {changes.field!r}; see 'changes'")
        if now.rows > FURTHEST_PAGE:
            raise ConnectionRefusedByBillingError(f"{self._invoices.path} has given {now.rows:,} rows and has no end; see 'paging'")
        is_sorted = changes is not None and changes.sorted
        if is_sorted and list(moments) != sorted(moments):
            raise ConnectionRefusedByBillingError(
                f"{self._invoices.path} is described as sorted by its changes, and is not; ask for that order, or leave 'sorted' out"
            )
        if page.next is not None and page.rows:
            if is_sorted and moments[-1] - (now.since or moments[0]) >= 2 * SLACK:
                return now.follow_row(moments[-1]), True
            return now.follow_place(page.next, last), True
        if now.has_moved and now.went_by_place and now.passes + 1 < MOST_PASSES:
            return now.repeat(), True
        if changes is None:
            return PassCursor(since=self._real_now()), False
        overlap = timedelta(minutes=changes.overlap_minutes)
        if is_sorted:
            return now.rest(page.at, overlap), False
        assert now.began is not None
        return PassCursor(since=now.began - overlap), False

    def _list_moments(self, rows: Iterable[Any], changes: Changes | None) -> Iterable[datetime]:
        """Of those rows that say when they were changed."""
        for row in rows if changes is not None else ():
            try:
                yield parse_moment(dig(row, changes.field), changes.moments)  # type: ignore[union-attr]
            except JsonFaultError:
                continue

    def _read_some(self, rows: Sequence[Any]) -> ReadRows:
        """All of them; where each is read for itself, a few at a time."""
        if not self._invoices.read_each:
            return self._read_rows(rows)
        wanted = rows[: self._pace.most]
        try:
            found = self._read_rows(wanted)
        except BillingAwayError:
            self._pace.note_away(0)
            raise
        if found.done < len(wanted):
            self._pace.note_away(found.done)
        else:
            self._pace.note_read()
        return found

    def _read_rows(self, rows: Sequence[Any]) -> ReadRows:
        """What was read before the system went away is kept. Raises BillingAwayError where nothing was."""
        found: list[ExternalInvoice | UnreadRow | str] = []
        for number, row in enumerate(rows, 1):
            try:
                found.append(self._read_row(number, row, rows))
            except BillingAwayError:
                if number == 1:
                    raise
                break
        return ReadRows(
            tuple(each for each in found if isinstance(each, ExternalInvoice)),
            tuple(each for each in found if isinstance(each, str)),
            tuple(each for each in found if isinstance(each, UnreadRow)),
            len(found),
        )

    def _read_row(self, number: int, row: Any, page: Sequence[Any]) -> ExternalInvoice | UnreadRow | str:
        """The invoice, or its id where it is none to be chased, or why it cannot be read. What is listed is not gone, though it may not be
        given; where nothing else is given either, it is the connection that is refused."""
        external_id = UNKNOWN_ID
        try:
            external_id = self._rows.read_id(row)
            found = self._rows.build_invoice(self._fetch_invoice(external_id) if self._invoices.read_each else row)
        except NotFoundThereError:
            return UnreadRow(external_id, NOT_GIVEN)
        except (RowFaultError, RefusedByBillingError) as error:
            name = f"row {number} of a page: " if external_id == UNKNOWN_ID else ""
            return UnreadRow(external_id, f"{name}{error}")
        except ConnectionRefusedByBillingError as error:
            if not self._shown.is_another_shown(external_id, self._list_others(page)):
                raise
            return UnreadRow(external_id, str(error))
        self._shown.note(external_id)
        return external_id if found is None else found

    def _list_others(self, page: Sequence[Any]) -> Iterable[str]:
        """Other invoices of the page, and then those that the whole list has first."""
        yield from (each for row in page[:MOST_OF_PAGE] if (each := self._find_id(row)) != UNKNOWN_ID)
        whole = fetch_page(self._api, self._invoices, None, MOST_OF_PAGE, {})
        yield from (each for row in whole.rows[:MOST_OF_PAGE] if (each := self._find_id(row)) != UNKNOWN_ID)

    def _find_id(self, row: Any) -> str:
        try:
            return self._rows.read_id(row)
        except RowFaultError:
            return UNKNOWN_ID

    def fetch_one(self, one: OneObject, **values: str) -> HttpAnswer:
        """Raises NotFoundThereError."""
        return self._api.fetch(fill_path(one.path, values), fill_all(one.query, values))

    def _fetch_invoice(self, external_id: str) -> Any:
        """Raises NotFoundThereError."""
        row = dig(self.fetch_one(self._invoices.one, invoice=external_id).read(), self._invoices.one.row)
        if row is None:
            raise NotFoundThereError(external_id)
        return row

    def read_invoice(self, external_id: str) -> ExternalInvoice:
        try:
            row = self._fetch_invoice(external_id)
            found = self._rows.build_invoice(row)
            if found is not None and found.external_id == external_id:
                return found
        except NotFoundThereError:
            pass
        except RowFaultError as error:
            raise RefusedByBillingError(f"invoice {external_id!r} cannot be read: {error}") from error
        raise UnknownInvoiceError(f"the billing system has no invoice of the id {external_id!r} that is to be chased; look for it there")

    def read_account(self, account_id: str) -> ExternalAccount:
        accounts = self._description.accounts
        try:
            row = dig(self.fetch_one(accounts, account=account_id).read(), accounts.row)
            if row is not None:
                return self._rows.build_account(row, account_id)
        except NotFoundThereError:
            pass
        except RowFaultError as error:
            raise RefusedByBillingError(f"account {account_id!r} cannot be read: {error}") from error
        raise UnknownAccountError(f"the billing system has no account {account_id!r}; look for it there")

    def list_open_items(self, cursor: str | None, limit: int) -> OpenReceivablePage:
        page, following = self._fetch_counted(self._invoices, cursor, limit, self._invoices.open)
        found = self._read_rows(page.rows)
        if found.done < len(page.rows):
            raise BillingAwayError(f"{self._invoices.path} went away while its open items were read")
        items = tuple(
            OpenReceivable(each.external_id, each.account_id, each.number, each.currency, each.open_balance)
            for each in found.invoices
            if each.open_balance > 0
        )
        return OpenReceivablePage(items, following, found.unread)

    def _fetch_counted(self, listing: Listing, cursor: str | None, limit: int, asked: Mapping[str, str]) -> tuple[ListPage, str | None]:
        """A page, and the cursor of the next: its place, and how many rows came before it. A list without an end is given up."""
        count, place = json.loads(cursor) if cursor is not None else (0, None)
        page = fetch_page(self._api, listing, place, limit, asked)
        count += len(page.rows)
        if count > FURTHEST_PAGE:
            raise ConnectionRefusedByBillingError(f"{listing.path} has given {count:,} rows and has no end; see 'paging'")
        return page, json.dumps([count, page.next]) if page.rows and page.next is not None else None

    def list_credits(self, cursor: str | None, limit: int) -> CreditPage:
        """What cannot be read of it is left out: nothing is chased for it."""
        listing = self._description.credits
        assert listing is not None
        page, following = self._fetch_counted(listing, cursor, limit, {})
        found = []
        for row in page.rows:
            try:
                found.append(self._rows.build_credit(row))
            except RowFaultError:
                continue
        return CreditPage(tuple(each for each in found if each is not None), following)

    def fetch_document(self, external_id: str) -> InvoiceDocument:
        """Raises UnknownInvoiceError."""
        one = self._description.document
        assert one is not None
        try:
            path, query = fill_path(one.path, {"invoice": external_id}), fill_all(one.query, {"invoice": external_id})
            answer = self._api.fetch(path, query, accept="*/*")
        except NotFoundThereError as error:
            raise UnknownInvoiceError(f"the billing system has no document of the invoice {external_id!r}") from error
        media_type = answer.headers.get("content-type", "application/octet-stream").partition(";")[0].strip()
        return InvoiceDocument(f"invoice-{external_id}{_find_ending(media_type)}", media_type, answer.content)


def _find_ending(media_type: str) -> str:
    return {"application/pdf": ".pdf", "text/html": ".html", "application/xml": ".xml"}.get(media_type, "")
