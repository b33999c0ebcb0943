"""How an account stood on a past day, reduced from its journal alone: the same entries always give the same standing.

What the journal knew by then counts, with one exception: what became of a letter counts from when it came about, though the invoice that
had asked for it heard of it only when it next woke.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter

from domain.clock import start_of_day
from domain.journal.account_entries import AccountEntry, group_by_case
from domain.projection.case_facts import ApprovalFacts, CallFacts, DisputeFacts, EscalationFacts, PlanFacts, PromiseFacts
from domain.projection.case_history import list_approvals, list_calls, list_disputes, list_escalations, list_plans, list_promises
from domain.projection.case_state import DISPUTE_ANSWERED, build_case_state, is_suspended
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
"""The least that two moments of the journal differ by."""


def account_state_on(account_id: str, account_entries: Sequence[AccountEntry], day: date, policies: PoliciesByVersion) -> AccountState:
    """At the end of a business day. `told`: all entries of the account that count, those of later days included."""
    return account_state_at(account_id, account_entries, start_of_day(day + timedelta(days=1)), policies)


def account_state_at(account_id: str, account_entries: Sequence[AccountEntry], end: datetime, policies: PoliciesByVersion) -> AccountState:
    """Just before `end`, a moment of business time."""
    account = AccountProjection(account_id, policies)
    for entry in sorted(
        account_entries, key=attrgetter("seq")
    ):  # a clock may have been set back: a case is told in the order it was written in
        if entry.at < end:
            account.apply_entry(entry)
        else:
            account.apply_later_entry(entry)
    return account.build_state(end)


def iterate_account_states(
    account_id: str, account_entries: Iterable[AccountEntry], policies: PoliciesByVersion
) -> Iterator[tuple[AccountEntry, AccountState]]:
    """The entries one by one, in the order of business time, each with the account's standing right after it.

    A standing knows nothing of the entries after it: a letter's fate counts from the entry that tells of it.
    """
    account = AccountProjection(account_id, policies)
    for entry in account_entries:
        account.apply_entry(entry)
        yield entry, account.build_state(entry.at + TICK)


class _CaseHistory:
    """The entries of one case, and what they come to; asked again, it is worked out again only when something was added."""

    def __init__(self) -> None:
        self.entries: list[AccountEntry] = []
        self.later_entries: list[AccountEntry] = []
        self.invoice: InvoiceProjection | None = None
        self._projected_for: tuple[int, date] | None = None

    def apply_entry(self, entry: AccountEntry, policies: PoliciesByVersion) -> None:
        invoice = entry.invoice_id
        if invoice is not None and entry.case_id.startswith("invoice:"):
            self.invoice = self.invoice or InvoiceProjection(entry.case_id, invoice, policies)
            self.invoice.apply_entry(entry)
        self.entries.append(entry)

    def project_until(self, end: datetime) -> "_CaseHistory":
        seen = (len(self.entries), end.date())
        if seen != self._projected_for:
            self._projected_for, heard = seen, self.entries
            currencies = self._invoice_currencies()
            self.invoice_state: InvoiceState | None = self.invoice.build_state(end) if self.invoice else None
            self.case_state: CaseState | None = None if self.invoice or not heard else build_case_state(heard)
            self.letters: list[LetterState] = list_letter_states([*heard, *self.later_entries], end)
            self.calls: list[CallFacts] = list_calls(heard) if self.invoice else []
            self.promises: list[PromiseFacts] = list_promises(heard, currencies) if self.invoice else []
            self.escalations: list[EscalationFacts] = list_escalations(heard) if self.invoice else []
            self.disputes: list[DisputeFacts] = [] if self.invoice else list_disputes(heard, currencies)
            self.plans: list[PlanFacts] = [] if self.invoice else list_plans(heard, currencies)
            self.approvals: list[ApprovalFacts] = [] if self.invoice else list_approvals(heard)
        return self

    def _invoice_currencies(self) -> dict[str, str]:
        """Of the invoices that the case speaks of; a plan names its own."""
        if self.invoice:
            return {self.invoice.invoice_id: self.invoice.currency}
        return {name: entry.get_text("currency") for entry in self.entries[:1] for name in entry.get_text("invoices").split()}


class AccountProjection:
    """Takes in an account's entries in the order of business time, and says at any time how the account stands."""

    def __init__(self, account_id: str, policies: PoliciesByVersion) -> None:
        self.account_id, self._policies = account_id, policies
        self._case_histories: defaultdict[str, _CaseHistory] = defaultdict(_CaseHistory)
        self._entry_count = 0

    def apply_entry(self, entry: AccountEntry) -> None:
        self._case_histories[entry.case_id].apply_entry(entry, self._policies)
        self._entry_count += 1

    def apply_later_entry(self, entry: AccountEntry) -> None:
        """An entry of after the moment asked for: it only tells what had become of letters by then."""
        self._case_histories[entry.case_id].later_entries.append(entry)

    def build_state(self, end: datetime) -> AccountState:
        files = [self._case_histories[case_id].project_until(end) for case_id in sorted(self._case_histories)]
        invoices = [file.invoice_state for file in files if file.invoice_state]
        currencies = {one.invoice_id: one.currency for one in invoices}
        asked = [found for file in files for found in file.approvals]
        stopped, written, reviewed = (self._list_entries(kind) for kind in ("suspension:", "write_off:", "credit_review:"))
        escalated = sorted((found for file in files for found in file.escalations), key=lambda one: (one.on, one.invoice))
        cases = [_place_answered_dispute(file.case_state, asked) for file in files if file.case_state]
        return AccountState(
            account_id=self.account_id,
            at=end - TICK,
            entries=self._entry_count,
            balances=_build_balances(invoices, (end - TICK).date()),
            invoices=invoices,
            letters=sorted((one for file in files for one in file.letters), key=_letter_sort_key),
            calls=sorted((one for file in files for one in file.calls), key=lambda one: (one.on, one.invoice)),
            promises=sorted((one for file in files for one in file.promises), key=lambda one: (one.made_on, one.invoice)),
            escalations=escalated,
            disputes=[one for file in files for one in file.disputes],
            plans=[one for file in files for one in file.plans],
            approvals=asked,
            suspensions=list_suspensions(stopped, {one.case_id: one for one in asked}),
            verdicts=list_verdicts(reviewed),
            write_off=build_write_off_facts(written, currencies),
            cases=cases,
            awaited=_list_awaited(cases, invoices, escalated),
            suspended=is_suspended(stopped, written),
        )

    def _list_entries(self, prefix: str) -> list[AccountEntry]:
        mine = [entry for case_id, file in self._case_histories.items() if case_id.startswith(prefix) for entry in file.entries]
        return [entry for entries in group_by_case(mine, prefix) for entry in entries]


