"""The console's page of what a person does today: the queue, each with its reason, and beside it the account that is next."""

from collections import Counter
from typing import Annotated, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_time
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from adapters.read_model.accounts import AccountDetail, find_account
from adapters.read_model.invoices import InvoiceFilter, InvoiceRow, list_invoices
from adapters.read_model.worklist import WorklistLine, load_worklist, load_worklist_scope
from adapters.read_model.worklist_queries import WorkItem
from api.console.acts.forms import list_needed_facts, load_act_forms
from api.console.acts.shown_form import ShownForm, show_form
from api.console.acts.subject import find_subject
from api.console.acts.wording import Reader
from api.console.open_cases import build_case_url
from api.console.rendering import PageReader, load_reader, render
from api.context import ApiContext
from api.presenters.worklist import list_operations, present_work_item
from api.schemas.worklist import WorkItemOut
from api.web.access_logging import record_shown_account
from api.web.authentication import Context
from api.web.request_target import EncodedPathRoute
from domain.billing.billing_events import InvoiceStatus
from domain.identifiers import CaseKind, find_case_kind
from domain.portfolio.worklist_ranking import WorkKind
from domain.roles import Actor, Role

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)

TODAY_PAGE = "/today"
MAX_RANKED = 2_000
QUEUE_LENGTH = 30
"""So many stand in the queue at first: a list of everything is nobody's day."""

MAX_INVOICES = 20
CASE_IDS = {
    WorkKind.DISPUTE: "dispute_id",
    WorkKind.PLAN_RETURNED: "plan_id",
    WorkKind.PLAN_MISSED: "plan_id",
    WorkKind.OFFER_LAPSING: "plan_id",
    WorkKind.CREDIT_REVIEW: "review_id",
    WorkKind.APPROVAL: "approval_id",
}
"""By what name a form's address wants the case of a kind of work."""

CALL_FORM = "log_account_call"
ALWAYS_POSSIBLE = ("log_account_call", "add_account_note", "propose_plan", "ask_suspension", "refer_account")
ON_A_PAGE_OF_THEIR_OWN = frozenset({"decide_approval", "accept_plan", "decline_plan"})
"""Acts that are done on what another page shows: an approval's facts, the terms of an offer."""


class QueuedWork(NamedTuple):
    """`item` as the API tells it, `why` its reason in a sentence; `alike`: how many more of its kind its customer has further down."""

    item: WorkItemOut
    why: str
    days_late: int
    alike: int = 0


class ShownAccount(NamedTuple):
    """`local_time`: at the customer's, in the reader's way of writing. `overdue`: the first of those invoices; `has_more` of them."""

    account: AccountDetail
    local_time: str
    overdue: list[InvoiceRow]
    has_more: bool


@router.get(TODAY_PAGE)
def show_today(
    request: Request,
    context: Context,
    actor: PageReader,
    item: str = "",
    kind: str = "",
    collector: Annotated[str, Query(max_length=100)] = "",
    everything: str = "",
) -> HTMLResponse:
    """`item`: the id of what is shown beside the queue, otherwise the first. `collector`: this collector's list instead of one's own."""
    reader = load_reader(context, actor)
    whose = Actor(user=collector, role=Role.COLLECTOR) if collector else actor
    lines, _ = load_worklist(context.database, load_worklist_scope(context.database, whose, context.today), context.today, MAX_RANKED, None)
    wanted = [line for line in lines if not kind or line.item.work.value == kind]
    groups = _group_by_customer(wanted)
    shown = groups if everything else groups[:QUEUE_LENGTH]
    chosen = next((line for line in wanted if line.item.id == item), next(iter(wanted), None))
    kept = {name: value for name, value in (("kind", kind), ("collector", collector), ("everything", everything)) if value}
    account = _show_account(context, chosen.item.account_id, reader) if chosen else None
    if account:
        record_shown_account(request, account.account.id)
    return render(
        request,
        context,
        "today.html",
        actor,
        queue=[_queue_work(group[0], context, reader, len(group) - 1) for group in shown],
        counts=Counter(line.item.work.value for line in lines).most_common(),
        count=len(lines),
        rest=len(groups) - len(shown),
        chosen=_queue_work(chosen, context, reader) if chosen else None,
        is_opened=bool(item),
        shown=account,
        call=_show_call(context, chosen.item, reader) if chosen and load_act_forms()[CALL_FORM].is_for(actor.role) else None,
        acts_possible=_list_acts(chosen.item) if chosen else [],
        given=_list_known_ids(chosen.item) if chosen else {},
        case_page=_find_case_page(chosen.item) if chosen else None,
        kept=kept,
        today_url=_build_address,
        kind=kind,
    )


