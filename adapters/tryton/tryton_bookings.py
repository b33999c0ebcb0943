"""Booking in Tryton: credit notes and write-offs.

Over REST nobody can reconcile, nor cancel an invoice by a credit note: these are wizards, and the fields behind them are read-only. What is
booked is therefore made one of the lines that pay the invoice (`payment_lines`), which lowers what it asks for at once. The server's
scheduled action "Reconcile Account Moves", or a person, reconciles them later; a write-off or credit note of the whole leaves it `posted`,
with nothing to pay, until then.

Each booking carries its key, and is begun only where none carries it. It is three writes (make a draft, post it, let it pay the invoice);
one that was interrupted is carried on where it stopped. A call that was not answered may still be running: a draft is posted, and not
made anew, and what is refused because that call has done it meanwhile is read again.
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
from adapters.tryton.invoice_records import build_invoice
from adapters.tryton.tryton_api import NoSuchRecordError, TrytonApi
from adapters.tryton.tryton_reader import TrytonReader
from adapters.tryton.tryton_records import Record, dig, to_major, to_minor
from domain.billing.billing_events import InvoiceStatus
from domain.money import minor_digits

_LARGEST_ROUNDING = 5
"""In minor units: by how much a credit note may miss its amount, for its taxes are rounded, and still be put right by a line of its own."""
_CREDITED_FIELDS = ("journal", "account", "invoice_address", "currency.id")
_LINE_FIELDS = tuple(f"lines.{field}" for field in ("type", "account", "taxes", "amount"))


def mark_key(key: str) -> str:
    """By which what was booked for a key is found again."""
    return f"duecourse:{key}"


class TrytonBookings:
    def __init__(self, api: TrytonApi, reader: TrytonReader, company: int, write_off_method: str | None) -> None:
        """`write_off_method`: the name of one of Tryton's write-off methods; None: the only one."""
        self._api, self._reader, self._company, self._write_off_method = api, reader, company, write_off_method

    def book_credit_note(self, key: str, external_id: str, amount: int, currency: str, reason: str) -> ExternalBooking:
        invoice = self._reader.read_record(external_id, *_CREDITED_FIELDS, *_LINE_FIELDS)
        _require_amount(invoice, amount, currency)
        notes = self._find_credit_notes(key)
        issued = [note for note in notes if note["state"] != "draft"]
        if issued:
            note = issued[0]
            if not _is_credit_of(note, invoice, amount):
                raise ConflictingCreditNoteError(f"credit note {key!r} was issued with other content; give this one its own key")
        else:
            _require_creditable(invoice, amount)
            whole = [note for note in notes if _is_credit_of(note, invoice, amount)]
            self._delete_drafts([note["id"] for note in notes if note not in whole[:1]])
            note = whole[0] if whole else self._draft_credit_note(key, invoice, amount, reason)
            self._post("account.invoice", note["id"])
        line = self._api.read("account.invoice", note["id"], ("lines_to_pay",))["lines_to_pay"][0]
        self._let_pay(invoice, line)
        return ExternalBooking(str(note["id"]), amount, repeated=bool(issued))

    def _find_credit_notes(self, key: str) -> list[Record]:
        domain = [["company", "=", self._company], ["type", "=", "out"], ["reference", "=", mark_key(key)], ["state", "!=", "cancelled"]]
        return self._api.find("account.invoice", domain, ("state", "party", "total_amount", "comment"))

    def _draft_credit_note(self, key: str, invoice: Record, amount: int, reason: str) -> Record:
        """An invoice with negative lines: what is credited is shared out over the invoice's accounts and taxes as the invoice is."""
        currency = invoice["currency"]["code"]
        shares = _share_out(invoice, amount)
        draft = self._api.create(
            "account.invoice",
            {
                "type": "out",
                "company": self._company,
                "party": invoice["party"],
                "currency": invoice["currency"]["id"],
                **{name: invoice[name] for name in ("journal", "account", "invoice_address")},
                "reference": mark_key(key),
                "description": reason[:200] or None,
                "comment": _describe_credited(invoice),
                "lines": [["create", [_build_line(invoice, *share) for share in shares]]],
            },
            ("total_amount",),
        )
        missing = amount + to_minor(draft["total_amount"], currency)
        if abs(missing) > _LARGEST_ROUNDING:
            self._api.delete("account.invoice", draft["id"])
            raise RefusedByBillingError(
                f"invoice {invoice['number']} has taxes that cannot be credited in part from here; credit it in Tryton (Credit), for "
                f"{to_major(amount, currency)} {currency}"
            )
        if missing:
            rounding = _build_line(invoice, shares[0][0], (), to_major(missing, currency))
            self._api.change("account.invoice", draft["id"], {"lines": [["create", [rounding]]]})
        return draft

    def _post(self, model: str, draft: int) -> None:
        post_draft("Tryton", partial(self._api.act, model, draft, "post"), partial(self._is_posted, model, draft), NoSuchRecordError)

    def _delete_drafts(self, drafts: Sequence[int]) -> None:
        model = "account.invoice"
        for draft in drafts:
            delete_draft("Tryton", partial(self._api.delete, model, draft), partial(self._is_posted, model, draft), NoSuchRecordError)

    def _is_posted(self, model: str, record_id: int) -> bool:
        found = self._api.find(model, [["id", "=", record_id]], ("state",))
        return bool(found) and found[0]["state"] != "draft"

    def book_write_off(self, key: str, external_id: str, amount: int, currency: str, on: date) -> ExternalBooking:
        invoice = self._reader.read_record(external_id, "account")
        _require_amount(invoice, amount, currency)
        domain = [["company", "=", self._company], ["description", "=", mark_key(key)]]
        moves = self._api.find("account.move", domain, ("state", "origin", "lines.account", "lines.credit", "lines.amount_second_currency"))
        booked = min(moves, key=lambda each: each["state"] == "draft", default=None)
        if booked is not None and booked["origin"] != f"account.invoice,{invoice['id']}":
            raise ConflictingBookingError(f"the key {key!r} was used before, for something else; give this its own")
        if booked is None:
            given_up = min(amount, build_invoice(invoice).open_balance)
            if not given_up:
                return ExternalBooking("", 0, repeated=False)
            booked = self._make_write_off(key, invoice, given_up, on)
        if booked["state"] == "draft":
            self._post("account.move", booked["id"])
        line = next(line for line in booked["lines"] if line["account"] == invoice["account"])
        self._let_pay(invoice, line["id"])
        amount = to_minor(abs(line["amount_second_currency"] or line["credit"]), currency)
        return ExternalBooking(str(booked["id"]), amount, repeated=bool(moves))

    def _make_write_off(self, key: str, invoice: Record, amount: int, on: date) -> Record:
        method = self._find_write_off_method()
        in_books, foreign = _to_books(invoice, amount)
        receivable = {"account": invoice["account"], "party": invoice["party"], "credit": in_books, "debit": Decimal(0), **foreign}
        lost = {"account": method["debit_account"], "debit": in_books, "credit": Decimal(0)}
        return self._api.create(
            "account.move",
            {
                "company": self._company,
                "journal": method["journal"],
                "period": self._find_period(on),
                "date": on,
                "description": mark_key(key),
                "origin": f"account.invoice,{invoice['id']}",
                "lines": [["create", [receivable, lost]]],
            },
            ("state", "lines.account", "lines.credit", "lines.amount_second_currency"),
        )

    def _find_write_off_method(self) -> Record:
        domain = [["company", "=", self._company]]
        if self._write_off_method is not None:
            domain.append(["name", "=", self._write_off_method])
        methods = self._api.find("account.move.reconcile.write_off", domain, ("journal", "debit_account"))
        if len(methods) != 1:
            raise UnsupportedOperationError(
                f"{len(methods)} write-off methods in Tryton would do; name one in the connection's settings, or write this off in Tryton "
                "(Pay Invoice, Write-Off)"
            )
        return methods[0]

    def _find_period(self, on: date) -> int:
        domain = [
            ["company", "=", self._company],
            ["state", "=", "open"],
            ["type", "=", "standard"],
            ["start_date", "<=", on],
            ["end_date", ">=", on],
        ]
        periods = self._api.find("account.period", domain, ("id",))
        if not periods:
            raise RefusedByBillingError(f"Tryton has no open period for {on.isoformat()}; open one, or book this there by hand")
        return int(periods[0]["id"])

    def _let_pay(self, invoice: Record, line_id: int) -> None:
        """What pays it already, also by an earlier call just now, is left."""
        if self._is_used(line_id):
            return
        try:
            self._api.change("account.invoice", invoice["id"], {"payment_lines": [["add", [line_id]]]})
        except RefusedByBillingError as error:
            if self._is_used(line_id):
                return
            raise RefusedByBillingError(
                f"it is posted in Tryton, and cannot be let pay invoice {invoice['number']} from here: {error}; reconcile it there"
            ) from error

    def _is_used(self, line_id: int) -> bool:
        line = self._api.read("account.move.line", line_id, ("invoice_payments", "reconciliation"))
        return bool(line["invoice_payments"] or line["reconciliation"])


