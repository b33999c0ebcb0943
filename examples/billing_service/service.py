"""The house's API. `uvicorn examples.billing_service.service:app --port 8090` serves it to whoever has the token."""

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel

from examples.billing_service.house import Customer, Entry, House, Invoice, Message, RefusedError, open_sample_house

MOST = 100
"""Rows of a page, whatever is asked for."""
router = APIRouter(prefix="/api")


class Money(BaseModel):
    amount: Decimal
    reference: str = ""
    reason: str = ""
    on: date | None = None


class Order(BaseModel):
    kind: str
    reference: str
    text: str = ""


def find_today() -> date:
    return datetime.now(UTC).date()


def get_house(request: Request, authorization: Annotated[str, Header()] = "") -> House:
    if authorization != f"Bearer {request.app.state.token}":
        raise HTTPException(401, "Ask the house for a token.")
    house: House = request.app.state.house
    return house


Books = Annotated[House, Depends(get_house)]


def find_invoice(house: Books, invoice: str) -> Invoice:
    if invoice not in house.invoices:
        raise HTTPException(404, "There is no such invoice.")
    return house.invoices[invoice]


def find_customer(house: Books, customer: str) -> Customer:
    if customer not in house.customers:
        raise HTTPException(404, "There is no such customer.")
    return house.customers[customer]


OneInvoice = Annotated[Invoice, Depends(find_invoice)]
OneCustomer = Annotated[Customer, Depends(find_customer)]


def write_amount(cents: int) -> str:
    return f"{Decimal(cents).scaleb(-2):.2f}"


def write_entry(entry: Entry, invoice: str | None = None) -> dict[str, Any]:
    """As an invoice has it; on its own with what is left of it, too."""
    amount = entry.amount if invoice is None else entry.applied.get(invoice, 0)
    own = {
        "customer": entry.customer,
        "currency": entry.currency,
        "left": write_amount(entry.left),
        "invoice": next(iter(entry.applied), None),
    }
    said = {"id": entry.id, "amount": write_amount(amount), "on": entry.on.isoformat(), "reference": entry.reference}
    return said if invoice else said | own


def write_invoice(invoice: Invoice) -> dict[str, Any]:
    entries = {
        kind: [write_entry(each, invoice.id) for each in invoice.entries if each.kind == kind]
        for kind in ("payment", "credit", "write_off")
    }
    return {
        "id": invoice.id,
        "number": invoice.number,
        "status": invoice.word,
        "customer": {"id": invoice.customer},
        "dates": {"issued": invoice.issued_on.isoformat(), "due": invoice.due_on.isoformat()},
        "amounts": {"currency": invoice.currency, "total": write_amount(invoice.total), "open": write_amount(invoice.open_amount)},
        "payments": entries["payment"],
        "credits": entries["credit"],
        "write_offs": entries["write_off"],
        "updated_at": invoice.updated_at.isoformat(),
    }


def write_page(rows: Iterable[dict[str, Any]], offset: int, limit: int) -> dict[str, Any]:
    found = list(rows)
    return {"data": found[offset : offset + min(limit, MOST)], "total": len(found)}


@router.get("/invoices")
def list_invoices(
    house: Books, updated_since: datetime | None = None, status: str | None = None, offset: int = 0, limit: int = MOST
) -> dict[str, Any]:
    found: Sequence[Invoice] = house.list_changed(updated_since, status)
    page = found[offset : offset + min(limit, MOST)]
    return {"data": [write_invoice(each) for each in page], "total": len(found)}


@router.get("/invoices/{invoice}")
def read_invoice(found: OneInvoice) -> dict[str, Any]:
    return write_invoice(found)


@router.get("/invoices/{invoice}/document", response_class=HTMLResponse)
def print_invoice(found: OneInvoice) -> str:
    return f"<h1>Invoice {found.number}</h1><p>{found.currency} {write_amount(found.total)}</p>"


@router.post("/invoices/{invoice}/payments", status_code=201)
def receive_payment(house: Books, found: OneInvoice, money: Money) -> dict[str, Any]:
    cents = int(money.amount.scaleb(2))
    entry = house.receive(found.customer, cents, found.currency, money.on or find_today(), money.reference)
    house.assign(entry, found)
    return write_entry(entry)


@router.post("/invoices/{invoice}/credits", status_code=201)
def issue_credit(house: Books, found: OneInvoice, money: Money) -> dict[str, Any]:
    return write_entry(house.book("credit", found, int(money.amount.scaleb(2)), money.on or find_today(), money.reference, money.reason))


@router.post("/invoices/{invoice}/write_offs", status_code=201)
def write_off(house: Books, found: OneInvoice, money: Money) -> dict[str, Any]:
    return write_entry(house.book("write_off", found, int(money.amount.scaleb(2)), money.on or find_today(), money.reference))


@router.get("/bookings")
def list_bookings(house: Books, reference: str, offset: int = 0, limit: int = MOST) -> dict[str, Any]:
    return write_page((write_entry(each) for each in house.entries if each.reference == reference), offset, limit)


@router.get("/receipts")
def list_receipts(house: Books, offset: int = 0, limit: int = MOST) -> dict[str, Any]:
    return write_page((write_entry(each) for each in house.list_unassigned()), offset, limit)


@router.get("/customers/{customer}")
def read_customer(found: OneCustomer) -> dict[str, Any]:
    address = {"country": found.country, "language": found.language}
    return {"id": found.id, "name": found.name, "email": found.email, "address": address, "blocked": not found.is_served}


@router.post("/customers/{customer}/orders", status_code=201)
def give_order(house: Books, found: OneCustomer, order: Order) -> dict[str, Any]:
    house.order(found, order.kind, order.reference, order.text)
    return {"id": order.reference}


@router.get("/orders")
def list_orders(house: Books, reference: str) -> dict[str, Any]:
    return {"data": [write_order(each) for each in house.messages if each.reference == reference]}


def write_order(message: Message) -> dict[str, Any]:
    return {"id": message.reference, "reference": message.reference, "customer": message.customer, "kind": message.kind}


def create_app(house: House, token: str) -> FastAPI:
    app = FastAPI(title="Billing of a small house")
    app.state.house, app.state.token = house, token
    app.include_router(router)

    @app.exception_handler(RefusedError)
    def refuse(request: Request, error: RefusedError) -> JSONResponse:
        return JSONResponse({"message": str(error)}, status_code=422)

    return app


app = create_app(open_sample_house(find_today()), os.environ.get("BILLING_TOKEN", "sample-token"))