def _build_address(**chosen: str) -> str:
    """The page's address with what is chosen on it."""
    given = {name: value for name, value in chosen.items() if value}
    return f"{TODAY_PAGE}?{urlencode(given)}" if given else TODAY_PAGE


def _group_by_customer(lines: list[WorklistLine]) -> list[list[WorklistLine]]:
    """What one customer has of one kind is one thing to do: a promise over five invoices is asked about once."""
    groups: dict[tuple[str, str], list[WorklistLine]] = {}
    for line in lines:
        owner = line.item.account_id or line.item.id
        groups.setdefault((owner, line.item.work.value), []).append(line)
    return list(groups.values())


def _queue_work(line: WorklistLine, context: ApiContext, reader: Reader, alike: int = 0) -> QueuedWork:
    item = present_work_item(line, context.today, reader.phrases)
    return QueuedWork(item, item.why[0] if item.why else "", line.ranked.days_late, alike)


def _show_account(context: ApiContext, account_id: str, reader: Reader) -> ShownAccount | None:
    account = find_account(context.database, account_id, context.today, invoices=0) if account_id else None
    if account is None:
        return None
    local = context.business_now.astimezone(ZoneInfo(account.time_zone))
    owed = InvoiceFilter(account=account_id, status=InvoiceStatus.OPEN, min_days_past_due=1)
    overdue, more = list_invoices(context.database, owed, context.today, MAX_INVOICES, None)
    return ShownAccount(account, format_time(local, "short", locale=reader.locale), overdue, more is not None)


def _show_call(context: ApiContext, item: WorkItem, reader: Reader) -> ShownForm | None:
    """The form by which the call is logged, where a call is what is to be done."""
    if item.work is not WorkKind.CALL:
        return None
    subject = find_subject(context, item.account_id, None)
    return show_form(CALL_FORM, load_act_forms()[CALL_FORM], {"account_id": item.account_id}, subject, reader, {})


def _list_acts(item: WorkItem) -> list[str]:
    """What can be done about it by a form of its own; whether the reader's role may, the page asks."""
    possible = [*list_operations(item), *ALWAYS_POSSIBLE]
    return [
        name
        for name in dict.fromkeys(possible)
        if name in load_act_forms() and name not in ON_A_PAGE_OF_THEIR_OWN and _is_known(item, name)
    ]


def _find_case_page(item: WorkItem) -> str | None:
    """The page of the case that waits; that of an invoice's case is the invoice's, which the page names anyway."""
    kind = find_case_kind(item.case_id) if item.case_id else None
    return build_case_url(item.case_id, kind) if item.case_id and kind and kind is not CaseKind.INVOICE else None


def _is_known(item: WorkItem, name: str) -> bool:
    """Whether the item names all that the act's form needs."""
    return set(list_needed_facts(load_act_forms()[name])) <= _list_known_ids(item).keys()


def _list_known_ids(item: WorkItem) -> dict[str, str]:
    """The ids that forms about the item need, by the names that they have in paths."""
    ids = {"account_id": item.account_id, "for_account": item.account_id}
    optional = {
        "invoice_id": item.invoice_id,
        "for_invoice": item.invoice_id,
        CASE_IDS.get(item.work, "case_id"): item.case_id,
        "letter_id": item.letter_id,
        "task_id": item.task_id,
        "escalation": item.escalation,
    }
    return ids | {name: str(value) for name, value in optional.items() if value is not None}