def _require_amount(invoice: Record, amount: int, currency: str) -> None:
    if amount <= 0:
        raise InvalidAmountError("an amount that is credited or written off is more than nothing")
    if invoice["currency"]["code"] != currency:
        raise CurrencyMismatchError(
            f"invoice {invoice['number']} is in {invoice['currency']['code']}, and this in {currency}; decide it anew"
        )


def _require_creditable(invoice: Record, amount: int) -> None:
    facts = build_invoice(invoice)
    if facts.status in (InvoiceStatus.CANCELLED, InvoiceStatus.CREDITED) and not facts.open_balance and invoice["state"] == "cancelled":
        raise CancelledInvoiceError(f"invoice {facts.number} is cancelled in Tryton; there is nothing to credit")
    if amount > facts.open_balance:
        left = to_major(facts.open_balance, facts.currency)
        raise ExcessiveCreditError(f"invoice {facts.number} owes no more than {facts.currency} {left} by now; credit less")


def _is_credit_of(note: Record, invoice: Record, amount: int) -> bool:
    of = note["party"], -to_minor(note["total_amount"], invoice["currency"]["code"]), note["comment"]
    return of == (invoice["party"], amount, _describe_credited(invoice))


def _describe_credited(invoice: Record) -> str:
    return f"Credits invoice {invoice['number']}"


