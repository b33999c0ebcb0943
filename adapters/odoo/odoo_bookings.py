"""Booking in Odoo: credit notes and write-offs.

Each is a posting whose reference is its key, and is begun only where none carries it. It is three calls (make a draft, post it, assign it
to the invoice), each a transaction of its own; one that was interrupted is carried on where it stopped. A call that was not answered may
still be running: a draft is posted, and not made anew, and what is refused because that call has done it meanwhile is read again.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import partial

from adapters.billing.errors import (
    CancelledInvoiceError,
    ConflictingBookingError,
    ConflictingCreditNoteError,
    CurrencyMismatchError,
    ExcessiveCreditError,
    InvalidAmountError,
    RefusedByBillingError,
    UnsupportedOperationError,
)
from adapters.billing.external_records import ExternalBooking
from adapters.billing.unanswered_orders import delete_draft, post_draft
from adapters.odoo.invoice_records import BOOKED_BY, CREDIT_NOTE, ENTRY, MoveState, read_currency, read_customer, read_open_balance
from adapters.odoo.odoo_api import NoSuchOdooRecordError, OdooApi, OdooSettings
from adapters.odoo.odoo_reader import OdooReader
from adapters.odoo.odoo_records import Record, read_reference, to_major, to_minor
from domain.money import minor_digits

_LARGEST_ROUNDING = 5
"""In minor units: by how much a credit note may miss its amount, for its taxes are rounded, and still be put right by a line of its own."""
_CREATE = 0
"""The command by which a list of lines in a call makes a new one."""

CreditShare = tuple[int, tuple[int, ...], Decimal]
"""An account, taxes, and the price of a line, as these taxes want it: with or without them."""


class OdooBookings:
    def __init__(self, api: OdooApi, reader: OdooReader, settings: OdooSettings) -> None:
        self._api, self._reader, self._company = api, reader, settings.company
        self._account_code = settings.write_off_account

    def book_credit_note(self, key: str, external_id: str, amount: int, currency: str, reason: str) -> ExternalBooking:
        move = self._reader.read_move(external_id)
        _require_amount(move, amount, currency)
        notes = self._find_booked(key, CREDIT_NOTE)
        posted = [note for note in notes if note["state"] == MoveState.POSTED]
        if posted:
            note = posted[0]
            if not _is_credit_of(note, move, amount):
                raise ConflictingCreditNoteError(f"credit note {key!r} was issued with other content; give this one its own key")
        else:
            _require_creditable(move, amount)
            whole = [note for note in notes if _is_credit_of(note, move, amount)]
            self._delete_drafts([note["id"] for note in notes if note not in whole[:1]])
            note = whole[0] if whole else {"id": self._draft_credit_note(key, move, amount, reason)}
            self._post(note["id"])
        self._assign(move, note["id"])
        return ExternalBooking(str(note["id"]), amount, repeated=bool(posted))

    def _find_booked(self, key: str, move_type: str) -> list[Record]:
        domain = [
            ["company_id", "=", self._company],
            ["move_type", "=", move_type],
            ["ref", "=", f"{BOOKED_BY}{key}"],
            ["state", "!=", MoveState.CANCEL.value],
        ]
        return self._api.find("account.move", domain, ("state", "amount_total", "reversed_entry_id", "narration"))

    def _draft_credit_note(self, key: str, move: Record, amount: int, reason: str) -> int:
        """What is credited is shared out over the invoice's accounts and taxes as the invoice is. The customer's own terms would part it
        into instalments."""
        currency = read_currency(move)
        shares = self._share_out(move, amount)
        values = {
            "move_type": CREDIT_NOTE,
            "company_id": self._company,
            "partner_id": read_reference(move["partner_id"]),
            "currency_id": read_reference(move["currency_id"]),
            "invoice_payment_term_id": False,
            "reversed_entry_id": move["id"],
            "ref": f"{BOOKED_BY}{key}",
            **({"narration": reason[:1000]} if reason else {}),
            "invoice_line_ids": [[_CREATE, 0, _build_line(move, *share)] for share in shares],
        }
        draft = self._api.create("account.move", values)
        (made,) = self._api.find("account.move", [["id", "=", draft]], ("amount_total",))
        missing = amount - to_minor(made["amount_total"], currency)
        if abs(missing) > _LARGEST_ROUNDING:
            self._api.delete("account.move", draft)
            raise RefusedByBillingError(
                f"invoice {move['name']} has taxes that cannot be credited in part from here; credit it in Odoo (Credit Note), for "
                f"{to_major(amount, currency)} {currency}"
            )
        if missing and shares:
            rounding = _build_line(move, shares[0][0], (), to_major(missing, currency))
            self._api.change("account.move", draft, {"invoice_line_ids": [[_CREATE, 0, rounding]]})
        return draft

    def _post(self, draft: int) -> None:
        post = partial(self._api.call, "account.move", "action_post", [draft])
        post_draft("Odoo", post, partial(self._is_posted, draft), NoSuchOdooRecordError)

    def _delete_drafts(self, drafts: Sequence[int]) -> None:
        for draft in drafts:
            delete_draft("Odoo", partial(self._api.delete, "account.move", draft), partial(self._is_posted, draft), NoSuchOdooRecordError)

    def _is_posted(self, move_id: int) -> bool:
        found = self._api.find("account.move", [["id", "=", move_id]], ("state",))
        return bool(found) and found[0]["state"] == MoveState.POSTED

    def _share_out(self, move: Record, amount: int) -> list[CreditShare]:
        """The largest first."""
        domain = [["move_id", "=", move["id"]], ["display_type", "=", "product"]]
        lines = self._api.find("account.move.line", domain, ("account_id", "tax_ids", "price_subtotal", "price_total"))
        taxes = sorted({tax for line in lines for tax in line["tax_ids"]})
        included = {tax["id"] for tax in self._find_included(taxes)}
        prices: dict[tuple[int, tuple[int, ...]], Decimal] = defaultdict(Decimal)
        for line in lines:
            is_gross = bool(line["tax_ids"]) and included.issuperset(line["tax_ids"])
            place = read_reference(line["account_id"]) or 0, tuple(sorted(line["tax_ids"]))
            prices[place] += Decimal(line["price_total" if is_gross else "price_subtotal"])
        part = to_major(amount, read_currency(move)) / move["amount_total"]
        unit = Decimal(1).scaleb(-minor_digits(read_currency(move)))
        shares = [(account, tax_ids, (price * part).quantize(unit)) for (account, tax_ids), price in prices.items()]
        return sorted((share for share in shares if share[2]), key=lambda share: -abs(share[2]))

    def _find_included(self, taxes: Sequence[int]) -> list[Record]:
        return self._api.find("account.tax", [["id", "in", taxes], ["price_include", "=", True]], ("price_include",)) if taxes else []

    def book_write_off(self, key: str, external_id: str, amount: int, currency: str, on: date) -> ExternalBooking:
        move = self._reader.read_move(external_id)
        _require_amount(move, amount, currency)
        journal, account = self._find_write_off_accounts()
        entries = self._find_booked(key, ENTRY)
        posted = [entry for entry in entries if entry["state"] == MoveState.POSTED]
        if posted:
            entry = posted[0]["id"]
            line = next(iter(self._find_customer_lines(entry)), None)
            if line is None or line["name"] != _describe_write_off(move):
                raise ConflictingBookingError(f"the key {key!r} was used before, for something else; give this its own")
            self._assign(move, entry)
            return ExternalBooking(str(entry), to_minor(abs(line["amount_currency"]), currency), repeated=True)
        given_up = min(amount, read_open_balance(move))
        if not given_up:
            return ExternalBooking("", 0, repeated=False)
        whole = [entry["id"] for entry in entries if self._is_write_off_of(entry["id"], move, given_up)]
        self._delete_drafts([entry["id"] for entry in entries if entry["id"] not in whole[:1]])
        made = whole[0] if whole else self._draft_write_off(key, move, given_up, on, journal, account)
        self._post(made)
        self._assign(move, made)
        return ExternalBooking(str(made), given_up, repeated=False)

    def _is_write_off_of(self, draft: int, move: Record, amount: int) -> bool:
        lines = self._find_customer_lines(draft)
        found = [(line["name"], to_minor(abs(line["amount_currency"]), read_currency(move))) for line in lines]
        return found == [(_describe_write_off(move), amount)]

    def _draft_write_off(self, key: str, move: Record, amount: int, on: date, journal: int, account: int) -> int:
        due = self._reader.read_due_lines(move["id"])
        major = to_major(amount, read_currency(move))
        in_books = self._to_books(move, due, major)
        shared = {"name": _describe_write_off(move), "partner_id": read_customer(move), "currency_id": read_reference(move["currency_id"])}
        lost = {**shared, "account_id": account, "amount_currency": major, "balance": in_books}
        owed = {**shared, "account_id": read_reference(due[0]["account_id"]), "amount_currency": -major, "balance": -in_books}
        values = {
            "move_type": ENTRY,
            "company_id": self._company,
            "journal_id": journal,
            "date": on.isoformat(),
            "ref": f"{BOOKED_BY}{key}",
            "line_ids": [[_CREATE, 0, lost], [_CREATE, 0, owed]],
        }
        return self._api.create("account.move", values)

    def _to_books(self, move: Record, due: Sequence[Record], major: Decimal) -> Decimal:
        """An amount of the invoice in the currency of the books, at the rate that the invoice was posted at."""
        in_books = sum((Decimal(line["balance"]) for line in due), Decimal(0))
        of_invoice = sum((Decimal(line["amount_currency"]) for line in due), Decimal(0))
        unit = Decimal(1).scaleb(-minor_digits(str(move["company_currency_id"][1])))
        return (major * in_books / of_invoice).quantize(unit)

    def _find_write_off_accounts(self) -> tuple[int, int]:
        """The journal and the expense account that the connection names. Raises UnsupportedOperationError."""
        journal = self._reader.find_write_off_journal()
        found = self._api.find("account.account", [["code", "=", self._account_code]], ("code",), limit=1) if self._account_code else []
        if journal is None or not found:
            raise UnsupportedOperationError(
                "the connection names no write-off journal and account that Odoo has; name them, or write this off in Odoo by hand "
                "(Register Payment, Mark as fully paid)"
            )
        return journal, int(found[0]["id"])

    def _find_customer_lines(self, move_id: int) -> list[Record]:
        """The lines of a posting that are in the customer's favour: a credit note in instalments has one of each."""
        domain = [["move_id", "=", move_id], ["account_type", "=", "asset_receivable"]]
        return self._api.find("account.move.line", domain, ("name", "amount_currency", "reconciled"))

    def _assign(self, move: Record, posting: int) -> None:
        """Let the posting pay the invoice; what is assigned already, also by an earlier call just now, is left."""
        for line in self._find_customer_lines(posting):
            if line["reconciled"]:
                continue
            try:
                self._api.call("account.move", "js_assign_outstanding_line", [move["id"]], line_id=line["id"])
            except RefusedByBillingError as error:
                if all(each["reconciled"] for each in self._find_customer_lines(posting) if each["id"] == line["id"]):
                    continue
                raise RefusedByBillingError(
                    f"it is posted in Odoo, and cannot be assigned to invoice {move['name']} from here: {error}; assign it there"
                ) from error


