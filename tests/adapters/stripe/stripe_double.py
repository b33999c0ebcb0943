"""A Stripe of our own for tests, in one process, written from Stripe's published description of its API of one version.

It answers what the adapter calls, and does what has hurt others: it lists newest first, and gives pages with fewer objects than were asked
for; several events have one second and no order; a deleted customer is answered as a stub; search finds nothing that is younger than a
minute; an answer to an idempotency key is kept, failures as well; a credit note is mailed unless that is declined; a resumption that makes
an invoice waits for its payment. Fields that the version no longer has are not there.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import httpx

Body = dict[str, Any]
VERSION = "2026-10-28.endive"
KEY = "rk_test_duecourse"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SEARCH_LAG = timedelta(minutes=1)
KEPT = timedelta(days=30)
_PART = re.compile(r"\[([^\]]*)\]")


class StripeRefusal(Exception):
    def __init__(self, status: int, message: str, code: str | None = None, type_: str = "invalid_request_error", **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": type_, **({"code": code} if code else {}), **more}}


class StripeDouble:
    """What the house's own people do in Stripe are its methods; what comes over HTTP is answered by `transport`."""

    def __init__(self) -> None:
        self.now = NOW
        self.objects: dict[str, dict[str, Body]] = {}
        self.calls: list[tuple[str, str]] = []
        self.mailed: list[str] = []
        self.forbidden: set[str] = set()
        self.page_size = 100
        self.per_second = 3
        """How many things happen in one second."""
        self.plans: list[Callable[[httpx.Request], httpx.Response | None]] = []
        """What happens to the next requests instead; None: it is answered as ever."""
        self.lost_answers = 0
        """How many changes are made, and then their answers lost."""
        self._kept: dict[str, tuple[tuple[str, str, str], httpx.Response]] = {}
        self._updated: dict[str, datetime] = {}
        self._numbers, self._ticks = count(1), count(1)
        self.transport = httpx.MockTransport(self._answer)

    # --- what is kept

    def _tick(self) -> int:
        if next(self._ticks) % self.per_second == 0:
            self.now += timedelta(seconds=1)
        return int(self.now.timestamp())

    def _add(self, kind: str, prefix: str, **values: Any) -> Body:
        record = {"id": f"{prefix}_{next(self._numbers):06d}", "object": kind, "created": self._tick(), "metadata": {}, **values}
        self.objects.setdefault(kind, {})[record["id"]] = record
        return record

    def _tell(self, event: str, record: Body) -> None:
        self._updated[record["id"]] = self.now
        self._add("event", "evt", type=event, api_version=VERSION, data={"object": json.loads(json.dumps(record))})

    def _find(self, kind: str, id_: str, parameter: str = "id") -> Body:
        try:
            return self.objects[kind][id_]
        except KeyError:
            raise StripeRefusal(404, f"No such {kind}: '{id_}'", "resource_missing", param=parameter) from None

    # --- what people do there

    def add_customer(self, name: str, email: str | None = "books@customer.example", *, subscribed: bool = True) -> str:
        customer = self._add(
            "customer",
            "cus",
            name=name,
            email=email,
            description=None,
            balance=0,
            currency=None,
            preferred_locales=["de-DE"],
            address={"country": "DE"},
            cash_balance={"available": None},
        )
        if subscribed:
            self.add_subscription(customer["id"])
        return str(customer["id"])

    def add_endpoint(self, version: str | None = VERSION) -> None:
        self._add("webhook_endpoint", "we", status="enabled", api_version=version)

    def add_subscription(self, customer: str, *, status: str = "active", billing_mode: str = "flexible") -> Body:
        mode = {"type": billing_mode}
        return self._add("subscription", "sub", customer=customer, status=status, billing_mode=mode, schedule=None, pause_collection=None)

    def delete_customer(self, customer: str) -> None:
        self.objects["customer"][customer] = {"id": customer, "object": "customer", "deleted": True}

    def issue_invoice(self, customer: str, total: int, due: datetime | None, currency: str = "eur", **more: Any) -> str:
        """It takes what it can of the customer's credit balance, as it does when it is finalized."""
        owner = self._find("customer", customer)
        owner["currency"] = owner["currency"] or currency
        before = owner["balance"]
        taken = min(-before, total) if before < 0 else 0
        owner["balance"] += taken
        at = int(self.now.timestamp())
        invoice = self._add(
            "invoice",
            "in",
            customer=customer,
            currency=currency,
            total=total,
            status="open",
            number=f"DC-{len(self.objects.get('invoice', {})) + 1:04d}",
            amount_due=total - taken,
            amount_paid=0,
            amount_remaining=total - taken,
            starting_balance=before,
            ending_balance=owner["balance"],
            pre_payment_credit_notes_amount=0,
            post_payment_credit_notes_amount=0,
            due_date=int(due.timestamp()) if due else None,
            effective_at=at,
            collection_method="send_invoice" if due else "charge_automatically",
            auto_advance=True,
            attempted=False,
            next_payment_attempt=None if due else at + 3_600,
            status_transitions={"finalized_at": at, "paid_at": None, "marked_uncollectible_at": None, "voided_at": None},
        )
        invoice["hosted_invoice_url"] = f"https://invoice.stripe.example/i/{invoice['id']}"
        invoice["invoice_pdf"] = f"https://pay.stripe.example/invoice/{invoice['id']}/pdf"
        invoice |= more
        self._tell("invoice.finalized", invoice)
        return str(invoice["id"])

    def draft_invoice(self, customer: str, total: int) -> str:
        return self.issue_invoice(customer, total, self.now, status="draft", number=None)

    def pay(self, invoice_id: str, amount: int, *, from_cash: bool = False, also_older_event: bool = False) -> None:
        invoice = self._find("invoice", invoice_id)
        used = min(amount, invoice["amount_remaining"])
        details = {"type": "customer_balance" if from_cash else "card"}
        charge = self._add("charge", "ch", payment_method_details=details)
        intent = self._add("payment_intent", "pi", latest_charge=charge["id"])
        payment = self._add(
            "invoice_payment",
            "inpay",
            invoice=invoice_id,
            amount_paid=used,
            amount_requested=amount,
            currency=invoice["currency"],
            status="paid",
            status_transitions={"paid_at": int(self.now.timestamp()), "canceled_at": None},
            payment={"type": "payment_intent", "payment_intent": intent["id"]},
        )
        before = json.loads(json.dumps(invoice))
        invoice["amount_paid"] += used
        invoice["amount_remaining"] -= used
        self._close(invoice)
        self._tell("invoice_payment.paid", payment)
        self._tell("invoice.updated", invoice)
        if also_older_event:
            self._tell("invoice.updated", before)

    def fail_charge(self, invoice_id: str, following: datetime | None) -> None:
        """The card is declined. `following`: when it is charged anew; None: it was the last time."""
        invoice = self._find("invoice", invoice_id)
        invoice |= {"attempted": True, "next_payment_attempt": int(following.timestamp()) if following else None}
        self._tell("invoice.payment_failed", invoice)
        self._tell("invoice.updated", invoice)

    def receive_transfer(self, customer: str, amount: int, currency: str = "eur") -> None:
        """Money comes by bank transfer, and nobody knows yet what it is for."""
        owner = self._find("customer", customer)
        available = owner["cash_balance"]["available"] or {}
        owner["cash_balance"]["available"] = {**available, currency: available.get(currency, 0) + amount}
        self._tell(
            "customer_cash_balance_transaction.created", self._add("customer_cash_balance_transaction", "ccsbtxn", customer=customer)
        )

    def use_transfer(self, customer: str, invoice_id: str) -> None:
        """Money that came by bank transfer pays an invoice, as far as it goes."""
        available = self._find("customer", customer)["cash_balance"]["available"]
        invoice = self._find("invoice", invoice_id)
        used = min(available[invoice["currency"]], invoice["amount_remaining"])
        available[invoice["currency"]] -= used
        self.pay(invoice_id, used, from_cash=True)

    def void(self, invoice_id: str) -> None:
        invoice = self._find("invoice", invoice_id)
        invoice |= {"status": "void", "amount_remaining": 0}
        self._tell("invoice.voided", invoice)

    def delete_invoice(self, invoice_id: str) -> None:
        self._tell("invoice.deleted", self.objects["invoice"].pop(invoice_id))

    def void_credit_note(self, note_id: str) -> None:
        note = self._find("credit_note", note_id)
        invoice = self._find("invoice", note["invoice"])
        note["status"] = "void"
        for name in ("amount_remaining", "amount_due"):
            invoice[name] += note["pre_payment_amount"]
        invoice["pre_payment_credit_notes_amount"] -= note["pre_payment_amount"]
        self._tell("credit_note.voided", note)

    def mark_uncollectible(self, invoice_id: str) -> None:
        invoice = self._find("invoice", invoice_id)
        if invoice["status"] != "open":
            raise StripeRefusal(400, "You can only mark an open invoice as uncollectible.")
        invoice["status"] = "uncollectible"
        invoice["status_transitions"]["marked_uncollectible_at"] = int(self.now.timestamp())
        self._tell("invoice.marked_uncollectible", invoice)

    def _close(self, invoice: Body) -> None:
        if not invoice["amount_remaining"] and invoice["status"] in ("open", "uncollectible"):
            invoice["status"] = "paid"
            invoice["status_transitions"]["paid_at"] = int(self.now.timestamp())

    # --- over HTTP

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.plans and (planned := self.plans.pop(0)(request)) is not None:
            return planned
        if request.url.host == "pay.stripe.example":
            assert "authorization" not in request.headers
            return httpx.Response(200, content=b"%PDF-1.7 the invoice", headers={"content-type": "application/pdf"})
        path = request.url.path.removeprefix("/v1/")
        self.calls.append((request.method, path))
        try:
            answer = self._answer_once(request, path)
        except StripeRefusal as refusal:
            answer = self._respond(refusal.status, refusal.body)
        if request.method == "POST" and self.lost_answers:
            self.lost_answers -= 1
            raise httpx.ReadTimeout("the answer is lost")
        return answer

    def _respond(self, status: int, body: Body) -> httpx.Response:
        headers = {"date": format_datetime(self.now, usegmt=True), "request-id": "req_1"}
        return httpx.Response(status, json=json.loads(json.dumps(body)), headers=headers)

    def _answer_once(self, request: httpx.Request, path: str) -> httpx.Response:
        if request.headers["authorization"] != f"Bearer {KEY}":
            raise StripeRefusal(401, "Invalid API Key provided: rk_test_*****")
        assert request.headers["stripe-version"] == VERSION, "each call names the version"
        permission = f"{path.partition('/')[0]}:{request.method}"
        if permission in self.forbidden:
            raise StripeRefusal(403, f"The provided key does not have the required permissions. Having '{permission}' would allow it.")
        if request.method == "GET":
            return self._respond(200, self._get(path, read_form(request.url.query.decode())))
        key, body = request.headers["idempotency-key"], request.content.decode()
        asked = (request.method, path, body)
        if key in self._kept:
            first, answer = self._kept[key]
            if first != asked:
                raise StripeRefusal(
                    400, "Keys for idempotent requests can only be used with the same parameters", type_="idempotency_error"
                )
            return httpx.Response(answer.status_code, content=answer.content, headers={**answer.headers, "idempotent-replayed": "true"})
        try:
            answer = self._respond(200, self._post(path, read_form(body)))
        except StripeRefusal as refusal:
            answer = self._respond(refusal.status, refusal.body)
        self._kept[key] = (asked, answer)
        return answer

    def forget_keys(self) -> None:
        """A day has passed."""
        self._kept.clear()

    def fail_and_keep(self, request: httpx.Request) -> httpx.Response:
        """Stripe fails, and keeps that as the answer to the key."""
        answer = self._respond(500, {"error": {"message": "An unknown error occurred", "type": "api_error"}})
        asked = (request.method, request.url.path.removeprefix("/v1/"), request.content.decode())
        self._kept[request.headers["idempotency-key"]] = (asked, answer)
        return answer

    def _get(self, path: str, query: Body) -> Body:
        match path.split("/"):
            case ["account"]:
                return {"id": "acct_1", "object": "account", "settings": {"dashboard": {"display_name": "Lindenhof"}}}
            case ["invoices", "search"]:
                return self._search(query["query"])
            case ["webhook_endpoints"]:
                return self._list("webhook_endpoint", query)
            case [("invoices" | "customers") as plural, id_]:
                return self._find(plural.removesuffix("s"), id_)
            case [plural]:
                return self._list(plural.removesuffix("s"), query)
        raise StripeRefusal(404, f"Unrecognized request URL (GET: /v1/{path}).")

    def _search(self, query: str) -> Body:
        found = re.fullmatch(r"metadata\['(\w+)'\]:'(.*)'", query)
        assert found is not None, query
        old = self.now - SEARCH_LAG
        wanted = [each for each in self.objects.get("invoice", {}).values() if each["metadata"].get(found[1]) == found[2]]
        return {"object": "search_result", "data": [each for each in wanted if self._updated[each["id"]] <= old], "has_more": False}

    def _list(self, kind: str, query: Body) -> Body:
        limit = int(query.get("limit", 10))
        if not 1 <= limit <= 100:
            raise StripeRefusal(400, "This value must be less than or equal to 100", param="limit")
        records = sorted(self.objects.get(kind, {}).values(), key=lambda each: (each.get("created", 0), each["id"]), reverse=True)
        records = [each for each in records if not each.get("deleted")]
        if kind == "event":
            records = [each for each in records if each["created"] > (self.now - KEPT).timestamp()]
        if after := query.get("starting_after"):
            places = [place for place, each in enumerate(records) if each["id"] == after]
            if not places:
                raise StripeRefusal(400, f"No such {kind}: '{after}'", "resource_missing", param="starting_after")
            records = records[places[0] + 1 :]
        records = [each for each in records if is_wanted(each, query)]
        size = min(limit, self.page_size)
        page = [self._expand(each, query.get("expand", {})) for each in records[:size]]
        return {"object": "list", "data": page, "has_more": len(records) > size}

    def _expand(self, record: Body, expand: Body) -> Body:
        """What was asked for stands there whole; else its id, or nothing."""
        shown: Body = json.loads(json.dumps(record))
        paths = set(expand.values())
        if record["object"] == "customer" and "data.cash_balance" not in paths:
            shown.pop("cash_balance", None)
        if "data.payment.payment_intent.latest_charge" in paths:
            intent = dict(self._find("payment_intent", record["payment"]["payment_intent"]))
            intent["latest_charge"] = self._find("charge", intent["latest_charge"])
            shown["payment"]["payment_intent"] = intent
        return shown

    def _post(self, path: str, form: Body) -> Body:
        match path.split("/"):
            case ["credit_notes"]:
                return self._issue_credit_note(form)
            case ["invoices", id_, "mark_uncollectible"]:
                self.mark_uncollectible(self._find("invoice", id_)["id"])
                return self._find("invoice", id_)
            case ["subscriptions", id_, "pause"]:
                return self._pause_service(self._find("subscription", id_), form)
            case ["subscriptions", id_, "resume"]:
                return self._resume_service(self._find("subscription", id_), form)
            case [("invoices" | "customers" | "subscriptions") as plural, id_]:
                return self._update(self._find(plural.removesuffix("s"), id_), form)
        raise StripeRefusal(404, f"Unrecognized request URL (POST: /v1/{path}).")

    def _update(self, record: Body, form: Body) -> Body:
        for name, value in form.items():
            if name == "metadata":
                for key, text in value.items():
                    assert len(key) <= 40, key
                    assert len(text) <= 500, text
                    record["metadata"] = {**record["metadata"], key: text}
                record["metadata"] = {key: text for key, text in record["metadata"].items() if text}
            elif name == "pause_collection":
                record[name] = {**value, "resumes_at": None} if value else None
            else:
                raise StripeRefusal(400, f"Received unknown parameter: {name}", "parameter_unknown", param=name)
        self._tell(f"{record['object']}.updated", record)
        return record

    def _issue_credit_note(self, form: Body) -> Body:
        invoice = self._find("invoice", form["invoice"], "invoice")
        amount = int(form["amount"])
        if invoice["status"] not in ("open", "paid") or amount > invoice["amount_remaining"]:
            raise StripeRefusal(400, "The sum of refunds, credits and outside payments must equal the post payment amount.")
        if form.get("email_type", "credit_note") == "credit_note":
            self.mailed.append(invoice["customer"])
        note = self._add(
            "credit_note",
            "cn",
            invoice=invoice["id"],
            customer=invoice["customer"],
            currency=invoice["currency"],
            amount=amount,
            pre_payment_amount=amount,
            post_payment_amount=0,
            status="issued",
            number=f"{invoice['number']}-CN-{next(self._numbers)}",
            memo=form.get("memo"),
        )
        note["metadata"] = form.get("metadata", {})
        invoice["pre_payment_credit_notes_amount"] += amount
        for name in ("amount_remaining", "amount_due"):
            invoice[name] -= amount
        self._close(invoice)
        self._tell("credit_note.created", note)
        self._tell("invoice.updated", invoice)
        return note

    def _pause_service(self, subscription: Body, form: Body) -> Body:
        if subscription["billing_mode"]["type"] != "flexible" or subscription["schedule"]:
            raise StripeRefusal(400, "Only subscriptions with the flexible billing mode and no schedule can be paused.")
        if subscription["status"] != "active":
            raise StripeRefusal(400, "Only an active subscription can be paused.")
        assert form == {"type": "subscription", "bill_for": {"unused_time_from": {"type": "none"}}}
        return self._set_status(subscription, "paused")

    def _resume_service(self, subscription: Body, form: Body) -> Body:
        if subscription["status"] != "paused":
            raise StripeRefusal(400, "Only a paused subscription can be resumed.")
        makes_invoice = form.get("billing_cycle_anchor") != {"type": "unchanged"} or form.get("proration_behavior") != "none"
        return subscription if makes_invoice else self._set_status(subscription, "active")

    def _set_status(self, subscription: Body, status: str) -> Body:
        subscription["status"] = status
        return subscription


def is_wanted(record: Body, query: Body) -> bool:
    """Whether a list has it: by the filters that the adapter uses."""
    for name in ("customer", "invoice", "status"):
        if query.get(name) not in (None, "all", record.get(name)):
            return False
    if types := query.get("types"):
        assert len(types) <= 20
        if record["type"] not in types.values():
            return False
    created = query.get("created", {})
    return record["created"] >= int(created.get("gte", 0)) if created else True


def read_form(text: str) -> Body:
    """Take apart a form as Stripe does: `a[b][]=1` is a mapping in a mapping, whose names are numbers where it is a list."""
    form: Body = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        first, _, rest = name.partition("[")
        parts = [first, *_PART.findall(f"[{rest}" if rest else "")]
        place = form
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        place[parts[-1] or str(len(place))] = value
    return form
