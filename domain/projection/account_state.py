"""An account's state as of a past day, reduced from its journal alone: the same entries always give the same state.

What the journal had recorded by then counts, with one exception: a letter's outcome counts from when it came about, though the invoice
that had requested the letter recorded it only at its next journal write.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from operator import attrgetter

from domain.approval.result import ApprovalStage
from domain.clock import start_of_day
from domain.dispute.state import DisputeStage
from domain.identifiers import CaseKind, find_case_kind, invoice_case_id
from domain.journal.account_entries import AccountEntry, group_by_case
from domain.projection.case_facts import ApprovalFacts, CallFacts, DisputeFacts, EscalationFacts, PlanFacts, PromiseFacts
from domain.projection.case_history import list_approvals, list_calls, list_disputes, list_escalations, list_plans, list_promises
from domain.projection.case_state import ANSWERED, build_case_state, is_suspended
from domain.projection.invoice_state import InvoiceProjection
from domain.projection.letter_state import list_letter_states
from domain.projection.recovery_history import build_write_off_facts, list_suspensions, list_verdicts
from domain.projection.state_models import (
    AccountState,
    AwaitedParty,
    CaseState,
    CurrencyBalance,
    InvoiceState,
    LetterState,
    PoliciesByVersion,
)
from domain.roles import Role

TICK = timedelta(microseconds=1)
"""The smallest difference between two moments of the journal."""


def account_state_on(account_id: str, account_entries: Sequence[AccountEntry], day: date, policies: PoliciesByVersion) -> AccountState:
    """Return the account's state at the end of a business day (UTC).

    `account_entries`: all entries of the account that count, those of later days included.
    """
    return account_state_at(account_id, account_entries, start_of_day(day + timedelta(days=1)), policies)


def account_state_at(account_id: str, account_entries: Sequence[AccountEntry], end: datetime, policies: PoliciesByVersion) -> AccountState:
    """Return the account's state just before `end`, a moment of business time (UTC)."""
    account = AccountProjection(account_id, policies)
    # by number, not by time: the clock may have been set back, and a case's entries apply in the order in which they were written
    for entry in sorted(account_entries, key=attrgetter("seq")):
        if entry.at < end:
            account.apply_entry(entry)
        else:
            account.apply_later_entry(entry)
    return account.build_state(end)


def iterate_account_states(
    account_id: str, account_entries: Iterable[AccountEntry], policies: PoliciesByVersion
) -> Iterator[tuple[AccountEntry, AccountState]]:
    """Yield the entries in the order of business time, each with the account's state right after it.

    A state knows nothing of the entries after it: a letter's outcome counts from the entry that records it.
    """
    account = AccountProjection(account_id, policies)
    for entry in account_entries:
        account.apply_entry(entry)
        yield entry, account.build_state(entry.at + TICK)


@dataclass(frozen=True)
class _CaseProjection:
    """What one case contributes to the account's state: an invoice's case its invoice, any other case its own state."""

    invoice: InvoiceState | None = None
    case: CaseState | None = None
    letters: list[LetterState] = field(default_factory=list)
    calls: list[CallFacts] = field(default_factory=list)
    promises: list[PromiseFacts] = field(default_factory=list)
    escalations: list[EscalationFacts] = field(default_factory=list)
    disputes: list[DisputeFacts] = field(default_factory=list)
    plans: list[PlanFacts] = field(default_factory=list)
    approvals: list[ApprovalFacts] = field(default_factory=list)