def _describe_write_off(move: Record) -> str:
    return f"Write-off of invoice {move['name']}"


def _is_credit_of(note: Record, move: Record, amount: int) -> bool:
    return (read_reference(note["reversed_entry_id"]), to_minor(note["amount_total"], read_currency(move))) == (move["id"], amount)


def _require_amount(move: Record, amount: int, currency: str) -> None:
    if amount <= 0:
        raise InvalidAmountError("an amount that is credited or written off is more than nothing")
    if read_currency(move) != currency:
        raise CurrencyMismatchError(f"invoice {move['name']} is in {read_currency(move)}, and this in {currency}; decide it anew")


def _require_creditable(move: Record, amount: int) -> None:
    if move["state"] == MoveState.CANCEL:
        raise CancelledInvoiceError(f"invoice {move['name']} is cancelled in Odoo; there is nothing to credit")
    if amount > (left := read_open_balance(move)):
        owed = to_major(left, read_currency(move))
        raise ExcessiveCreditError(f"invoice {move['name']} owes no more than {read_currency(move)} {owed} by now; credit less")


def _build_line(move: Record, account: int, taxes: Sequence[int], price: Decimal) -> Record:
    name = f"Credit of invoice {move['name']}"
    return {"name": name, "account_id": account, "quantity": 1, "price_unit": price, "tax_ids": [[6, 0, list(taxes)]]}