Share = tuple[int, tuple[int, ...], Decimal]
"""A posting account, taxes, and the amount before taxes."""


def _share_out(invoice: Record, amount: int) -> list[Share]:
    """What is credited, over the accounts and taxes of the invoice; the largest share first. The whole is credited exactly as it was
    asked."""
    currency = invoice["currency"]["code"]
    nets: dict[tuple[int, tuple[int, ...]], Decimal] = defaultdict(Decimal)
    for line in invoice["lines"]:
        if line["type"] == "line":
            nets[line["account"], tuple(sorted(line["taxes"]))] += line["amount"]
    part = to_major(amount, currency) / invoice["total_amount"]
    unit = Decimal(1).scaleb(-minor_digits(currency))
    shares = [(account, taxes, (net * part).quantize(unit)) for (account, taxes), net in nets.items()]
    return sorted((share for share in shares if share[2]), key=lambda share: -abs(share[2]))


def _build_line(invoice: Record, account: int, taxes: Sequence[int], net: Decimal) -> Record:
    return {
        "type": "line",
        "account": account,
        "quantity": -1,
        "unit_price": net,
        "currency": invoice["currency"]["id"],
        "description": f"Credit of invoice {invoice['number']}",
        "taxes": [["add", list(taxes)]],
    }


def _to_books(invoice: Record, amount: int) -> tuple[Decimal, Record]:
    """An amount of the invoice in the currency of the books, at the rate that the invoice was booked at; and what its line says of it."""
    currency, books = invoice["currency"]["code"], invoice["company"]["currency"]["code"]
    major = to_major(amount, currency)
    lines = [line for line in invoice["lines_to_pay"] if dig(line, "second_currency.code") == currency]
    if currency == books or not lines:
        return major, {}
    in_books = sum((line["debit"] - line["credit"] for line in lines), Decimal(0))
    of_invoice = sum((line["amount_second_currency"] for line in lines), Decimal(0))
    unit = Decimal(1).scaleb(-minor_digits(books))
    return (in_books * major / of_invoice).quantize(unit), {
        "amount_second_currency": -major,
        "second_currency": lines[0]["second_currency"]["id"],
    }
