"""An Odoo of our own for tests, in one process, written from the documentation of its JSON-2 interface and the fields of its invoicing app.

It does what has hurt others: what is empty is `false`; moments are answered without the fraction that is compared; a payment that is
registered may leave the residual as it was, and makes the invoice `in_payment` (without the app Accounting `paid`) though it is but part of
what is owed; a credit note is due by the customer's terms; a fully credited invoice is `reversed`; an invoice that is drawn back is a draft
with its number; a note is written again each time it is asked for, and kept as HTML; ids given to a method of the model are refused; a
field that is not there is a failure of the server.
"""

import html
import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from itertools import count
from typing import Any

import httpx

Body = dict[str, Any]
KEY, DATABASE = "odoo-secret-key", "production"
NOW = datetime(2026, 11, 30, 12, 0, 0, 123456, UTC)
RATE = Decimal("1.25")
"""Of any other currency to one EUR, in which the books are kept."""
REFERENCES = {
    "company_id": "res.company",
    "currency_id": "res.currency",
    "company_currency_id": "res.currency",
    "commercial_partner_id": "res.partner",
    "partner_id": "res.partner",
    "parent_id": "res.partner",
    "move_id": "account.move",
    "reversed_entry_id": "account.move",
    "account_id": "account.account",
    "journal_id": "account.journal",
    "debit_move_id": "account.move.line",
    "credit_move_id": "account.move.line",
}
OF_THE_MODEL = {"search_read", "create"}
SALES, BANK, WRITE_OFFS = 1, 2, 3
RECEIVABLE, INCOME, BAD_DEBTS = 1, 2, 3


class OdooRefusal(Exception):
    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status, self.name = status, name


