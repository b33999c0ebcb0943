"""Measure the time in which the state of an account of 400 invoices on a past day is computed from its journal alone.

They stand at every step of their policy's timeline, as many at each; on the way some were promised, put on hold, or paid in part. The real
rules write the journal. The database is an SQLite file, or the one whose URL is given. The last line is the figures as JSON.
"""

import json
import os
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from statistics import median
from time import perf_counter

from adapters.config.settings import Settings
from adapters.database.engine import Database
from adapters.database.tables import Account, Case, JournalEntry
from adapters.journal.account_state import AccountStateQuery
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.policy_store import PolicyStore
from adapters.process.gc_tuning import freeze_loaded_objects
from domain.billing.billing_events import BillingEvent, BillingEventKind, InvoiceFacts
from domain.clock import Moment
from domain.correspondence.letter_outcome import LetterOutcome, LetterResult
from domain.invoice.billing_event_rules import apply_billing_event
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import CallOutcome, LogCall, MakePromise, PauseCollection, ResumeCollection
from domain.invoice.invoice_case import InvoiceCase
from domain.journal.journal import Journal
from domain.policy.collection_policy import PolicySnapshot, StepAction

DUE_DATE = date(2013, 3, 1)
INVOICES, READINGS = 400, 7


def measure_account_state(invoices: int = INVOICES, url: str | None = None) -> dict[str, float]:
    """Return the median of several measurements, in milliseconds; each is of the whole account, on a day after its last entry."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(url or f"sqlite:///{folder}/duecourse.db")
        database.migrate()
        entries = _fill_database(database, invoices)
        query, durations = AccountStateQuery(database), []
        freeze_loaded_objects()
        for _ in range(READINGS):
            started = perf_counter()
            state = query.load_state("BENCH", DUE_DATE + timedelta(days=120))
            durations.append(perf_counter() - started)
        database.close()
    if (len(state.invoices), state.entries) != (invoices, entries):
        raise RuntimeError(f"the state has {len(state.invoices)} invoices and {state.entries} entries, not {invoices} and {entries}")
    return {f"standing_{invoices}_ms": median(durations) * 1_000, f"standing_{invoices}_entries": entries}


def _fill_database(database: Database, invoices: int) -> int:
    """Write the account with its journal; return the number of its entries."""
    settings = Settings()
    policies = PolicyStore(database, LetterTemplates(settings.letters_dir))
    policy = policies.load_folder(settings.policies_dir)[0]
    lives = [build_life(number, policy).journal for number in range(invoices)]
    with database.writing() as session:
        session.add(Account(id="BENCH", name="Bench", country="DE", time_zone="Europe/Berlin", language="de"))
        entries = [entry.model_dump() for life in lives for entry in life.pending]
        session.execute(database.build_insert_or_ignore(JournalEntry), entries)
        session.add_all(
            Case(
                case_id=life.case_id,
                run_id="run",
                kind="invoice",
                account_id="BENCH",
                invoice_id=life.invoice_id,
                stage="new",
                waiting_for="time",
                seq=life.seq,
                head=life.head,
                updated_at=moment_at(0).business,
            )
            for life in lives
        )
    return len(entries)


def build_life(number: int, policy: PolicySnapshot) -> InvoiceCase:
    """Build an invoice with its journal, which begins a quarter of an hour after the one before it."""
    invoice, shift = f"I{number:04}", number / 96
    journal = Journal(case_id=f"invoice:{invoice}", account_id="BENCH", invoice_id=invoice)
    facts = InvoiceFacts(version=1, due_date=DUE_DATE, currency="EUR", total=10_000 + number, open_balance=10_000 + number)
    case = InvoiceCase(journal=journal, facts=facts, snapshot=policy)
    case.open(moment_at(shift - 20))
    timeline = policy.load_policy().timeline
    for step in timeline[: number % (len(timeline) + 1)]:
        at = moment_at(step.day + shift / 10)
        if case.holds.is_on_hold:
            apply_command(case, ResumeCollection(act_id=f"{invoice}-resume-{step.day}", actor="mia"), at)
        case.take_step(step, at)
        if step.act is StepAction.LETTER:
            went = LetterOutcome(
                step=step.step,
                attempt=1,
                fate=LetterResult.SENT,
                at=at.business,
                on=at.business.date(),
                message_id=f"<{invoice}.{step.step}@bench.example>",
            )
            case.apply_letter_outcome(went, moment_at(step.day + 2))
        _apply_customer_reaction(case, number, step.day)
    return case


def _apply_customer_reaction(case: InvoiceCase, number: int, day: int) -> None:
    """Apply what the customer did, or somebody for them, three days after a step."""
    at, act_id, facts = moment_at(day + 3), f"{case.journal.invoice_id}-{day}", case.facts
    match (number + day) % 4:
        case 0:
            apply_command(case, LogCall(act_id=act_id, actor="mia", outcome=CallOutcome.REACHED), at)
            apply_command(case, MakePromise(act_id=f"{act_id}-p", actor="mia", amount=500, by=at.business.date() + timedelta(days=2)), at)
            case.run_due_actions(moment_at(day + 8))
        case 1:
            apply_command(case, PauseCollection(act_id=act_id, actor="mia", reason="asked to wait"), at)
        case 2:
            left = facts.model_copy(update={"version": facts.version + 1, "open_balance": facts.open_balance - 100})
            name = f"payment.received:{case.journal.invoice_id}:{left.version}"
            kind = BillingEventKind.PAYMENT_RECEIVED
            apply_billing_event(case, BillingEvent(event_id=name, kind=kind, occurred_at=at.business, facts=left, amount=100), at)


def moment_at(days: float) -> Moment:
    """Return the moment that many days after the beginning of the due date."""
    moment = datetime(DUE_DATE.year, DUE_DATE.month, DUE_DATE.day, tzinfo=UTC) + timedelta(days=days)
    return Moment(moment, moment)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_account_state(url=sys.argv[1] if sys.argv[1:] else None)) + "\n")
    sys.stdout.flush()
    os._exit(0)
