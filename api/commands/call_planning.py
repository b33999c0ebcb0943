"""What a call with a customer sends to which invoice, worked out and examined before anything is sent."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from adapters.read_model.account_debts import OpenDebt
from api.schemas.accounts import AccountCallIn, CallPromiseIn
from api.schemas.amounts import Amount
from api.web.problems import FieldError, build_field_error
from domain.case.command import Command
from domain.dispute.commands import DisputeSource, RaiseDispute
from domain.invoice.command_rules import PROMISED_DAY_PASSED
from domain.invoice.commands import AddNote, LogCall, MakePromise
from domain.invoice.promise import PromiseShare
from domain.refusal import Refusal
from domain.roles import Actor

OVERDUE = "overdue"
LOOK_AGAIN_LATER = Refusal("call.look_again", "name a day after today")
DISPUTE_NEEDS_DAY = Refusal("call.dispute_needs_day", "name a day on which to see whether the dispute has its answer")


class PlannedPart(NamedTuple):
    """A command to one invoice. `pointer` is the part of the request that asks for it, empty for the call itself."""

    pointer: str
    invoice_id: str
    command: Command


class CallPlan(NamedTuple):
    """The parts in the order in which they are sent, or the faults for which none is. `texts`: of the notes that are kept first, by the
    id of the command that names them."""

    parts: list[PlannedPart]
    faults: list[FieldError]
    texts: list[tuple[str, str, str]]


class CallPlanner:
    """Plans one call. `called`: the invoices that ask for it; `lacks_address`: the account's letters wait for an address; `today` is the
    business date."""

    def __init__(
        self,
        body: AccountCallIn,
        call_id: str,
        actor: Actor,
        debts: Sequence[OpenDebt],
        called: Sequence[str],
        lacks_address: bool,
        today: date,
    ):
        self._body, self._call_id, self._actor, self._today = body, call_id, actor, today
        self._lacks_address = lacks_address
        self._debts = {debt.invoice_id: debt for debt in debts}
        self._called = called
        self._faults: list[FieldError] = []
        self._texts: list[tuple[str, str, str]] = []

    def plan(self) -> CallPlan:
        self._examine_day("/look_again_on", self._body.look_again_on)
        named = [*self._plan_promises(), *self._plan_disputes(), *self._plan_notes()]
        hearing = dict.fromkeys([*self._called, *(part.invoice_id for part in named)])
        overdue = [debt.invoice_id for debt in self._debts.values() if debt.due_date < self._today]
        heard = [PlannedPart("", invoice_id, self._build_call(invoice_id)) for invoice_id in hearing or overdue]
        return CallPlan([*heard, *named], self._faults, self._texts)

    def _fault(self, pointer: str, detail: Refusal) -> None:
        self._faults.append(build_field_error(pointer, detail))

    def _examine_day(self, pointer: str, day: date | None) -> None:
        if day and day <= self._today:
            self._fault(pointer, LOOK_AGAIN_LATER)

    def _build_call(self, invoice_id: str) -> LogCall:
        return LogCall(
            act_id=f"{self._call_id}:{invoice_id}",
            actor=self._actor.user,
            outcome=self._body.outcome,
            note_id=f"note:{self._call_id}" if self._body.note else None,
            call=self._call_id,
            again_on=self._body.again_on,
            without_address=self._lacks_address,
        )

    def _find_debt(self, pointer: str, invoice_id: str) -> OpenDebt | None:
        debt = self._debts.get(invoice_id)
        if debt is None:
            self._fault(
                pointer,
                Refusal(
                    "call.no_invoice", "{invoice} is no invoice of this account that is open and under collection", invoice=repr(invoice_id)
                ),
            )
        return debt

    # --- promises

    def _plan_promises(self) -> Iterator[PlannedPart]:
        promised: dict[str, str] = {}
        for index, promise in enumerate(self._body.promises):
            pointer = f"/promises/{index}"
            debts = self._list_promised_debts(pointer, promise)
            if promise.by < self._today:
                self._fault(f"{pointer}/by", PROMISED_DAY_PASSED)
            for debt in debts:
                if debt.invoice_id in promised:
                    self._fault(
                        f"{pointer}/invoices",
                        Refusal(
                            "call.promised_twice",
                            "{invoice} is part of {part} already",
                            invoice=debt.invoice_id,
                            part=promised[debt.invoice_id],
                        ),
                    )
                promised.setdefault(debt.invoice_id, pointer)
            yield from self._allot(pointer, promise, debts)

    def _list_promised_debts(self, pointer: str, promise: CallPromiseIn) -> list[OpenDebt]:
        """List the invoices of a promise, the oldest due first."""
        if promise.invoices == OVERDUE:
            mine = [debt for debt in self._debts.values() if debt.currency == promise.currency and debt.due_date < self._today]
            found = [debt for debt in mine if debt.promisable > 0]
            if not found:
                self._fault(
                    f"{pointer}/invoices",
                    Refusal("call.nothing_overdue", "nothing is overdue in {currency} that could be promised", currency=promise.currency),
                )
            return found
        found = []
        for number, invoice_id in enumerate(promise.invoices):
            place = f"{pointer}/invoices/{number}"
            debt = self._find_debt(place, invoice_id)
            if debt and debt.currency != promise.currency:
                self._fault(
                    place,
                    Refusal(
                        "call.promise_currency",
                        "invoice {invoice} is in {currency}; a promise is in one currency",
                        invoice=invoice_id,
                        currency=debt.currency,
                    ),
                )
            elif debt and debt not in found:
                found.append(debt)
        return sorted(found, key=lambda debt: (debt.due_date, debt.invoice_id))

    def _allot(self, pointer: str, promise: CallPromiseIn, debts: Sequence[OpenDebt]) -> Iterator[PlannedPart]:
        """Give each invoice its part of the amount, the oldest due first; those that get none are no part of the promise."""
        over_all = promise.invoices == OVERDUE
        owed = {debt.invoice_id: debt.promisable if over_all else debt.open_balance for debt in debts}
        total = sum(owed.values())
        left = total if promise.minor is None else promise.minor
        if left > total and debts:
            most = Amount.from_minor(total, promise.currency)
            self._fault(
                f"{pointer}/amount",
                Refusal(
                    "call.promised_too_much",
                    "the promised amount is more than these invoices owe, {owed}",
                    owed=f"{most.currency} {most.amount}",
                ),
            )
            return
        parts: dict[str, int] = {}
        for invoice_id, open_balance in owed.items():
            part = min(open_balance, left)
            left -= part
            if part > 0:
                parts[invoice_id] = part
        promise_id = f"{self._call_id}:promise:{pointer.rpartition('/')[2]}"
        share = PromiseShare(promise_id=promise_id, amount=sum(parts.values())) if len(parts) > 1 else None
        for invoice_id, amount in parts.items():
            act_id = f"{promise_id}:{invoice_id}" if share else promise_id
            yield PlannedPart(
                pointer, invoice_id, MakePromise(act_id=act_id, actor=self._actor.user, amount=amount, by=promise.by, share=share)
            )

    # --- disputes and notes

    def _plan_disputes(self) -> Iterator[PlannedPart]:
        contested: set[str] = set()
        for index, dispute in enumerate(self._body.disputes):
            pointer = f"/disputes/{index}"
            debt = self._find_debt(f"{pointer}/invoice_id", dispute.invoice_id)
            if debt and debt.currency != dispute.currency:
                self._fault(
                    f"{pointer}/currency",
                    Refusal(
                        "dispute.currency",
                        "the invoice is in {currency}; write the disputed amount in {currency} too",
                        currency=debt.currency,
                    ),
                )
            self._examine_day(f"{pointer}/look_again_on", dispute.look_again_on)
            if self._body.again_on is None:
                self._fault(f"{pointer}/look_again_on", DISPUTE_NEEDS_DAY)
            if dispute.invoice_id in contested:
                self._fault(f"{pointer}/invoice_id", Refusal("call.one_dispute", "an invoice has one dispute at a time"))
            contested.add(dispute.invoice_id)
            act_id = f"{self._call_id}:dispute:{index}"
            command = RaiseDispute(
                act_id=act_id,
                actor=self._actor.user,
                role=self._actor.role,
                reason=dispute.reason,
                amount=dispute.minor,
                source=DisputeSource.CALL,
                note_id=self._keep_text(act_id, dispute.invoice_id, dispute.comment),
            )
            yield PlannedPart(pointer, dispute.invoice_id, command)

    def _plan_notes(self) -> Iterator[PlannedPart]:
        for index, note in enumerate(self._body.notes):
            pointer, act_id = f"/notes/{index}", f"{self._call_id}:note:{index}"
            self._find_debt(f"{pointer}/invoice_id", note.invoice_id)
            note_id = self._keep_text(act_id, note.invoice_id, note.text) or ""
            yield PlannedPart(pointer, note.invoice_id, AddNote(act_id=act_id, actor=self._actor.user, note_id=note_id))

    def _keep_text(self, act_id: str, invoice_id: str, text: str) -> str | None:
        """Return the id under which a text is kept, beside the journal; None for an empty one."""
        if not text:
            return None
        self._texts.append((act_id, invoice_id, text))
        return f"note:{act_id}"
