"""The sample portfolio: imported like any customer's file, and then played, so that letters stop when invoices are paid."""

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

from adapters.billing.errors import BillingError
from adapters.composition import Services
from adapters.config.settings import PROJECT
from adapters.database.engine import Database
from adapters.database.tables import Setting
from adapters.imports.column_mapping import load_mapping
from adapters.outages import outlast
from adapters.sample.accounts import CUSTOMER, SAMPLE_USERS
from adapters.sample.invoices import SampleInvoice, SimulatedEvent, SimulatedEventKind, make_sample_portfolio
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.case.command import Command
from domain.case.handler_names import SignalName
from domain.clock import Clock, start_of_day
from domain.invoice.commands import MakePromise, PauseCollection
from domain.journal.journal import SYSTEM
from domain.money import Money

SAMPLE_SETTING = "sample"
MAPPING_FILE = PROJECT / "mappings" / "duecourse.yaml"
EXPORT_COLUMNS = (
    "number",
    "account_id",
    "account_name",
    "contact_name",
    "email",
    "phone",
    "country",
    "time_zone",
    "language",
    "collector",
    "currency",
    "issue_date",
    "due_date",
    "total",
    "open_balance",
    "settled_on",
    "disputed",
    "cancelled",
)

LOOKS_A_DAY = 6
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0

log = structlog.get_logger()


class _SampleState(BaseModel):
    """The progress of the sample: `done` counts the events that have happened."""

    as_of: date
    loaded: bool = False
    done: int = 0


def choose_sample(database: Database, as_of: date) -> None:
    """Choose the sample for this data folder, as of a business date."""
    _save_state(database, _SampleState(as_of=as_of))


def is_sample_chosen(database: Database) -> bool:
    """Return true when the data folder has the sample."""
    return _load_state(database) is not None


def load_sample_start(database: Database) -> date | None:
    """Return the business date at which the sample began; None where there is no sample, or it is not loaded yet."""
    state = _load_state(database)
    return state.as_of if state and state.loaded else None


def load_sample(services: Services) -> bool:
    """Load the chosen sample's users and invoices; false when none is chosen or they are loaded already."""
    state = _load_state(services.database)
    if state is None or state.loaded:
        return False
    for user in SAMPLE_USERS:
        services.identity.add_user(user.name, user.role, user.email, user.full_name, user.phone)
    file = write_sample_export(services.settings.data_dir / "sample-invoices.csv", make_sample_portfolio(state.as_of).invoices)
    services.importer.run(file, load_mapping(MAPPING_FILE), state.as_of, start_of_day(state.as_of), started_by=SYSTEM)
    _save_state(services.database, state.model_copy(update={"loaded": True}))
    return True


