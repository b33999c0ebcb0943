"""Reading Odoo: its changes, invoices, customers, open items, unapplied payments and credit notes."""

import binascii
import re
from base64 import b64decode
from collections import defaultdict
from collections.abc import Sequence
from email.utils import parseaddr

from adapters.billing.changes_by_second import SECOND, SecondCursor, take_page
from adapters.billing.errors import RefusedByBillingError, UnknownAccountError, UnknownInvoiceError
from adapters.billing.external_records import (
    ChangePage,
    CreditPage,
    ExternalAccount,
    ExternalCredit,
    ExternalInvoice,
    InvoiceDocument,
    OpenReceivable,
    OpenReceivablePage,
    SettlementKind,
    UnreadRow,
)
from adapters.billing.unread_rows import build_each, require_built
from adapters.odoo.invoice_records import (
    DUE_FIELDS,
    INVOICE,
    INVOICE_FIELDS,
    PARTIAL_FIELDS,
    PAYING_FIELDS,
    PAYMENT_FIELDS,
    PAYMENTS,
    MoveParts,
    MoveState,
    build_invoice,
    find_settlement_kind,
    is_drawn_back,
    is_issued,
    name_line,
    read_currency,
    read_customer,
    read_open_balance,
)
from adapters.odoo.odoo_api import OdooApi, OdooSettings
from adapters.odoo.odoo_records import Record, parse_id, read_date, read_moment, read_reference, read_text, to_minor, write_moment

PARTNER_FIELDS = ("name", "ref", "email", "lang", "country_code")
_ADDRESSES = re.compile(r"[;,]")


