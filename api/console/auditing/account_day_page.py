"""An account on a day: as it was known then, by the journal, beside what is known of that day now; its entries, and why each step came."""

from datetime import date, timedelta
from typing import Annotated, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from adapters.audit.audit_service import find_chain_faults
from adapters.audit.effective_balances import EffectiveBalance, load_effective_balances
from adapters.journal.account_state import AccountStateQuery
from adapters.read_model.accounts import AccountDetail, find_account
from adapters.read_model.letter_brakes import find_account_brake
from adapters.read_model.proof_lines import list_proven_lines
from api.console.rendering import load_reader, render, require_page_right
from api.context import ApiContext
from api.presenters.next_step_reason import explain_waiting_letter
from api.presenters.phrases import Phrases
from api.schemas.request_body import Day
from api.web.access_logging import record_shown_account
from api.web.authentication import Context
from api.web.permissions import Permission
from api.web.problems import invalid_request_problem, not_found_problem
from api.web.request_target import EncodedPathRoute
from domain.clock import start_of_day
from domain.journal.account_entries import AccountEntry
from domain.policy.collection_policy import Policy
from domain.projection.account_state import account_state_on
from domain.projection.explanation import explain_day
from domain.projection.state_models import InvoiceState
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
MAX_ENTRIES = 200
MAX_DAYS, MAX_MARKS = 100_000, 200


class InvoiceOnDay(NamedTuple):
    """`then`: as the journal knew it, None where its collection had not begun; `now`: what is known now of that day. `why`: a sentence."""

    then: InvoiceState | None
    now: EffectiveBalance
    why: str

    @property
    def differs(self) -> bool:
        return self.then is not None and self.then.open_balance != self.now.open_balance


class AccountHistory(NamedTuple):
    """Everything that the journal has of an account, in the order of business time, and the policies that its entries name."""

    entries: list[AccountEntry]
    policies: dict[tuple[str, int], Policy]


Auditing = Annotated[Actor, Depends(require_page_right(Permission.AUDIT))]


@router.get("/audit/accounts/{account_id}")
def show_account_day(
    request: Request,
    account_id: str,
    context: Context,
    actor: Auditing,
    on: Annotated[Day | None, Query()] = None,
    days: Annotated[int | None, Query(ge=0, le=MAX_DAYS)] = None,
    days_shown: Annotated[int | None, Query(ge=0, le=MAX_DAYS)] = None,
) -> Response:
    """`on`: a business date; today when left out. `days`: of the line through time, how many after its first, where it was moved from
    `days_shown`. Raises Problem 404 and 422."""
    account = find_account(context.database, account_id, context.today, invoices=0)
    if account is None:
        raise not_found_problem("account", account_id, "the list of accounts finds it by a part of its name or number")
    history = AccountHistory(*AccountStateQuery(context.database).load_entries(account_id))
    line = _draw_line(history.entries, context.today)
    if days is not None:
        chosen = line.find_day(days) if line and days != days_shown else on or context.today
        return RedirectResponse(f"{request.url.path}?{urlencode({'on': chosen.isoformat()})}", status_code=303)
    day = on or context.today
    if day > context.today:
        raise invalid_request_problem("on", f"the day has not come; write {context.today.isoformat()} or an earlier one")
    record_shown_account(request, account_id)
    _, words = load_reader(context, actor)
    so_far = [entry for entry in history.entries if entry.at < start_of_day(day + timedelta(days=1))]
    lines, proofs = list_proven_lines(context.database, so_far[-MAX_ENTRIES:])
    return render(
        request,
        context,
        "account_day.html",
        actor,
        account=account,
        day=day,
        days=_list_days(history.entries, day, context.today),
        line=line,
        state=account_state_on(account_id, history.entries, day, history.policies),
        invoices=_list_invoices(context, account, day, history, words),
        count=len(so_far),
        entries=[(line, words.render_entry(line.kind, line.told_facts, line.currency)) for line in reversed(lines)],
        proofs=proofs,
        faults=find_chain_faults(context.database, account_id),
    )


class TimeLine(NamedTuple):
    """The days through which the page is moved, from the first on which something was written to today. `written`: how many days after
    the first there are entries, on the last MAX_MARKS such days."""

    first: date
    last: date
    written: list[int]

    @property
    def length(self) -> int:
        return (self.last - self.first).days

    def find_place(self, day: date) -> int:
        """How many days after the first; a day before it is at its beginning."""
        return max((day - self.first).days, 0)

    def find_day(self, days: int) -> date:
        return min(self.first + timedelta(days=days), self.last)


def _draw_line(entries: list[AccountEntry], today: date) -> TimeLine | None:
    """None where nothing was written before today: there is no way to go."""
    written = sorted({entry.at.date() for entry in entries if entry.at.date() <= today})
    if not written or written[0] == today:
        return None
    return TimeLine(written[0], today, [(each - written[0]).days for each in written[-MAX_MARKS:]])


class DaysToGo(NamedTuple):
    """The days to which the page leads: None where there is none. `changes`: those nearest on which something was written."""

    first: date | None
    before: date | None
    after: date | None
    last: date


def _list_days(entries: list[AccountEntry], day: date, today: date) -> DaysToGo:
    days = sorted({entry.at.date() for entry in entries})
    before = max((each for each in days if each < day), default=None)
    after = min((each for each in days if each > day and each <= today), default=None)
    return DaysToGo(days[0] if days else None, before, after, today)


def _list_invoices(context: ApiContext, account: AccountDetail, day: date, history: AccountHistory, words: Phrases) -> list[InvoiceOnDay]:
    """The oldest due first."""
    state = account_state_on(account.id, history.entries, day, history.policies)
    then = {invoice.invoice_id: invoice for invoice in state.invoices}
    brake = find_account_brake(context.database, account.id, day)
    found = []
    for now in load_effective_balances(context.database, account.id, day):
        why = ""
        if now.invoice_id in then:
            explained = explain_day(history.entries, now.invoice_id, day, history.policies)
            sentence, facts = explain_waiting_letter(brake, explained.sentence, explained.facts)
            why = words.render_explanation(sentence, facts, now.currency)
        found.append(InvoiceOnDay(then.get(now.invoice_id), now, why))
    return found