class _CaseHistory:
    """The entries of one case and their projection, which is computed again only when an entry was added or the day is another."""

    def __init__(self, case_id: str) -> None:
        self.kind = find_case_kind(case_id)
        self.entries: list[AccountEntry] = []
        self.later_entries: list[AccountEntry] = []
        self._invoice: InvoiceProjection | None = None
        self._projection = _CaseProjection()
        self._projected_for: tuple[int, date] | None = None

    def apply_entry(self, entry: AccountEntry, policies: PoliciesByVersion) -> None:
        invoice_id = entry.invoice_id
        if invoice_id is not None and self.kind is CaseKind.INVOICE:
            self._invoice = self._invoice or InvoiceProjection(entry.case_id, invoice_id, policies)
            self._invoice.apply_entry(entry)
        self.entries.append(entry)

    def project_until(self, end: datetime) -> _CaseProjection:
        version = (len(self.entries), end.date())
        if version != self._projected_for:
            self._projected_for = version
            self._projection = self._project_invoice(self._invoice, end) if self._invoice else self._project_other_case(end)
        return self._projection

    def _project_invoice(self, invoice: InvoiceProjection, end: datetime) -> _CaseProjection:
        return _CaseProjection(
            invoice=invoice.build_state(end),
            letters=self._list_letters(end),
            calls=list_calls(self.entries),
            promises=list_promises(self.entries, {invoice.invoice_id: invoice.currency}),
            escalations=list_escalations(self.entries),
        )

    def _project_other_case(self, end: datetime) -> _CaseProjection:
        currencies = self._list_plan_currencies()
        return _CaseProjection(
            case=build_case_state(self.entries) if self.entries else None,
            letters=self._list_letters(end),
            disputes=list_disputes(self.entries, currencies),
            plans=list_plans(self.entries, currencies),
            approvals=list_approvals(self.entries),
        )

    def _list_letters(self, end: datetime) -> list[LetterState]:
        return list_letter_states([*self.entries, *self.later_entries], end)

    def _list_plan_currencies(self) -> dict[str, str]:
        """Return the currency of each invoice that the case's first entry names: a plan names its invoices and their currency."""
        return {invoice_id: entry.get_text("currency") for entry in self.entries[:1] for invoice_id in entry.get_text("invoices").split()}


class AccountProjection:
    """Applies an account's entries in the order of business time, and builds the account's state at any moment."""

    def __init__(self, account_id: str, policies: PoliciesByVersion) -> None:
        self.account_id, self._policies = account_id, policies
        self._case_histories: dict[str, _CaseHistory] = {}
        self._entry_count = 0

    def apply_entry(self, entry: AccountEntry) -> None:
        self._find_history(entry.case_id).apply_entry(entry, self._policies)
        self._entry_count += 1

    def apply_later_entry(self, entry: AccountEntry) -> None:
        """Apply an entry from after the moment of the state: it only shows what had become of letters by then."""
        self._find_history(entry.case_id).later_entries.append(entry)

    def _find_history(self, case_id: str) -> _CaseHistory:
        history = self._case_histories.get(case_id)
        if history is None:
            history = self._case_histories[case_id] = _CaseHistory(case_id)
        return history

    def build_state(self, end: datetime) -> AccountState:
        """Return the account's state just before `end`, a moment of business time (UTC)."""
        projections = [self._case_histories[case_id].project_until(end) for case_id in sorted(self._case_histories)]
        invoices = [projection.invoice for projection in projections if projection.invoice]
        approvals = [approval for projection in projections for approval in projection.approvals]
        cases = [_place_answered_case(projection.case, approvals) for projection in projections if projection.case]
        escalations = sorted(
            (escalation for projection in projections for escalation in projection.escalations),
            key=lambda escalation: (escalation.on, escalation.invoice),
        )
        suspension_entries, write_off_entries = self._list_entries(CaseKind.SUSPENSION), self._list_entries(CaseKind.WRITE_OFF)
        return AccountState(
            account_id=self.account_id,
            at=end - TICK,
            entries=self._entry_count,
            balances=_build_balances(invoices, (end - TICK).date()),
            invoices=invoices,
            letters=sorted((letter for projection in projections for letter in projection.letters), key=_letter_sort_key),
            calls=sorted((call for projection in projections for call in projection.calls), key=lambda call: (call.on, call.invoice)),
            promises=sorted(
                (promise for projection in projections for promise in projection.promises),
                key=lambda promise: (promise.made_on, promise.invoice),
            ),
            escalations=escalations,
            disputes=[dispute for projection in projections for dispute in projection.disputes],
            plans=[plan for projection in projections for plan in projection.plans],
            approvals=approvals,
            suspensions=list_suspensions(suspension_entries, {approval.case_id: approval for approval in approvals}),
            verdicts=list_verdicts(self._list_entries(CaseKind.CREDIT_REVIEW)),
            write_off=build_write_off_facts(write_off_entries, {invoice.invoice_id: invoice.currency for invoice in invoices}),
            cases=cases,
            awaited=_list_awaited(cases, invoices, escalations),
            suspended=is_suspended(suspension_entries, write_off_entries),
        )

    def _list_entries(self, kind: CaseKind) -> list[AccountEntry]:
        """Return the entries of the cases of a kind, case by case, in the order in which the cases began."""
        histories = [history for history in self._case_histories.values() if history.kind is kind]
        entries = [entry for history in histories for entry in history.entries]
        return [entry for case_entries in group_by_case(entries, kind) for entry in case_entries]


