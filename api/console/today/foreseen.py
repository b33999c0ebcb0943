"""What will happen once a call is saved, in sentences with their days: said under the form, before anything is done."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from pydantic import ValidationError

from adapters.cases.call_tasks import list_called_invoices
from adapters.i18n.wording import fill_placeholders
from adapters.read_model.account_debts import list_open_debts
from adapters.read_model.invoices import InvoiceRow
from api.commands.call_planning import CallPlan, CallPlanner
from api.console.acts.form_body import UnreadableField, build_body
from api.console.acts.forms import load_act_forms
from api.console.acts.sent_form import Values, get_first
from api.console.acts.wording import Reader
from api.console.today.customer import ShownCustomer
from api.context import ApiContext
from api.schemas.accounts import AccountCallIn
from domain.clock import start_of_day
from domain.invoice.commands import CallOutcome, LogCall, MakePromise
from domain.invoice.promise import Promise
from domain.policy.collection_policy import Policy
from domain.policy.dispute_rules import DisputeReason
from domain.roles import Actor
from domain.timeline.holds import HeldPeriod, Holds
from domain.timeline.step_schedule import step_due_at

CALL_FORM = "log_account_call"
OUTCOME, LOOK_AGAIN, PROMISES, DISPUTES = "outcome", "look_again_on", "promises.0", "disputes.0"
PROMISED_AMOUNT, PROMISED_BY, DISPUTE_REASON = f"{PROMISES}.amount", f"{PROMISES}.by", f"{DISPUTES}.reason"

ADVICE = {
    CallOutcome.REACHED: "then_reached",
    CallOutcome.NO_ANSWER: "then_not_reached",
    CallOutcome.LEFT_MESSAGE: "then_not_reached",
    CallOutcome.CALL_BACK_LATER: "then_call_back",
    CallOutcome.REFUSES_TO_PAY: "then_refuses",
    CallOutcome.WRONG_NUMBER: "then_wrong_number",
}
"""What is to be thought of with each outcome, by the phrase that says it."""


class ForeseenCall(NamedTuple):
    """`invoices`: how many the call is about. `follows` is so whatever else is filled in, `advice` for an outcome each. `promise`,
    `dispute` and `again` say what comes of these parts: of what was filled in, or else of any."""

    invoices: int
    follows: list[str]
    advice: Mapping[str, str]
    promise: str
    dispute: str
    again: str


def foresee_call(context: ApiContext, customer: ShownCustomer, actor: Actor, values: Values, reader: Reader) -> ForeseenCall:
    """`values`: what is filled in so far; whatever of it cannot be read yet is left out."""
    return _Foresight(context, customer, reader).foresee(actor, values)


class _Foresight:
    """What one customer's invoices will do."""

    def __init__(self, context: ApiContext, customer: ShownCustomer, reader: Reader) -> None:
        self._context, self._customer, self._reader = context, customer, reader
        self._rows = {row.id: row for row in customer.subject.open_invoices}
        first = next((row for row in self._rows.values() if row.case), None)
        self._policy = customer.find_policy(first.case) if first else None

    def foresee(self, actor: Actor, values: Values) -> ForeseenCall:
        plan = self._plan(actor, values)
        heard = sum(isinstance(part.command, LogCall) for part in plan.parts)
        promised = [(part.invoice_id, part.command) for part in plan.parts if isinstance(part.command, MakePromise)]
        return ForeseenCall(
            invoices=heard,
            follows=self._tell_follows(heard, is_promised=bool(promised)),
            advice={outcome.value: self._say(phrase) for outcome, phrase in ADVICE.items()},
            promise=self._tell_promise(promised),
            dispute=self._tell_dispute(values),
            again=self._tell_again(values),
        )

    def _plan(self, actor: Actor, values: Values) -> CallPlan:
        """As the API would plan the call, without its disputes: these ask for more than what is to be told of them."""
        database, account_id = self._context.database, self._customer.account.id
        debts, called = list_open_debts(database, account_id), list_called_invoices(database, account_id)
        return CallPlanner(self._read_call(values), "", actor, debts, called, False, self._context.today).plan()

    def _read_call(self, values: Values) -> AccountCallIn:
        told = {name: given for name, given in values.items() if name.startswith(PROMISES)}
        for given in (told, {**told, PROMISED_AMOUNT: ()}):
            try:
                body = build_body(load_act_forms()[CALL_FORM], given, self._reader.locale)
                return AccountCallIn.model_validate({**body, OUTCOME: CallOutcome.REACHED})
            except (UnreadableField, ValidationError):
                continue
        return AccountCallIn(outcome=CallOutcome.REACHED)

    def _tell_follows(self, heard: int, *, is_promised: bool) -> list[str]:
        told = [self._say("then_call", invoices=str(heard))] if heard else []
        following = self._customer.standing.next
        if following and following.step and following.on and not is_promised:
            day = max(following.on, self._context.today)
            told.append(self._say("then_next", step=self._reader.phrases.step_label(following.step), day=self._tell_day(day)))
        return told

    def _tell_promise(self, promised: Sequence[tuple[str, MakePromise]]) -> str:
        if self._policy is None:
            return ""
        rules = self._policy.promise
        if not promised:
            return self._say("then_any_promise", days=str(rules.tolerance_days + 1))
        by, today = promised[0][1].by, self._context.today
        if (by - today).days > rules.longest_days:
            return self._say("then_too_late", day=self._tell_day(today + timedelta(days=rules.longest_days)))
        until = Promise(promise_id="", amount=1, by=by, first_made_on=today).judged_at(rules).date()
        rows = [self._rows[invoice_id] for invoice_id, _ in promised if invoice_id in self._rows]
        step, day = self._find_resumption(rows, until)
        amount = sum(command.amount for _, command in promised)
        return self._say(
            "then_promise",
            invoices=str(len(promised)),
            until=self._tell_day(until),
            amount=self._reader.phrases.shared.format_money(amount, rows[0].currency) if rows else "",
            step=self._reader.phrases.step_label(step) if step else "",
            day=self._tell_day(day) if step else "",
        )

    def _find_resumption(self, rows: Sequence[InvoiceRow], until: date) -> tuple[str, date]:
        """Which step comes first if the promise is not kept, and from which day on. Earlier holds, which the row does not know, may make
        it later."""
        found = [each for row in rows if self._policy and (each := self._find_step_after(self._policy, row, until))]
        return min(found, key=lambda each: each[1], default=("", until))

    def _find_step_after(self, policy: Policy, row: InvoiceRow, until: date) -> tuple[str, date] | None:
        case = row.case
        step = policy.find_step(case.next_step) if case and case.next_step else None
        if case is None or step is None:
            return None
        held = Holds(past=[HeldPeriod(start=self._context.business_now, end=start_of_day(until))])
        due = step_due_at(policy, step, case.taken, row.due_date, held).date()
        return step.step, max(due, until, case.next_on or until)

    def _tell_dispute(self, values: Values) -> str:
        reason = get_first(values, DISPUTE_REASON)
        if self._policy is None or reason not in set(DisputeReason):
            return self._say("then_any_dispute")
        rules, cause = self._policy.dispute, DisputeReason(reason)
        deadline = self._context.today + timedelta(days=rules.days[cause])
        department = self._reader.phrases.translate("roles", rules.department[cause].value)
        return self._say("then_dispute", department=department, deadline=self._tell_day(deadline))

    def _tell_again(self, values: Values) -> str:
        try:
            day = date.fromisoformat(get_first(values, LOOK_AGAIN))
        except ValueError:
            return ""
        return self._say("then_again", day=self._tell_day(day)) if day > self._context.today else ""

    def _tell_day(self, day: date) -> str:
        return self._reader.phrases.shared.format_day(day)

    def _say(self, phrase: str, **facts: Any) -> str:
        return fill_placeholders(self._reader.phrases.today[phrase], facts)
