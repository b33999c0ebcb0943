"""The invoices of a copy, played ahead: each takes its steps by the rules by which its workflow does."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from adapters.cases.case_store import CaseStore
from adapters.cases.invoice_facts import build_invoice_facts
from adapters.cases.invoice_inputs import InvoiceInputLoader
from adapters.database.engine import Database
from adapters.database.tables import Case, Invoice
from adapters.policies.policy_store import PolicyStore
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.case_write import CaseWrite, CaseWriteResult
from domain.clock import Clock, Moment
from domain.correspondence.contact_request import ContactOrder
from domain.invoice.carried_state import CarriedState
from domain.invoice.contact_orders import build_contact_order
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.view import build_case_view
from domain.journal.journal import Journal
from domain.timeline.holds import Hold, Holds
from domain.timeline.step_schedule import TakenStep

_RUN_ID = "preview"
MOST_STEPS_AT_ONCE = 20
"""Steps of one invoice that can be due at one moment: a guard, for each keeps its distance from the one before."""


class InvoicesAhead:
    """The open invoices of a copy. A promise or a dispute that ends by itself in these days is not played: its hold stays."""

    def __init__(self, copy: Database, policies: PolicyStore, clock: Clock, now: datetime) -> None:
        """`now` is business time; invoices whose collection has not begun begin it then."""
        self._store, self._clock = CaseStore(copy), clock
        self._cases: dict[str, InvoiceCase] = {}
        self._run_ids: dict[str, str] = {}
        self._load(copy, policies, now)

    def take_due_steps(self, now: datetime, written_to: Collection[str]) -> None:
        """Take every step that is due at `now` (business time). `written_to`: the accounts that got letters since the last time: their
        invoices learn what became of them."""
        moment = Moment(now, now)
        self._hear_letters([case for case in self._cases.values() if case.journal.account_id in written_to], moment)
        for case in self._cases.values():
            case.run_due_actions(moment)
        for _ in range(MOST_STEPS_AT_ONCE):
            due = [case for case in self._cases.values() if (at := case.step_due_at(now)) is not None and at <= now]
            if not due:
                return
            self._hear_letters([case for case in due if case.is_last_letter_unresolved], moment)
            self._take_steps([case for case in due if not case.is_last_letter_unresolved], moment)

    def find_next_due(self, now: datetime) -> datetime | None:
        """Find the next business time at which a step is due."""
        return min((at for case in self._cases.values() if (at := case.step_due_at(now)) is not None and at > now), default=None)

    def _take_steps(self, cases: Sequence[InvoiceCase], moment: Moment) -> None:
        orders: dict[str, ContactOrder] = {}
        for case in cases:
            step = case.next_step(moment.business.date())
            if step is not None:
                case.take_step(step, moment)
                orders[case.journal.case_id] = build_contact_order(case, step, moment, self._clock)
        self._write([case for case in cases if case.journal.case_id in orders], moment, orders)

    def _hear_letters(self, cases: Sequence[InvoiceCase], moment: Moment) -> None:
        waiting = [case for case in cases if case.is_last_letter_unresolved]
        self._write(waiting, moment, {}, await_letter=True)
        for case in waiting:
            case.letter_awaited = case.is_last_letter_unresolved

    def _write(
        self, cases: Sequence[InvoiceCase], moment: Moment, orders: dict[str, ContactOrder], await_letter: bool = False
    ) -> list[CaseWriteResult]:
        """Write cases as their workflows do, and apply what they hear."""
        if not cases:
            return []
        records = [self._build_write(case, moment, orders.get(case.journal.case_id), await_letter) for case in cases]
        results = self._store.write(records)
        for case, record, result in zip(cases, records, results, strict=True):
            case.journal.mark_written(case.journal.seq)
            for outcome in result.letters:
                case.apply_letter_outcome(outcome, moment)
            for naming in result.named:
                case.record_naming(naming, moment)
            if record.ask and result.contact_on:
                case.set_contact_date(record.ask.step, result.contact_on)
        return results

    def _build_write(self, case: InvoiceCase, moment: Moment, order: ContactOrder | None, await_letter: bool) -> CaseWrite:
        run_id = self._run_ids.get(case.journal.case_id, _RUN_ID)
        return CaseWrite(
            now=moment.business,
            entries=list(case.journal.pending),
            case=build_case_view(case, run_id, moment.business),
            carried=case.build_earlier_run(),
            ask=order,
            await_letter=await_letter,
            heard=case.heard,
        )

    # --- how they begin

    def _load(self, copy: Database, policies: PolicyStore, now: datetime) -> None:
        is_own = col(Case.case_id) == ids.invoice_case_id("") + col(Invoice.id)
        statement = select(Invoice, Case).outerjoin(Case, is_own).where(col(Invoice.status) == InvoiceStatus.OPEN)
        with copy.reading() as session:
            rows = session.execute(statement.order_by(col(Invoice.id))).all()
            session.expunge_all()
        new: list[str] = []
        for invoice, row in rows:
            if row is None:
                new.append(invoice.id)
            elif row.outcome is None and (case := self._restore(invoice, row, policies)) is not None:
                self._cases[row.case_id], self._run_ids[row.case_id] = case, row.run_id
        self._open_new(InvoiceInputLoader(copy, policies, Clock.real_time()), new, Moment(now, now))

    def _restore(self, invoice: Invoice, row: Case, policies: PolicyStore) -> InvoiceCase | None:
        """Build a case as its workflow last wrote it. None for one of which the policy's text is not kept."""
        snapshot = policies.get_version(row.policy or "", row.policy_version or 0)
        if snapshot is None:
            return None
        carried = CarriedState.model_validate(row.carried)
        standing = {hold.hold_id: hold for hold in map(Hold.model_validate, row.holds)}
        return InvoiceCase(
            journal=Journal(case_id=row.case_id, account_id=row.account_id, invoice_id=invoice.id, seq=row.seq, head=row.head),
            facts=build_invoice_facts(invoice),
            snapshot=snapshot,
            holds=Holds(standing=standing, past=carried.past, since=min((hold.since for hold in standing.values()), default=None)),
            taken=[TakenStep.model_validate(taken) for taken in row.taken],
            heard=carried.heard,
            seen=carried.seen,
            disputed=row.disputed,
        )

    def _open_new(self, inputs: InvoiceInputLoader, invoices: Sequence[str], moment: Moment) -> None:
        opened = []
        for invoice_id, (given, _) in inputs.load_inputs(invoices).items():
            journal = Journal(case_id=ids.invoice_case_id(invoice_id), account_id=given.account_id, invoice_id=invoice_id)
            case = InvoiceCase(journal=journal, facts=given.facts, snapshot=given.policy)
            case.open(moment)
            for hold in given.holds:
                case.place_hold(hold, moment)
            self._cases[journal.case_id] = case
            opened.append(case)
        self._write(opened, moment, {})