def _letter_sort_key(letter: LetterState) -> tuple[datetime, str, str]:
    moment = letter.requested_at or letter.at
    assert moment is not None
    return moment, letter.case_id, letter.name


def _place_answered_case(case: CaseState, approvals: Sequence[ApprovalFacts]) -> CaseState:
    """Return a case whose booking needs approval as waiting for that while it is pending, otherwise as being booked."""
    if case.stage != ANSWERED:
        return case
    if any(approval.subject == case.case_id and approval.result == ApprovalStage.ASKED for approval in approvals):
        return case.model_copy(update={"stage": DisputeStage.APPROVAL, "waiting_for": "approval"})
    return case.model_copy(update={"stage": DisputeStage.BOOKING, "waiting_for": "billing"})


def _build_balances(invoices: Sequence[InvoiceState], today: date) -> list[CurrencyBalance]:
    """Return the open balance of each currency, in minor units, in order of the currencies' codes."""
    open_invoices = [invoice for invoice in invoices if not invoice.is_settled]
    return [
        _build_currency_balance(currency, [invoice for invoice in open_invoices if invoice.currency == currency], today)
        for currency in sorted({invoice.currency for invoice in open_invoices})
    ]


def _build_currency_balance(currency: str, invoices: Sequence[InvoiceState], today: date) -> CurrencyBalance:
    return CurrencyBalance(
        currency=currency,
        open_balance=sum(invoice.open_balance for invoice in invoices),
        disputed=sum(invoice.disputed for invoice in invoices),
        overdue=sum(invoice.open_balance for invoice in invoices if invoice.due_date and invoice.due_date < today),
        open_invoices=len(invoices),
    )


NOT_AWAITED = ("nothing", "time", "approval", "")
"""What a case can wait for that names no one: of an approval, its own case names the role."""


def _list_awaited(
    cases: Sequence[CaseState], invoices: Sequence[InvoiceState], escalations: Sequence[EscalationFacts]
) -> list[AwaitedParty]:
    """List who had to act: in cases, on invoices that are past their last step, and on escalations raised by hand."""
    awaited = [
        AwaitedParty(case_id=case.case_id, whom=case.waiting_for, due_on=case.due_on)
        for case in cases
        if case.waiting_for not in NOT_AWAITED
    ]
    awaited += [
        AwaitedParty(case_id=invoice.case_id, whom=Role.COLLECTIONS_MANAGER.value, due_on=None)
        for invoice in invoices
        if invoice.waiting_for == "decision"
    ]
    awaited += [
        AwaitedParty(case_id=invoice_case_id(escalation.invoice), whom=escalation.role, due_on=None)
        for escalation in escalations
        if not escalation.step and escalation.answered_on is None
    ]
    return awaited