class OdooDouble:
    """What the house's own people do in Odoo are its methods; what comes over HTTP is answered by `transport`."""

    def __init__(self) -> None:
        self.now = NOW
        self.tick = timedelta(milliseconds=400)
        self.calls: list[str] = []
        self.forbidden: set[str] = set()
        self.plans: list[Callable[[httpx.Request], httpx.Response | None]] = []
        self.has_accounting = True
        """Whether there is the app Accounting, by which what is in payment is called so."""
        self.lost_answers: list[str] = []
        """Methods that are carried out the next time, and whose answers are lost."""
        self._ids = count(11)
        self.tables: dict[str, dict[int, Body]] = {
            "res.company": {1: {"name": "Lindenhof", "currency_id": 1}},
            "res.currency": {place: {"name": name} for place, name in enumerate(("EUR", "USD", "JPY", "KWD"), 1)},
            "account.journal": {
                SALES: {"name": "Sales", "code": "INV", "company_id": 1},
                BANK: {"name": "Bank", "code": "BNK", "company_id": 1},
                WRITE_OFFS: {"name": "Write-offs", "code": "WOFF", "company_id": 1},
            },
            "account.account": {
                RECEIVABLE: {"name": "Receivable", "code": "121000", "type": "asset_receivable"},
                INCOME: {"name": "Sales", "code": "400000", "type": "income"},
                BAD_DEBTS: {"name": "Bad debts", "code": "654000", "type": "expense"},
            },
            "account.tax": {
                1: {"name": "19 %", "rate": 19, "price_include": False},
                2: {"name": "19 % in", "rate": 19, "price_include": True},
            },
            **{model: {} for model in ("res.partner", "account.move", "account.move.line", "account.partial.reconcile", "mail.message")},
            "account.payment": {},
        }
        self.transport = httpx.MockTransport(self._answer)

    # --- what is kept

    def _touch(self, record: Body) -> None:
        self.now += self.tick
        record["write_date"] = self.now

    def _add(self, table: str, **values: Any) -> int:
        record = {"id": next(self._ids), **values}
        self.tables[table][record["id"]] = record
        self._touch(record)
        return int(record["id"])

    def _currency(self, name: str) -> int:
        return next(key for key, each in self.tables["res.currency"].items() if each["name"] == name)

    def lines_of(self, move: int, kind: str | None = None) -> list[Body]:
        lines = self.tables["account.move.line"].values()
        return [line for line in lines if line["move_id"] == move and kind in (None, line["display_type"])]

    def _add_line(self, move: int, kind: str, account: int, amount: Decimal, **values: Any) -> int:
        of = self.tables["account.move"][move]
        rate = Decimal(1) if of["currency_id"] == 1 else RATE
        line = {
            "move_id": move,
            "display_type": kind,
            "account_id": account,
            "account_type": self.tables["account.account"][account]["type"],
            "amount_currency": amount,
            "balance": amount / rate,
            "amount_residual_currency": amount if account == RECEIVABLE else Decimal(0),
            "reconciled": False,
            "parent_state": of["state"],
            "move_type": of["move_type"],
            "journal_id": of["journal_id"],
            "company_id": 1,
            "currency_id": of["currency_id"],
            "partner_id": of["commercial_partner_id"],
            "date": of["date"],
            "ref": of["ref"],
            "name": False,
            "date_maturity": False,
            "tax_ids": [],
            "price_subtotal": 0,
            "price_total": 0,
        }
        return self._add("account.move.line", **(line | values))

    def _add_move(self, move_type: str, partner: int | bool, currency: int = 1, journal: int = SALES, **values: Any) -> int:
        move: Body = {
            "move_type": move_type,
            "state": "draft",
            "payment_state": "not_paid",
            "name": False,
            "invoice_date": False,
            "invoice_date_due": False,
            "date": self.now.date().isoformat(),
            "amount_total": Decimal(0),
            "amount_residual": Decimal(0),
            "currency_id": currency,
            "company_currency_id": 1,
            "company_id": 1,
            "journal_id": journal,
            "partner_id": partner,
            "commercial_partner_id": (self.tables["res.partner"][int(partner)]["parent_id"] or partner) if partner else False,
            "payment_reference": False,
            "ref": False,
            "narration": False,
            "reversed_entry_id": False,
            "posted_before": False,
            "access_url": "#",
            "access_token": False,
            "invoice_pdf_report_file": False,
            "has_unmatched_payment": False,
            "matched_payment_ids": [],
            "invoice_payment_term_id": False,
        }
        return self._add("account.move", **(move | values))

    def _post(self, move_id: int) -> None:
        move = self.tables["account.move"][move_id]
        if move["state"] != "draft":
            raise OdooRefusal(422, "odoo.exceptions.UserError", f"The entry {move['name']} must be in draft.")
        if sum((line["balance"] for line in self.lines_of(move_id)), Decimal(0)).quantize(Decimal("0.01")):
            raise OdooRefusal(422, "odoo.exceptions.UserError", "The entry is not balanced.")
        prefix = {"out_invoice": "INV", "out_refund": "RINV", "entry": "MISC"}[move["move_type"]]
        move |= {"state": "posted", "posted_before": True, "name": move["name"] or f"{prefix}/2026/{move_id:05d}"}
        move["access_url"] = f"/my/invoices/{move_id}"
        for line in self.lines_of(move_id):
            line["parent_state"] = "posted"
        self._settle(move_id)

    def _settle(self, move_id: int) -> None:
        """Count anew what is owed of a move and by what it was paid."""
        move = self.tables["account.move"][move_id]
        terms = self.lines_of(move_id, "payment_term")
        residual = sum((line["amount_residual_currency"] for line in terms), Decimal(0))
        move["amount_residual"] = abs(residual)
        ids = {line["id"] for line in terms}
        partials = [each for each in self.tables["account.partial.reconcile"].values() if each["debit_move_id"] in ids]
        kinds = {self.tables["account.move.line"][each["credit_move_id"]]["move_type"] for each in partials}
        payments = [self.tables["account.payment"][each] for each in move["matched_payment_ids"]]
        unposted = {payment["state"] for payment in payments if not payment["move_id"]}
        in_payment = "in_payment" if self.has_accounting else "paid"
        if residual and ("in_process" in unposted or ("paid" in unposted and not partials)):
            move["payment_state"] = in_payment
        elif not partials:
            move["payment_state"] = "not_paid"
        elif residual:
            move["payment_state"] = "partial"
        elif kinds == {"out_refund"}:
            move["payment_state"] = "reversed"
        else:
            move["payment_state"] = in_payment if "entry" in kinds and move["has_unmatched_payment"] else "paid"
        self._touch(move)

    # --- what people do there

    def add_partner(
        self, name: str, email: str | bool = "books@customer.example", parent: int | bool = False, kind: str = "contact"
    ) -> int:
        values = {
            "name": name,
            "ref": False,
            "email": email,
            "lang": "de_DE",
            "country_code": "DE",
            "parent_id": parent,
            "type": kind,
            "active": True,
        }
        return self._add("res.partner", property_payment_term_id=1, **values)

    def issue_invoice(
        self,
        partner: int,
        total: Decimal,
        dues: Sequence[tuple[date, Decimal]],
        currency: str = "EUR",
        tax: int | None = None,
        **values: Any,
    ) -> int:
        """`dues`: each due date with its share, which add up to the total."""
        move = self._add_move("out_invoice", partner, self._currency(currency), amount_total=total)
        net = (total / Decimal("1.19")).quantize(Decimal("0.01")) if tax else total
        taxed = {"tax_ids": [tax] if tax else [], "price_subtotal": net, "price_total": total}
        self._add_line(move, "product", INCOME, -net, **taxed)
        if total != net:
            self._add_line(move, "tax", INCOME, net - total)
        for due, share in dues:
            self._add_line(move, "payment_term", RECEIVABLE, share, date_maturity=due.isoformat())
        issued = dues[0][0] - timedelta(30)
        made = {"invoice_date": issued.isoformat(), "invoice_date_due": dues[-1][0].isoformat(), "payment_reference": f"RF-{move}"}
        printed = b64encode(b"%PDF-1.7 the invoice").decode()
        self.tables["account.move"][move] |= made | {"invoice_pdf_report_file": printed, "access_token": f"token-{move}"} | values
        self._post(move)
        return move

    def receive(self, partner: int, amount: Decimal, currency: str = "EUR") -> int:
        """A payment that is posted and assigned to nothing; its line in the customer's favour."""
        move = self._add_move("entry", partner, self._currency(currency), BANK)
        self._add_line(move, "product", INCOME, amount)
        line = self._add_line(move, "payment_term", RECEIVABLE, -amount)
        self._post(move)
        return line

    def assign(self, invoice: int, line_id: int) -> None:
        line = self.tables["account.move.line"][line_id]
        for due in sorted(self.lines_of(invoice, "payment_term"), key=lambda each: each["date_maturity"]):
            amount = min(due["amount_residual_currency"], -line["amount_residual_currency"])
            if amount <= 0:
                continue
            self._add(
                "account.partial.reconcile",
                debit_move_id=due["id"],
                credit_move_id=line_id,
                debit_amount_currency=amount,
                max_date=max(str(line["date"]), str(self.tables["account.move"][invoice]["date"])),
            )
            for each, sign in ((due, -1), (line, 1)):
                each["amount_residual_currency"] += sign * amount
                each["reconciled"] = not each["amount_residual_currency"]
                self._touch(each)
        self._settle(line["move_id"])
        self._settle(invoice)

    def pay(self, invoice: int, amount: Decimal, *, is_matched: bool = True) -> int:
        move = self.tables["account.move"][invoice]
        line = self.receive(move["partner_id"], amount, str(self.tables["res.currency"][move["currency_id"]]["name"]))
        move["has_unmatched_payment"] = not is_matched
        self.assign(invoice, line)
        return line

    def register_payment(self, invoice: int, amount: Decimal, currency: str = "EUR") -> int:
        """Since Odoo 18: a payment without a posting, before the bank knows of it."""
        values = {"amount": amount, "currency_id": self._currency(currency), "state": "in_process", "move_id": False}
        payment = self._add("account.payment", date=self.now.date().isoformat(), **values)
        self.tables["account.move"][invoice]["matched_payment_ids"].append(payment)
        self._settle(invoice)
        return payment

    def end_payment(self, payment: int, state: str) -> None:
        """The bank rejected it, or carried it out; then its line pays the invoice, where it is matched with it."""
        self.tables["account.payment"][payment]["state"] = state
        for move in self.tables["account.move"].values():
            if payment in move["matched_payment_ids"]:
                self._settle(move["id"])

    def issue_credit_note(self, invoice: int, instalments: Sequence[Decimal], ref: str) -> int:
        """One that is posted, and of which nothing is assigned."""
        of = self.tables["account.move"][invoice]
        note = self._add_move("out_refund", of["partner_id"], of["currency_id"], ref=ref, reversed_entry_id=invoice)
        total = self.tables["account.move"][note]["amount_total"] = sum(instalments, Decimal(0))
        self._add_line(note, "product", INCOME, total, price_subtotal=total, price_total=total)
        for share in instalments:
            self._add_line(note, "payment_term", RECEIVABLE, -share, date_maturity=of["date"])
        self._post(note)
        return note

    def take_back(self, invoice: int) -> None:
        ids = {line["id"] for line in self.lines_of(invoice)}
        partials = self.tables["account.partial.reconcile"]
        for partial in [each for each in partials.values() if each["debit_move_id"] in ids]:
            for line, sign in ((partial["debit_move_id"], 1), (partial["credit_move_id"], -1)):
                each = self.tables["account.move.line"][line]
                each["amount_residual_currency"] += sign * partial["debit_amount_currency"]
                each["reconciled"] = False
            del partials[partial["id"]]
        self._settle(invoice)

    def set_state(self, move_id: int, state: str) -> None:
        """Cancel it, or draw it back."""
        move = self.tables["account.move"][move_id]
        move |= {"state": state, "payment_state": "not_paid"}
        for line in self.lines_of(move_id):
            line["parent_state"] = state
        self._touch(move)

    # --- over HTTP

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.plans and (planned := self.plans.pop(0)(request)) is not None:
            return planned
        prefix, model, method = request.url.path.rsplit("/", 2)
        assert prefix == "/json/2"
        self.calls.append(f"{model}.{method}")
        try:
            self._require_known(request, model)
            result = self._call(model, method, json.loads(request.content))
        except OdooRefusal as refusal:
            error = {"name": refusal.name, "message": str(refusal), "arguments": [str(refusal)], "context": {}, "debug": "Traceback"}
            return self._respond(refusal.status, error)
        if method in self.lost_answers:
            self.lost_answers.remove(method)
            raise httpx.ReadTimeout("the answer is lost")
        return self._respond(200, result)

    def _respond(self, status: int, body: object) -> httpx.Response:
        headers = {"date": format_datetime(self.now, usegmt=True), "content-type": "application/json; charset=utf-8"}
        return httpx.Response(status, content=json.dumps(body, default=encode), headers=headers)

    def _require_known(self, request: httpx.Request, model: str) -> None:
        if request.headers.get("authorization") != f"bearer {KEY}":
            raise OdooRefusal(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey")
        assert request.headers["x-odoo-database"] == DATABASE
        if model in self.forbidden:
            raise OdooRefusal(403, "odoo.exceptions.AccessError", f"You are not allowed to access '{model}' records.")
        if model not in self.tables:
            raise OdooRefusal(404, "werkzeug.exceptions.NotFound", f"the model '{model}' does not exist")

    def _call(self, model: str, method: str, body: Body) -> object:
        context, ids = body.pop("context", {}), body.pop("ids", [])
        if method in OF_THE_MODEL and ids:
            raise OdooRefusal(422, "werkzeug.exceptions.UnprocessableEntity", f"cannot call {model}.{method} with ids")
        for record_id in ids:
            if record_id not in self.tables[model]:
                raise OdooRefusal(404, "odoo.exceptions.MissingError", "Record does not exist or has been deleted.")
        match method:
            case "search_read":
                return self._search_read(model, body, with_inactive=not context.get("active_test", True))
            case "create":
                return [self._create(model, values) for values in body["vals_list"]]
            case "write":
                for record_id in ids:
                    self._write(model, record_id, body["vals"])
                return True
            case "unlink":
                for record_id in ids:
                    self._unlink(record_id)
                return True
            case "action_post":
                for record_id in ids:
                    self._post(record_id)
                return False
            case "js_assign_outstanding_line":
                self.assign(ids[0], body["line_id"])
                return None
            case "has_access":
                return body["operation"] == "create"
            case "message_post":
                body = {"model": model, "res_id": ids[0], "body": f"<p>{html.escape(body['body'], quote=False)}</p>"}
                return [self._add("mail.message", **body)]
        raise OdooRefusal(404, "werkzeug.exceptions.NotFound", f"'{model}' object has no attribute '{method}'")

    def _search_read(self, model: str, body: Body, *, with_inactive: bool) -> list[Body]:
        assert body.keys() <= {"domain", "fields", "order", "limit", "offset"}
        rows = [{"id": key, **each} for key, each in self.tables[model].items() if with_inactive or each.get("active", True)]
        for field, *_ in body["domain"]:
            self._require_field(model, field)
        found = [row for row in rows if all(is_met(row, *condition) for condition in body["domain"])]
        for name in reversed(str(body.get("order", "id")).split(",")):
            found.sort(key=lambda row: row[name.strip()])
        return [self._show(row, body["fields"], model) for row in found[: body.get("limit")]]

    def _require_field(self, model: str, field: str) -> None:
        rows = self.tables[model].values()
        if rows and field not in {"id", *next(iter(rows))}:
            raise OdooRefusal(500, "builtins.ValueError", f"Invalid field '{field}' on '{model}'")

    def _show(self, row: Body, fields: Sequence[str], model: str) -> Body:
        shown: Body = {"id": row["id"]}
        for field in fields:
            self._require_field(model, field)
            value = row[field]
            if isinstance(value, list):
                value = list(value)
            elif field in REFERENCES and value:
                value = [value, self.tables[REFERENCES[field]][value].get("name") or "/"]
            shown[field] = value
        return shown

    def _create(self, model: str, values: Body) -> int:
        assert model == "account.move"
        values = dict(values)
        invoice_lines, lines = values.pop("invoice_line_ids", []), values.pop("line_ids", [])
        partner = values.get("partner_id") or (lines[0][2]["partner_id"] if lines else False)
        currency = values.get("currency_id") or (lines[0][2]["currency_id"] if lines else 1)
        values.setdefault("invoice_payment_term_id", self.tables["res.partner"][partner]["property_payment_term_id"])
        move = self._add_move(values.pop("move_type"), partner, currency, values.pop("journal_id", SALES), **values)
        for _, _, line in invoice_lines:
            self._add_invoice_line(move, line)
        for _, _, line in lines:
            kind = "payment_term" if line["account_id"] == RECEIVABLE else "product"
            amount, balance = (Decimal(str(line[name])) for name in ("amount_currency", "balance"))
            self._add_line(move, kind, line["account_id"], amount, balance=balance, name=line["name"])
        return move

    def _add_invoice_line(self, move: int, line: Body) -> None:
        """Of a credit note: it takes from the income what the invoice gave, and its taxes. A term is here the number of its instalments."""
        price, tax_ids = Decimal(str(line["price_unit"])), line["tax_ids"][0][2]
        taxes = [self.tables["account.tax"][tax] for tax in tax_ids]
        net = gross = price
        for tax in taxes:
            factor = 1 + Decimal(tax["rate"]) / 100
            net, gross = ((price / factor).quantize(Decimal("0.01")), price) if tax["price_include"] else (price, (price * factor))
        gross = gross.quantize(Decimal("0.01"))
        self._add_line(move, "product", line["account_id"], net, tax_ids=tax_ids, price_subtotal=net, price_total=gross)
        if gross != net:
            self._add_line(move, "tax", INCOME, gross - net)
        of = self.tables["account.move"][move]
        of["amount_total"] += gross
        for term in self.lines_of(move, "payment_term"):
            del self.tables["account.move.line"][term["id"]]
        count = int(of["invoice_payment_term_id"] or 1)
        share = (of["amount_total"] / count).quantize(Decimal("0.01"))
        for part in (*[share] * (count - 1), of["amount_total"] - share * (count - 1)):
            self._add_line(move, "payment_term", RECEIVABLE, -part, date_maturity=of["date"])

    def _write(self, model: str, record_id: int, values: Body) -> None:
        assert model == "account.move"
        for _, _, line in values["invoice_line_ids"]:
            self._add_invoice_line(record_id, line)

    def _unlink(self, move_id: int) -> None:
        if self.tables["account.move"][move_id]["state"] == "posted":
            raise OdooRefusal(422, "odoo.exceptions.UserError", "You cannot delete a posted entry.")
        for line in self.lines_of(move_id):
            del self.tables["account.move.line"][line["id"]]
        del self.tables["account.move"][move_id]


def encode(value: object) -> object:
    """Moments lose their fraction; amounts are numbers."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)


def is_met(row: Body, field: str, operator: str, wanted: Any) -> bool:
    value = row[field]
    if isinstance(value, datetime):
        wanted = datetime.strptime(wanted, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    match operator:
        case "=":
            return bool(value == wanted)
        case "!=":
            return bool(value != wanted)
        case "in":
            return value in wanted
        case ">":
            return bool(value > wanted)
        case ">=":
            return bool(value >= wanted)
        case "<":
            return bool(value < wanted)
        case "like":
            return str(wanted) in str(value)
    raise OdooRefusal(500, "builtins.ValueError", f"Invalid operator '{operator}'")