def _letter_sort_key(letter: LetterState) -> tuple[datetime, str, str]:
    moment = letter.requested_at or letter.at
    assert moment is not None
    return moment, letter.case_id, letter.name


def _place_answered_dispute(case: CaseState, asked: Sequence[ApprovalFacts]) -> CaseState:
    """A dispute whose answer waits for nobody's approval is being booked."""
    if case.stage != DISPUTE_ANSWERED:
        return case
    waits = any(one.subject == case.case_id and one.result == "asked" for one in asked)
    return case.model_copy(
        update={"stage": "approval", "waiting_for": "approval"} if waits else {"stage": "booking", "waiting_for": "billing"}
    )


def _build_balances(invoices: Sequence[InvoiceState], today: date) -> list[CurrencyBalance]:
    found: list[CurrencyBalance] = []
    owed = [one for one in invoices if not one.is_settled]
    for currency in sorted({one.currency for one in owed}):
        mine = [one for one in owed if one.currency == currency]
        found.append(
            CurrencyBalance(
                currency=currency,
                open_balance=sum(one.open_balance for one in mine),
                disputed=sum(one.disputed for one in mine),
                overdue=sum(one.open_balance for one in mine if one.due_date and one.due_date < today),
                open_invoices=len(mine),
            )
        )
    return found


def _list_awaited(cases: Sequence[CaseState], invoices: Sequence[InvoiceState], escalated: Sequence[EscalationFacts]) -> list[AwaitedParty]:
    """Those who had to act: of approvals the roles asked, not the cases that wait for them; time alone is nobody."""
    nobody = ("nothing", "time", "approval", "")
    people = [AwaitedParty(case_id=one.case_id, whom=one.waiting_for, due_on=one.due_on) for one in cases if one.waiting_for not in nobody]
    people += [
        AwaitedParty(case_id=one.case_id, whom=Role.COLLECTIONS_MANAGER.value, due_on=None)
        for one in invoices
        if one.waiting_for == "decision"
    ]
    people += [
        AwaitedParty(case_id=f"invoice:{one.invoice}", whom=one.role, due_on=None)
        for one in escalated
        if not one.step and one.answered_on is None
    ]
    return people
