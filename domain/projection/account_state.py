"""How an account stood on a past day, reduced from its journal alone: the same entries always give the same standing.

What the journal knew by then counts, with one exception: what became of a letter counts from when it came about, though the invoice that
had asked for it heard of it only when it next woke.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter

from domain.clock import start_of_day
from domain.journal.account_entries import Told, by_case
from domain.projection.case_facts import ApprovalFacts, CallFacts, DisputeFacts, EscalationFacts, PlanFacts, PromiseFacts
from domain.projection.case_history import approvals, calls, disputes, escalations, plans, promises
from domain.projection.case_state import ANSWERED, case_standing, is_suspended
from domain.projection.invoice_state import InvoiceReduction
from domain.projection.letter_state import letters
from domain.projection.recovery_history import suspensions, verdicts, write_off
from domain.projection.state_models import (
    AccountStanding,
    Awaited,
    BalanceStanding,
    CaseStanding,
    InvoiceStanding,
    LetterStanding,
    Policies,
)
from domain.roles import Role

TICK = timedelta(microseconds=1)
"""The least that two moments of the journal differ by."""


def standing_on(account_id: str, told: Sequence[Told], day: date, policies: Policies) -> AccountStanding:
    """At the end of a business day. `told`: all entries of the account that count, those of later days included."""
    return standing_at(account_id, told, start_of_day(day + timedelta(days=1)), policies)


def standing_at(account_id: str, told: Sequence[Told], end: datetime, policies: Policies) -> AccountStanding:
    """Just before `end`, a moment of business time."""
    account = AccountReduction(account_id, policies)
    for entry in sorted(told, key=attrgetter("seq")):  # a clock may have been set back: a case is told in the order it was written in
        if entry.at < end:
            account.hear(entry)
        else:
            account.hear_later(entry)
    return account.standing(end)


def stepwise(account_id: str, told: Iterable[Told], policies: Policies) -> Iterator[tuple[Told, AccountStanding]]:
    """The entries one by one, in the order of business time, each with the account's standing right after it.

    A standing knows nothing of the entries after it: a letter's fate counts from the entry that tells of it.
    """
    account = AccountReduction(account_id, policies)
    for entry in told:
        account.hear(entry)
        yield entry, account.standing(entry.at + TICK)


class _CaseFile:
    """The entries of one case, and what they come to; asked again, it is worked out again only when something was added."""

    def __init__(self) -> None:
        self.entries: list[Told] = []
        self.later: list[Told] = []
        self.invoice: InvoiceReduction | None = None
        self._seen: tuple[int, date] | None = None

    def hear(self, entry: Told, policies: Policies) -> None:
        invoice = entry.invoice_id
        if invoice is not None and entry.case_id.startswith("invoice:"):
            self.invoice = self.invoice or InvoiceReduction(entry.case_id, invoice, policies)
            self.invoice.hear(entry)
        self.entries.append(entry)

    def read(self, end: datetime) -> "_CaseFile":
        seen = (len(self.entries), end.date())
        if seen != self._seen:
            self._seen, heard = seen, self.entries
            currencies = self._currencies()
            self.stands: InvoiceStanding | None = self.invoice.standing(end) if self.invoice else None
            self.case: CaseStanding | None = None if self.invoice or not heard else case_standing(heard)
            self.letters: list[LetterStanding] = letters([*heard, *self.later], end)
            self.calls: list[CallFacts] = calls(heard) if self.invoice else []
            self.promises: list[PromiseFacts] = promises(heard, currencies) if self.invoice else []
            self.escalations: list[EscalationFacts] = escalations(heard) if self.invoice else []
            self.disputes: list[DisputeFacts] = [] if self.invoice else disputes(heard, currencies)
            self.plans: list[PlanFacts] = [] if self.invoice else plans(heard, currencies)
            self.approvals: list[ApprovalFacts] = [] if self.invoice else approvals(heard)
        return self

    def _currencies(self) -> dict[str, str]:
        """Of the invoices that the case speaks of; a plan names its own."""
        if self.invoice:
            return {self.invoice.invoice_id: self.invoice.currency}
        return {name: entry.text("currency") for entry in self.entries[:1] for name in entry.text("invoices").split()}


class AccountReduction:
    """Takes in an account's entries in the order of business time, and says at any time how the account stands."""

    def __init__(self, account_id: str, policies: Policies) -> None:
        self.account_id, self._policies = account_id, policies
        self._files: defaultdict[str, _CaseFile] = defaultdict(_CaseFile)
        self._heard = 0

    def hear(self, entry: Told) -> None:
        self._files[entry.case_id].hear(entry, self._policies)
        self._heard += 1

    def hear_later(self, entry: Told) -> None:
        """An entry of after the moment asked for: it only tells what had become of letters by then."""
        self._files[entry.case_id].later.append(entry)

    def standing(self, end: datetime) -> AccountStanding:
        files = [self._files[case_id].read(end) for case_id in sorted(self._files)]
        invoices = [file.stands for file in files if file.stands]
        currencies = {one.invoice_id: one.currency for one in invoices}
        asked = [found for file in files for found in file.approvals]
        stopped, written, reviewed = (self._entries_of(kind) for kind in ("suspension:", "write_off:", "credit_review:"))
        escalated = sorted((found for file in files for found in file.escalations), key=lambda one: (one.on, one.invoice))
        cases = [_answered(file.case, asked) for file in files if file.case]
        return AccountStanding(
            account_id=self.account_id, at=end - TICK, entries=self._heard, balances=_balances(invoices, (end - TICK).date()),
            invoices=invoices, letters=sorted((one for file in files for one in file.letters), key=_letter_order),
            calls=sorted((one for file in files for one in file.calls), key=lambda one: (one.on, one.invoice)),
            promises=sorted((one for file in files for one in file.promises), key=lambda one: (one.made_on, one.invoice)),
            escalations=escalated, disputes=[one for file in files for one in file.disputes],
            plans=[one for file in files for one in file.plans], approvals=asked,
            suspensions=suspensions(stopped, {one.case_id: one for one in asked}), verdicts=verdicts(reviewed),
            write_off=write_off(written, currencies), cases=cases, awaited=_awaited(cases, invoices, escalated),
            suspended=is_suspended(stopped, written),
        )  # fmt: skip

    def _entries_of(self, prefix: str) -> list[Told]:
        mine = [entry for case_id, file in self._files.items() if case_id.startswith(prefix) for entry in file.entries]
        return [entry for entries in by_case(mine, prefix) for entry in entries]