def compute_pause_seconds(clock: Clock) -> float:
    """Return how long to wait, in real time, before looking again whether something of the play is due."""
    return min(max(clock.day_seconds / LOOKS_A_DAY, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)


class SampleCustomers:
    """Plays the invented customers: they pay, promise and dispute on the business dates of their habits."""

    def __init__(self, services: Services, commands: "CommandSender") -> None:
        self._services, self._commands = services, commands

    async def run(self, stop: asyncio.Event) -> None:
        """Play until `stop`, or until nothing is left to happen."""
        while not stop.is_set() and await outlast(self.play, "the sample's customers"):
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), compute_pause_seconds(self._services.clock))

    async def play(self, real_now: datetime | None = None) -> bool:
        """Let happen what is due by now (real time, UTC), each event once and through the same operations as a real customer's; return
        whether something is left."""
        state = await asyncio.to_thread(_load_state, self._services.database)
        if state is None:
            return False
        now = self._services.clock.to_business(real_now or datetime.now(UTC))
        events = make_sample_portfolio(state.as_of).events
        for number, event in enumerate(events[state.done :], state.done + 1):
            if event.on > now.date():
                return True
            try:
                await self._perform_event(event, now)
            except BillingError as error:
                log.warning("sample_event_refused", event_id=event.event_id, reason=str(error))
            await asyncio.to_thread(_save_state, self._services.database, state.model_copy(update={"done": number}))
        return False

    async def _perform_event(self, event: SimulatedEvent, now: datetime) -> None:
        match event.kind:
            case SimulatedEventKind.PROMISE if event.until:
                promise = MakePromise(act_id=event.event_id, actor=CUSTOMER, amount=event.amount, by=event.until)
                await self._commands.send_command(event.invoice_id, SignalName.PROMISE_MADE, promise)
            case SimulatedEventKind.PAUSE:
                command = PauseCollection(act_id=event.event_id, actor="grace.okafor", reason="the customer moves house", until=event.until)
                await self._commands.send_command(event.invoice_id, SignalName.PAUSED, command)
            case _:
                await asyncio.to_thread(self._book_event, event, now)

    def _book_event(self, event: SimulatedEvent, now: datetime) -> None:
        billing = self._services.billing
        match event.kind:
            case SimulatedEventKind.PAYMENT:
                billing.record_payment(
                    event.event_id,
                    event.account_id,
                    event.currency,
                    event.amount,
                    event.on,
                    f"Transfer {event.invoice_id}",
                    event.invoice_id,
                    recorded_by=CUSTOMER,
                    at=now,
                )
            case SimulatedEventKind.BOUNCE if event.payment:
                billing.reverse_payment(event.payment, event.on, at=now)
            case SimulatedEventKind.CREDIT_NOTE:
                billing.issue_credit_note(
                    event.event_id, event.invoice_id, event.amount, event.on, "Goods returned", recorded_by=CUSTOMER, at=now
                )
            case SimulatedEventKind.CANCELLATION:
                billing.cancel_invoice(event.invoice_id, recorded_by=CUSTOMER, at=now)
            case SimulatedEventKind.DISPUTE | SimulatedEventKind.DISPUTE_SOLVED:
                billing.change_invoice(event.invoice_id, disputed=event.kind is SimulatedEventKind.DISPUTE, at=now)


class CommandSender(Protocol):
    """Sends a command to an invoice's case as a signal."""

    async def send_command(self, invoice_id: str, signal: SignalName, command: Command) -> None: ...


class WorkflowCommandSender:
    """Sends commands to the invoices' workflows."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def send_command(self, invoice_id: str, signal: SignalName, command: Command) -> None:
        """Send a command; an invoice that is settled by now has no workflow, and is passed over."""
        try:
            await self._client.get_workflow_handle(ids.invoice_case_id(invoice_id)).signal(signal, command)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise


def write_sample_export(file: Path, invoices: Sequence[SampleInvoice]) -> Path:
    """Write the invoices as a billing system would export them, in the columns of `mappings/duecourse.yaml`."""
    with file.open("w", encoding="utf-8", newline="") as output:
        writer = csv.DictWriter(output, EXPORT_COLUMNS)
        writer.writeheader()
        writer.writerows(_build_export_row(invoice) for invoice in invoices)
    return file


def _build_export_row(invoice: SampleInvoice) -> dict[str, object]:
    account = invoice.account
    return {
        "number": invoice.number,
        "account_id": account.id,
        "account_name": account.name,
        "contact_name": account.contact,
        "email": account.email,
        "phone": account.phone,
        "country": account.country,
        "time_zone": account.time_zone,
        "language": account.language,
        "collector": account.collector,
        "currency": account.currency,
        "issue_date": invoice.issue_date,
        "due_date": invoice.due_date,
        "total": Money(minor=invoice.total, currency=account.currency).major,
        "open_balance": Money(minor=invoice.open_balance, currency=account.currency).major,
        "settled_on": invoice.settled_on or "",
        "disputed": "yes" if invoice.disputed else "",
        "cancelled": "yes" if invoice.status is InvoiceStatus.CANCELLED else "",
    }


def _load_state(database: Database) -> _SampleState | None:
    with database.reading() as session:
        row = session.get(Setting, SAMPLE_SETTING)
        return _SampleState.model_validate(row.value) if row else None


def _save_state(database: Database, state: _SampleState) -> None:
    with database.writing() as session:
        session.merge(Setting(name=SAMPLE_SETTING, value=state.model_dump(mode="json")))
