"""Starts, contacts and memory: N invoices of N/5 accounts on the real server, their letters accepted by a real mail server.

start    N invoices in the ledger → every workflow has completed its first task and waits on its timer
contact  the timers of all N fire in the same moment → every letter accepted by the mail server, its outcome committed
timeouts workflow tasks that timed out in all of it: none should
memory   what a waiting, cached workflow adds to the worker's resident memory
"""

import asyncio
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psutil
from sqlalchemy import Select, func, insert, select
from sqlmodel import col
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from adapters.composition import Services, compose_services, open_database
from adapters.config.settings import Settings
from adapters.database.row_states import ContactRequestState
from adapters.database.tables import Account, Contact, ContactRequest, Invoice, LedgerEvent, Message
from adapters.process.gc_tuning import collect_garbage_rarely, freeze_loaded_objects
from adapters.shipped_files import PROJECT
from adapters.temporal.client import connect_client
from adapters.temporal.embedded_server import TemporalServer
from domain import identifiers as ids
from domain.billing.billing_events import BillingEvent, BillingEventKind, InvoiceFacts
from domain.clock import Clock, start_of_day
from worker import build_worker
from workflows.billing_sync import BillingSync
from workflows.correspondence_run import CorrespondenceRun

INVOICES_PER_ACCOUNT = 5
DUE_DATE = date(2013, 6, 10)
COURTESY_DATE = date(2013, 6, 7)
"""Three days before: the day on which every timer fires."""

SLOWEST_STARTS_PER_SECOND = 20.0
"""Slower than any machine seen so far."""

PLAYED_DAY_SECONDS = 200.0
"""Fast enough that the hour of the day is noise, so that a letter's slot is the day itself."""


async def measure_collection(count: int, starts_per_second: float = SLOWEST_STARTS_PER_SECOND) -> dict[str, float]:
    """Measure `count` invoices; return figures per second, and in KB. `starts_per_second`: what the machine does at least."""
    collect_garbage_rarely()  # as every process of Duecourse does
    with tempfile.TemporaryDirectory() as folder, _run_smtp_sink() as port:
        settings = Settings.load(data_dir=Path(folder), smtp_host="127.0.0.1", smtp_port=port, smtp_security="none")
        server = await TemporalServer.find_or_start(settings.data_dir, settings.temporal_namespace)
        try:
            client = await connect_client(server.address, settings.temporal_namespace)
            # the timers leave room for the starts
            due = datetime.now(UTC) + timedelta(seconds=10 + count / starts_per_second)
            clock = Clock(real_anchor=due, business_anchor=start_of_day(COURTESY_DATE), day_seconds=PLAYED_DAY_SECONDS)
            parts = compose_services(settings, open_database(settings), clock)
            parts.policies.load_folder(settings.policies_dir)
            _fill_ledger(parts, count)
            async with build_worker(client, parts):
                freeze_loaded_objects()
                figures = await _measure_starts(client, count)
                await asyncio.sleep(max((due - datetime.now(UTC)).total_seconds(), 0))
                figures["contact_per_s"] = await _measure_contacts(client, parts, count)
                figures["task_timeouts"] = await _count_task_timeouts(client, count)
            await parts.mailer.close()
            parts.database.close()
        finally:
            await server.stop()
    return figures


@contextmanager
def _run_smtp_sink() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen([sys.executable, "-m", "bench.smtp_sink", str(port)], cwd=PROJECT)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def _fill_ledger(parts: Services, count: int) -> None:
    """Fill the ledger, with one event for each invoice to be delivered."""
    facts = InvoiceFacts(version=1, due_date=DUE_DATE, currency="EUR", total=10_000, open_balance=10_000)
    now = datetime.now(UTC)
    accounts = max(count // INVOICES_PER_ACCOUNT, 1)
    with parts.database.writing() as session:
        for n in range(accounts):
            # Tokyo's morning is midnight UTC: the slot opens with the timer
            session.add(Account(id=f"A{n}", name=f"Customer {n}", country="JP", time_zone="Asia/Tokyo", language="en"))
        session.flush()
        session.add_all(Contact(account_id=f"A{n}", email=f"a{n}@customer.example", role="billing") for n in range(accounts))
        rows = [
            Invoice(
                id=f"I{n}",
                account_id=f"A{n % accounts}",
                number=f"R-{n}",
                issue_date=date(2013, 5, 11),
                due_date=DUE_DATE,
                currency="EUR",
                total=facts.total,
                open_balance=facts.open_balance,
            ).model_dump()
            for n in range(count)
        ]
        session.execute(insert(Invoice), rows)
        events = [
            BillingEvent(event_id=f"issued:{n}", kind=BillingEventKind.INVOICE_ISSUED, occurred_at=now, facts=facts) for n in range(count)
        ]
        session.execute(
            insert(LedgerEvent),
            [
                {"event_id": event.event_id, "invoice_id": f"I{n}", "event": event.model_dump(mode="json"), "recorded_at": now}
                for n, event in enumerate(events)
            ],
        )


async def _measure_starts(client: Client, count: int) -> dict[str, float]:
    process = psutil.Process()
    before, begin = process.memory_info().rss, time.perf_counter()
    await client.execute_workflow(BillingSync.run, id=ids.BILLING_SYNC_ID, task_queue=ids.TASK_QUEUE)
    for n in reversed(range(count)):
        while (await client.get_workflow_handle(ids.invoice_case_id(f"I{n}")).describe()).history_length < 6:  # noqa: ASYNC110 - asked of the server
            await asyncio.sleep(0.05)
    seconds = time.perf_counter() - begin
    await asyncio.sleep(2)
    return {"start_per_s": count / seconds, "memory_per_workflow_kb": (process.memory_info().rss - before) / count / 1024}


async def _measure_contacts(client: Client, parts: Services, count: int) -> float:
    """Correspondence runs follow each other a second apart, as a schedule would start them, or at once when every invoice has asked: what a
    schedule's interval adds is no cost of a contact. The contacts end with the last outcome."""
    begin = datetime.now(UTC)
    asked = select(func.count()).select_from(ContactRequest)
    sent = asked.where(col(ContactRequest.state) == ContactRequestState.SENT)
    number = 0
    while await asyncio.to_thread(_count_rows, parts, sent) < count:
        for _ in range(10):
            if await asyncio.to_thread(_count_rows, parts, asked) == count:
                break
            await asyncio.sleep(0.1)
        number += 1
        await client.execute_workflow(CorrespondenceRun.run, id=f"{ids.CORRESPONDENCE_RUN_ID}:{number}", task_queue=ids.TASK_QUEUE)
    with parts.database.reading() as session:
        ended_at = session.execute(select(func.max(ContactRequest.ended_at))).scalar_one()
    seconds = (parts.clock.to_real(ended_at) - begin).total_seconds()
    letters = await asyncio.to_thread(_count_rows, parts, select(func.count()).select_from(Message).where(col(Message.state) == "sent"))
    if letters != max(count // INVOICES_PER_ACCOUNT, 1):
        raise RuntimeError(f"{letters} letters instead of one for each account")
    return count / seconds


async def _count_task_timeouts(client: Client, count: int) -> int:
    """Count the workflow tasks that timed out, over the histories of all invoices: each was given out again, and its case replayed."""

    async def count_in_case(n: int) -> int:
        history = await client.get_workflow_handle(ids.invoice_case_id(f"I{n}")).fetch_history()
        return sum(event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT for event in history.events)

    return sum([await count_in_case(n) for n in range(count)])


def _count_rows(parts: Services, statement: Select[int]) -> int:
    with parts.database.reading() as session:
        return int(session.execute(statement).scalar_one())