class OdooReader:
    def __init__(self, api: OdooApi, settings: OdooSettings) -> None:
        self._api, self._address, self._company = api, settings.address.rstrip("/"), settings.company
        self._write_off_code, self._write_off_journal = settings.write_off_journal, 0
        self._invoices: list[object] = [["company_id", "=", settings.company], ["move_type", "=", INVOICE]]

    def find_write_off_journal(self) -> int | None:
        """By its code; None where none was named, or there is none of it."""
        if self._write_off_code is None:
            return None
        if not self._write_off_journal:
            domain = [["company_id", "=", self._company], ["code", "=", self._write_off_code]]
            found = self._api.find("account.journal", domain, ("code",), limit=1)
            self._write_off_journal = int(found[0]["id"]) if found else 0
        return self._write_off_journal or None

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        """By `write_date`, which every payment of an invoice moves. Its fraction of a second is known to the database alone: see
        `changes_by_second`. What was issued and is a draft again is gone."""
        place = SecondCursor.parse(cursor)
        domain: list[object] = [*self._invoices]
        if not place.is_beginning:
            domain.append(["write_date", ">=", write_moment(place.at)])
        if place.after is not None:
            domain += [["write_date", "<", write_moment(place.at + SECOND)], ["id", ">", parse_id(place.after)]]
        order = "write_date, id" if place.after is None else "id"
        rows, now = self._api.find_at("account.move", domain, INVOICE_FIELDS, order=order, limit=limit)
        page = take_page(place, [(read_moment(row["write_date"]), str(row["id"])) for row in rows], limit, now)
        taken = rows[: page.taken]
        gone = tuple(str(row["id"]) for row in taken if is_drawn_back(row))
        invoices, unread = self._complete([row for row in taken if is_issued(row)])
        return ChangePage(invoices, gone, str(page.cursor), page.has_more, unread)

    def _read_payments(self, moves: Sequence[Record]) -> None:
        """Let each invoice that is not paid by postings have its payments without one, in one call for all."""
        ids = sorted({payment for move in moves if move["amount_residual"] for payment in move[PAYMENTS]})
        domain = [["id", "in", ids], ["move_id", "=", False]]
        by_id = {payment["id"]: payment for payment in self._api.find("account.payment", domain, PAYMENT_FIELDS)} if ids else {}
        for move in moves:
            move[PAYMENTS] = [by_id[payment] for payment in move[PAYMENTS] if payment in by_id]

    def _complete(self, moves: Sequence[Record]) -> tuple[tuple[ExternalInvoice, ...], tuple[UnreadRow, ...]]:
        """With their due dates and what paid them, in four calls for all."""
        if not moves:
            return (), ()
        self._read_payments(moves)
        return self._build(moves)

    def _build(self, moves: Sequence[Record]) -> tuple[tuple[ExternalInvoice, ...], tuple[UnreadRow, ...]]:
        domain = [["move_id", "in", [move["id"] for move in moves]], ["display_type", "=", "payment_term"]]
        due_lines = self._api.find("account.move.line", domain, DUE_FIELDS)
        ids = [line["id"] for line in due_lines]
        partials = self._api.find("account.partial.reconcile", [["debit_move_id", "in", ids]], PARTIAL_FIELDS) if ids else []
        paying = sorted({read_reference(partial["credit_move_id"]) or 0 for partial in partials})
        lines = self._api.find("account.move.line", [["id", "in", paying]], PAYING_FIELDS) if paying else []
        by_id = {line["id"]: line for line in lines}
        due_of: dict[int | None, list[Record]] = defaultdict(list)
        for line in due_lines:
            due_of[read_reference(line["move_id"])].append(line)
        partials_of: dict[int | None, list[Record]] = defaultdict(list)
        for partial in partials:
            partials_of[read_reference(partial["debit_move_id"])].append(partial)
        journal = self.find_write_off_journal()
        parts = [
            MoveParts(move, due, [partial for line in due for partial in partials_of[line["id"]]], by_id)
            for move in moves
            for due in [due_of[move["id"]]]
        ]
        return build_each(parts, lambda each: build_invoice(each, self._address, journal), lambda each: str(each.move["id"]))

    def read_move(self, external_id: str) -> Record:
        """With its payments. Raises UnknownInvoiceError, also for what is a draft again."""
        rows = self._api.find("account.move", [*self._invoices, ["id", "=", parse_id(external_id)]], INVOICE_FIELDS, limit=1)
        if not rows or not is_issued(rows[0]):
            raise UnknownInvoiceError(f"Odoo has no invoice of the id {external_id!r} that is posted in this company; look for it there")
        self._read_payments(rows)
        return rows[0]

    def read_invoice(self, external_id: str) -> ExternalInvoice:
        return require_built(*self._build([self.read_move(external_id)]))

    def read_due_lines(self, move_id: int) -> list[Record]:
        return self._api.find("account.move.line", [["move_id", "=", move_id], ["display_type", "=", "payment_term"]], DUE_FIELDS)

    def read_partner(self, account_id: str) -> Record:
        """Also one that is archived. Raises UnknownAccountError."""
        found = self._api.find("res.partner", [["id", "=", parse_id(account_id)]], PARTNER_FIELDS, limit=1, with_inactive=True)
        if not found:
            raise UnknownAccountError(f"Odoo has no contact {account_id!r}; look for it there")
        return found[0]

    def read_account(self, account_id: str) -> ExternalAccount:
        """Letters go to its invoice addresses, where it has some, else to its own."""
        partner = self.read_partner(account_id)
        domain = [["parent_id", "=", partner["id"]], ["type", "=", "invoice"]]
        addressed = [*self._api.find("res.partner", domain, ("email",)), partner]
        emails = [parseaddr(part)[1] for each in addressed for part in _ADDRESSES.split(read_text(each["email"]))]
        return ExternalAccount(
            account_id=account_id,
            name=read_text(partner["name"]),
            country=read_text(partner["country_code"]) or None,
            language=read_text(partner["lang"]).partition("_")[0] or None,
            emails=tuple(dict.fromkeys(email for email in emails if email)),
            number=read_text(partner["ref"]),
        )

    def list_open_items(self, cursor: str | None, limit: int) -> OpenReceivablePage:
        """By what postings have not paid, whatever Odoo calls it, less what is in payment."""
        domain = [
            *self._invoices,
            ["state", "=", MoveState.POSTED.value],
            ["amount_residual", ">", 0],
            ["id", ">", parse_id(cursor or "0")],
        ]
        rows = self._api.find("account.move", domain, INVOICE_FIELDS, limit=limit)
        self._read_payments(rows)
        found, unread = build_each([row for row in rows if is_issued(row)], _build_open_item, lambda row: str(row["id"]))
        items = tuple(item for item in found if item.open_balance > 0)
        return OpenReceivablePage(items, str(rows[-1]["id"]) if len(rows) == limit else None, unread)

    def list_credits(self, cursor: str | None, limit: int) -> CreditPage:
        """Lines in the customer's favour that are not, or not wholly, reconciled. A receipt that nobody has assigned to a customer is on
        none. What cannot be read of it is left out: nothing is chased for it."""
        domain = [
            ["company_id", "=", self._company],
            ["parent_state", "=", MoveState.POSTED.value],
            ["account_type", "=", "asset_receivable"],
            ["reconciled", "=", False],
            ["amount_residual_currency", "<", 0],
            ["partner_id", "!=", False],
            ["id", ">", parse_id(cursor or "0")],
        ]
        fields = (*PAYING_FIELDS, "partner_id", "currency_id", "amount_residual_currency")
        rows = self._api.find("account.move.line", domain, fields, limit=limit)
        journal = self.find_write_off_journal()
        credits, _ = build_each(rows, lambda row: _build_credit(row, journal), name_line)
        return CreditPage(credits, str(rows[-1]["id"]) if len(rows) == limit else None)

    def fetch_document(self, external_id: str) -> InvoiceDocument:
        """The PDF that Odoo has kept: it makes it when the invoice is sent or printed there."""
        move = self.read_move(external_id)
        found = self._api.find("account.move", [["id", "=", move["id"]]], ("invoice_pdf_report_file",), limit=1)
        try:
            content = b64decode(read_text(found[0]["invoice_pdf_report_file"]) if found else "")
        except binascii.Error:
            content = b""
        if not content:
            raise RefusedByBillingError(f"Odoo has printed no invoice {move['name']} yet; send or print it there")
        return InvoiceDocument(f"{move['name'].replace('/', '_')}.pdf", "application/pdf", content)


def _build_open_item(row: Record) -> OpenReceivable:
    return OpenReceivable(str(row["id"]), str(read_customer(row)), row["name"], read_currency(row), read_open_balance(row))


def _build_credit(line: Record, write_off_journal: int | None) -> ExternalCredit:
    currency, came_on = read_currency(line), read_date(line["date"])
    assert came_on is not None
    return ExternalCredit(
        external_id=name_line(line),
        account_id=str(read_reference(line["partner_id"])),
        is_credit_note=find_settlement_kind(line, write_off_journal) is SettlementKind.CREDIT_NOTE,
        currency=currency,
        left=-to_minor(line["amount_residual_currency"], currency),
        came_on=came_on,
        reference=read_text(line["ref"]),
    )
