"""The sample portfolio: put in like any customer's file, and then lived in, so that one sees letters stop when invoices are paid."""

import asyncio
import csv
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

import structlog
from pydantic import BaseModel
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from adapters.composition import Parts
from adapters.config.settings import PROJECT
from adapters.database.engine import Database
from adapters.database.tables import Setting
from adapters.imports.column_mapping import load_mapping
from adapters.ledger.ledger import LedgerError
from adapters.sample.accounts import USERS
from adapters.sample.invoices import Deed, DeedKind, SampleInvoice, make_portfolio
from domain import identifiers as ids
from domain.case.command import Act
from domain.clock import start_of_day
from domain.invoice.commands import MakePromise, Pause
from domain.journal.journal import SYSTEM
from domain.money import Money

SETTING = "sample"
MAPPING = PROJECT / "mappings" / "duecourse.yaml"
CUSTOMER = "sample customer"
COLUMNS = (
    "number", "account_id", "account_name", "contact_name", "email", "country", "time_zone", "language", "collector", "currency",
    "issue_date", "due_date", "total", "open_balance", "settled_on", "disputed", "cancelled",
)  # fmt: skip

log = structlog.get_logger()


class _Chosen(BaseModel):
    """`done` counts the deeds that have happened."""

    as_of: date
    loaded: bool = False
    done: int = 0


def choose_sample(database: Database, as_of: date) -> None:
    """This data folder begins with the sample, as of a business date."""
    _keep(database, _Chosen(as_of=as_of))


def sample_chosen(database: Database) -> bool:
    return _chosen(database) is not None


def load_sample(parts: Parts) -> bool:
    """Bring the chosen sample's users and invoices in; False when they are in already."""
    chosen = _chosen(parts.database)
    if chosen is None or chosen.loaded:
        return False
    for user in USERS:
        parts.identity.add_user(user.name, user.role, user.email, user.full_name, user.phone)
    file = write_export(parts.settings.data_dir / "sample-invoices.csv", make_portfolio(chosen.as_of).invoices)
    parts.importer.run(file, load_mapping(MAPPING), chosen.as_of, start_of_day(chosen.as_of), started_by=SYSTEM)
    _keep(parts.database, chosen.model_copy(update={"loaded": True}))
    return True


class SampleCustomers:
    """The invented customers go on living: they pay, promise and dispute on the business dates that their habits say."""

    def __init__(self, parts: Parts, cases: "Cases") -> None:
        self._parts, self._cases = parts, cases

    async def live(self, stop: asyncio.Event) -> None:
        """Until `stop`. Each deed happens once, and goes through the same door as a real customer's."""
        chosen = await asyncio.to_thread(_chosen, self._parts.database)
        if chosen is None:
            return
        for number, deed in enumerate(make_portfolio(chosen.as_of).deeds, 1):
            if number <= chosen.done:
                continue
            await self._sleep_until(deed.on, stop)
            if stop.is_set():
                return
            try:
                await self._do(deed)
            except LedgerError as refusal:
                log.warning("sample_deed_refused", deed=deed.deed_id, reason=str(refusal))
            await asyncio.to_thread(_keep, self._parts.database, chosen.model_copy(update={"done": number}))

    async def _sleep_until(self, day: date, stop: asyncio.Event) -> None:
        wait = self._parts.clock.real_wait(start_of_day(day), datetime.now(UTC))
        if wait:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait.total_seconds())

    async def _do(self, deed: Deed) -> None:
        match deed.kind:
            case DeedKind.PROMISE if deed.until:
                promise = MakePromise(act_id=deed.deed_id, actor=CUSTOMER, amount=deed.amount, by=deed.until)
                await self._cases.tell(deed.invoice_id, "promise_made", promise)
            case DeedKind.PAUSE:
                act = Pause(act_id=deed.deed_id, actor="grace.okafor", reason="the customer moves house", until=deed.until)
                await self._cases.tell(deed.invoice_id, "paused", act)
            case _:
                await asyncio.to_thread(self._book, deed)

    def _book(self, deed: Deed) -> None:
        ledger, now = self._parts.ledger, self._parts.clock.business(datetime.now(UTC))
        match deed.kind:
            case DeedKind.PAYMENT:
                ledger.record_payment(
                    deed.deed_id, deed.account_id, deed.currency, deed.amount, deed.on, f"Transfer {deed.invoice_id}", deed.invoice_id,
                    recorded_by=CUSTOMER, at=now,
                )  # fmt: skip
            case DeedKind.BOUNCE if deed.payment:
                ledger.reverse_payment(deed.payment, deed.on, at=now)
            case DeedKind.CREDIT_NOTE:
                ledger.issue_credit_note(
                    deed.deed_id, deed.invoice_id, deed.amount, deed.on, "Goods returned", recorded_by=CUSTOMER, at=now
                )
            case DeedKind.CANCELLATION:
                ledger.cancel_invoice(deed.invoice_id, recorded_by=CUSTOMER, at=now)
            case DeedKind.DISPUTE | DeedKind.DISPUTE_SOLVED:
                ledger.change_invoice(deed.invoice_id, disputed=deed.kind is DeedKind.DISPUTE, at=now)


class Cases(Protocol):
    async def tell(self, invoice_id: str, signal: str, act: Act) -> None: ...


class RunningCases:
    """The invoices' workflows."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tell(self, invoice_id: str, signal: str, act: Act) -> None:
        """An invoice that is settled by now has no workflow to tell."""
        try:
            await self._client.get_workflow_handle(ids.invoice_case(invoice_id)).signal(signal, act)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise


def write_export(file: Path, invoices: Sequence[SampleInvoice]) -> Path:
    """As a billing system would export them, in the columns of `mappings/duecourse.yaml`."""
    with file.open("w", encoding="utf-8", newline="") as output:
        writer = csv.DictWriter(output, COLUMNS)
        writer.writeheader()
        writer.writerows(_row(invoice) for invoice in invoices)
    return file


def _row(invoice: SampleInvoice) -> dict[str, object]:
    account = invoice.account
    return {
        "number": invoice.number, "account_id": account.id, "account_name": account.name, "contact_name": account.contact,
        "email": account.email, "country": account.country, "time_zone": account.time_zone, "language": account.language,
        "collector": account.collector, "currency": account.currency, "issue_date": invoice.issue_date, "due_date": invoice.due_date,
        "total": Money(minor=invoice.total, currency=account.currency).major,
        "open_balance": Money(minor=invoice.open_balance, currency=account.currency).major,
        "settled_on": invoice.settled_on or "", "disputed": "yes" if invoice.disputed else "",
        "cancelled": "yes" if invoice.status == "cancelled" else "",
    }  # fmt: skip


def _chosen(database: Database) -> _Chosen | None:
    with database.reading() as session:
        row = session.get(Setting, SETTING)
        return _Chosen.model_validate(row.value) if row else None


def _keep(database: Database, chosen: _Chosen) -> None:
    with database.writing() as session:
        session.merge(Setting(name=SETTING, value=chosen.model_dump(mode="json")))
