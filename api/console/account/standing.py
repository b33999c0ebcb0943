"""What the account's page says at its top: what is owed, by age and less what came in, what was promised, what comes next."""

from datetime import date, datetime
from typing import NamedTuple

from adapters.credit.solvency_query import SolvencyQuery
from adapters.journal.promises import LastCall, find_last_call, load_promises
from adapters.read_model.accounts import AccountDetail, AgedBalance, BalanceRow, load_ages
from adapters.read_model.correspondence import LetterRow
from adapters.read_model.invoices import InvoiceRow
from adapters.read_model.letter_brakes import find_account_brake
from api.commands.live_invoice import PolicyReader
from api.console.overview.bars import BarPart, draw_stacked_bar
from api.context import ApiContext
from api.presenters.invoices import explain_invoice
from api.presenters.phrases import Phrases
from api.presenters.solvency import present_solvency
from api.schemas.solvency import SolvencyOut
from domain.billing.billing_events import InvoiceStatus
from domain.projection.case_facts import PromiseFacts, PromiseStatus
from domain.timeline.holds import HoldKind

MAX_PROMISES = 5
KEPT_OR_NOT = (PromiseStatus.KEPT, PromiseStatus.PARTLY_KEPT, PromiseStatus.BROKEN)


class CurrencyStanding(NamedTuple):
    """One currency's, in its minor units. `net`: what is overdue less the unapplied credit."""

    balance: BalanceRow
    aged: AgedBalance
    net: int


class PromiseHistory(NamedTuple):
    """`latest`: the first few, the latest first. `judged`: how many were kept or not, `kept`: how many of these were; `open`: how many can
    still be kept."""

    latest: list[PromiseFacts]
    kept: int
    judged: int
    open: int


class NextOfAccount(NamedTuple):
    """What comes next of its invoices; `invoices` are those that it comes to on that day. `why` is a sentence; without a `step`,
    what all of it waits for."""

    step: str | None
    on: date | None
    why: str
    invoices: list[InvoiceRow]


class LastContact(NamedTuple):
    """The later of the last letter that went and the last call, in business time."""

    at: datetime
    letter: LetterRow | None
    call: LastCall | None


class AccountStanding(NamedTuple):
    """`paused`: the invoices whose collection a person has paused; `has_open`: one or more is still to be paid."""

    currencies: list[CurrencyStanding]
    promises: PromiseHistory
    solvency: SolvencyOut
    next: NextOfAccount | None
    last_contact: LastContact | None
    paused: list[InvoiceRow]
    has_open: bool


def load_standing(
    context: ApiContext, account: AccountDetail, last_letter: LetterRow | None, words: Phrases, find_policy: PolicyReader
) -> AccountStanding:
    """`last_letter`: the last one that went."""
    ages = load_ages(context.database, account.id, context.today)
    solvency = SolvencyQuery(context.database).load_solvency(account.id, context.business_now)
    open_rows = [row for row in account.invoices if row.status == InvoiceStatus.OPEN]
    return AccountStanding(
        currencies=[_build_currency(balance, ages) for balance in account.balances],
        promises=_judge_promises(load_promises(context.database, account.id, context.business_now)),
        solvency=present_solvency(solvency, words.language),
        next=_find_next(context, account.id, open_rows, words, find_policy),
        last_contact=_find_last_contact(last_letter, find_last_call(context.database, account.id)),
        paused=[row for row in open_rows if row.case and any(hold.kind is HoldKind.PAUSE for hold in row.case.holds)],
        has_open=bool(open_rows),
    )


def draw_ages(currency: CurrencyStanding) -> list[BarPart]:
    """How what is overdue is spread by age, as the parts of a bar; what is not due yet has none."""
    return draw_stacked_bar([0, *currency.aged.ages[1:]])


def _build_currency(balance: BalanceRow, ages: dict[str, AgedBalance]) -> CurrencyStanding:
    aged = ages.get(balance.currency) or AgedBalance.empty(balance.currency)
    return CurrencyStanding(balance, aged, max(balance.overdue - balance.unapplied, 0))


def _judge_promises(promises: list[PromiseFacts]) -> PromiseHistory:
    judged = [promise for promise in promises if promise.outcome in KEPT_OR_NOT]
    kept, still_open = (sum(each.outcome == outcome for each in promises) for outcome in (PromiseStatus.KEPT, PromiseStatus.OPEN))
    return PromiseHistory(promises[:MAX_PROMISES], kept, len(judged), still_open)


def _find_next(
    context: ApiContext, account_id: str, open_rows: list[InvoiceRow], words: Phrases, find_policy: PolicyReader
) -> NextOfAccount | None:
    """The earliest next step of what nothing holds; where there is none, why the oldest waits."""
    if not open_rows:
        return None
    brake = find_account_brake(context.database, account_id, context.today)
    coming = [row for row in open_rows if row.case and row.case.next_on and row.case.next_step and not row.case.holds]
    first = min(coming, key=lambda row: (_day_of(row), row.due_date), default=None) or min(open_rows, key=lambda row: row.due_date)
    case = first.case
    reason = explain_invoice(first, find_policy(case), words, brake)
    why = words.render_next_step_reason(*reason, first.currency)
    if case is None or first not in coming:
        return NextOfAccount(None, None, why, [first])
    alike = [row for row in coming if row.case and (row.case.next_on, row.case.next_step) == (case.next_on, case.next_step)]
    return NextOfAccount(case.next_step, case.next_on, why, alike)


def _day_of(row: InvoiceRow) -> date:
    return row.case.next_on if row.case and row.case.next_on else date.max


def _find_last_contact(letter: LetterRow | None, call: LastCall | None) -> LastContact | None:
    written = letter.sent_at if letter else None
    if call and (written is None or call.at >= written):
        return LastContact(call.at, None, call)
    return LastContact(written, letter, None) if written else None