def _letter_order(one: LetterStanding) -> tuple[datetime, str, str]:
    moment = one.requested_at or one.at
    assert moment is not None
    return moment, one.case_id, one.name


def _answered(case: CaseStanding, asked: Sequence[ApprovalFacts]) -> CaseStanding:
    """A dispute whose answer waits for nobody's approval is being booked."""
    if case.stage != ANSWERED:
        return case
    waits = any(one.subject == case.case_id and one.result == "asked" for one in asked)
    return case.model_copy(
        update={"stage": "approval", "waiting_for": "approval"} if waits else {"stage": "booking", "waiting_for": "billing"}
    )


def _balances(invoices: Sequence[InvoiceStanding], today: date) -> list[BalanceStanding]:
    found: list[BalanceStanding] = []
    owed = [one for one in invoices if not one.settled]
    for currency in sorted({one.currency for one in owed}):
        mine = [one for one in owed if one.currency == currency]
        found.append(
            BalanceStanding(
                currency=currency, open_balance=sum(one.open_balance for one in mine), disputed=sum(one.disputed for one in mine),
                overdue=sum(one.open_balance for one in mine if one.due_date and one.due_date < today), open_invoices=len(mine),
            )
        )  # fmt: skip
    return found


def _awaited(cases: Sequence[CaseStanding], invoices: Sequence[InvoiceStanding], escalated: Sequence[EscalationFacts]) -> list[Awaited]:
    """Those who had to act: of approvals the roles asked, not the cases that wait for them; time alone is nobody."""
    nobody = ("nothing", "time", "approval", "")
    people = [Awaited(case_id=one.case_id, whom=one.waiting_for, due_on=one.due_on) for one in cases if one.waiting_for not in nobody]
    people += [
        Awaited(case_id=one.case_id, whom=Role.COLLECTIONS_MANAGER.value, due_on=None) for one in invoices if one.waiting_for == "decision"
    ]
    people += [
        Awaited(case_id=f"invoice:{one.invoice}", whom=one.role, due_on=None)
        for one in escalated
        if not one.step and one.answered_on is None
    ]
    return people
