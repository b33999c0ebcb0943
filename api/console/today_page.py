"""The console's page of what a person does today: the queue, each with its reason, and beside it the account that is next."""

from collections import Counter
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from adapters.read_model.worklist import WorklistLine, load_whole_worklist, load_worklist_scope
from adapters.read_model.worklist_queries import WorkItem
from api.console.account.standing import draw_ages
from api.console.acts.forms import list_needed_facts, load_act_forms
from api.console.acts.known_values import list_call_values
from api.console.acts.shown_form import ShownForm, show_form
from api.console.acts.wording import Reader
from api.console.asked_account import AskedAccount, answer_question
from api.console.open_cases import build_case_url
from api.console.rendering import PageReader, load_reader, render
from api.console.today.call_preview import PREVIEW_PATH
from api.console.today.customer import ShownCustomer, load_customer
from api.console.today.done_today import load_done_today
from api.console.today.foreseen import CALL_FORM, foresee_call
from api.context import ApiContext
from api.presenters.worklist import list_operations, present_work_item, render_item_reason
from api.web.access_logging import record_answered_account, record_shown_account
from api.web.authentication import Context
from api.web.one_snapshot import from_one_snapshot
from api.web.request_target import EncodedPathRoute
from domain.identifiers import CaseKind, find_case_kind
from domain.money import Money
from domain.portfolio.worklist_ranking import WorkKind
from domain.roles import Actor, Role

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)

TODAY_PAGE = "/today"
QUEUE_LENGTH, MAX_QUEUE_LENGTH = 30, 2_000
"""So many stand in the queue at first, and at most: a list of everything is nobody's day. All are counted."""

CASE_IDS = {
    WorkKind.DISPUTE: "dispute_id",
    WorkKind.PLAN_RETURNED: "plan_id",
    WorkKind.PLAN_MISSED: "plan_id",
    WorkKind.OFFER_LAPSING: "plan_id",
    WorkKind.CREDIT_REVIEW: "review_id",
    WorkKind.APPROVAL: "approval_id",
}
"""By what name a form's address wants the case of a kind of work."""

CALLS = frozenset({CALL_FORM, "log_call"})
RESUME = "resume_account"
ALWAYS_POSSIBLE = (
    CALL_FORM,
    "pause_account",
    RESUME,
    "escalate_account",
    "add_account_note",
    "propose_plan",
    "ask_suspension",
    "refer_account",
)
ON_A_PAGE_OF_THEIR_OWN = frozenset({"decide_approval", "accept_plan", "decline_plan"})
"""Acts that are done on what another page shows: an approval's facts, the terms of an offer."""

OF_ONE_INVOICE = frozenset({"escalate_invoice"})
"""Acts in whose place the account's are offered: those may be about the one invoice, too."""

STAYING = ("add_account_note",)
"""Acts after which the same customer stays in sight; after all others the next one is shown."""


class QueuedWork(NamedTuple):
    """`at_risk`: the amount that weighs most, `why` what is to be done in a sentence; `alike`: how many more of its kind its customer has
    further down."""

    item: WorkItem
    at_risk: Money | None
    why: str
    days_late: int
    alike: int


@router.get(TODAY_PAGE)
@from_one_snapshot
def show_today(
    request: Request,
    context: Context,
    actor: PageReader,
    item: str = "",
    kind: str = "",
    collector: Annotated[str, Query(max_length=100)] = "",
    everything: str = "",
    about: Annotated[str, Query(max_length=100)] = "",
    exact: str = "",
    done: str = "",
) -> HTMLResponse:
    """`item`: the id of what is shown beside the queue, otherwise the first. `collector`: this collector's list instead of one's own.
    `about`: an account that is missed on it; with `exact`, by its id. `done`: what was done today is told, too."""
    reader = load_reader(context, actor)
    whose = Actor(user=collector, role=Role.COLLECTOR) if collector else actor
    scope = load_worklist_scope(context.database, whose, context.today)
    lines = load_whole_worklist(context.database, scope, context.today)
    wanted = [line for line in lines if not kind or line.item.work.value == kind]
    groups = _group_by_customer(wanted)
    shown = groups[: MAX_QUEUE_LENGTH if everything else QUEUE_LENGTH]
    chosen = next((line for line in wanted if line.item.id == item), next(iter(wanted), None))
    given = {"kind": kind, "collector": collector, "everything": everything, "done": done}
    kept = {name: value for name, value in given.items() if value}
    customer = load_customer(context, chosen.item.account_id, reader) if chosen else None
    asked = answer_question(context, about, whose, reader, is_own=whose is actor, is_id=bool(exact))
    _record_shown(request, customer, asked)
    return render(
        request,
        context,
        "today.html",
        actor,
        queue=[_queue_work(group, reader) for group in shown],
        counts=Counter(line.item.work.value for line in lines).most_common(),
        count=len(lines),
        rest=len(groups) - len(shown),
        chosen=present_work_item(chosen, context.today, reader.phrases) if chosen else None,
        is_opened=bool(item),
        shown=customer,
        asked=asked,
        done_today=load_done_today(context, scope, reader, actor, is_told=bool(done)),
        following=_find_following(groups, chosen),
        kept=kept,
        today_url=_build_address,
        kind=kind,
        **_show_work(context, chosen.item, customer, actor, reader) if chosen else {},
    )


def _show_work(context: ApiContext, item: WorkItem, customer: ShownCustomer | None, actor: Actor, reader: Reader) -> dict[str, Any]:
    """What stands beside the queue about what is chosen in it, and what can be done about it."""
    call = _show_call(context, item, customer, actor, reader) if customer else None
    return {
        "call": call,
        "foreseen": foresee_call(context, customer, actor, {}, reader) if call and customer else None,
        "preview_path": PREVIEW_PATH,
        "acts_possible": _list_acts(item, customer),
        "staying": STAYING,
        "given": _list_known_ids(item),
        "case_page": _find_case_page(item),
        "draw_ages": draw_ages,
    }


def _record_shown(request: Request, customer: ShownCustomer | None, asked: AskedAccount | None) -> None:
    """Who looked at whom is written down, also where only a question was answered."""
    if customer:
        record_shown_account(request, customer.account.id)
    if asked and asked.place:
        record_answered_account(request, asked.place.account_id)


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


def _queue_work(group: list[WorklistLine], reader: Reader) -> QueuedWork:
    item, ranked = group[0].item, group[0].ranked
    return QueuedWork(item, ranked.heaviest, render_item_reason(item, reader.phrases), ranked.days_late, len(group) - 1)


def _show_call(context: ApiContext, item: WorkItem, customer: ShownCustomer, actor: Actor, reader: Reader) -> ShownForm | None:
    """The form by which the call is logged, where a call is what is to be done and the reader may."""
    form = load_act_forms()[CALL_FORM]
    if not form.is_for(actor.role) or not _is_called_for(item):
        return None
    first_open = next(iter(customer.subject.open_invoices), None)
    known = list_call_values(context, first_open, customer.find_policy)
    return show_form(CALL_FORM, form, {"account_id": item.account_id}, customer.subject, reader, known)


def _is_called_for(item: WorkItem) -> bool:
    """Whether a call is among what can be done about it: one about an invoice is made to its customer, about all of them."""
    return not CALLS.isdisjoint(list_operations(item))


def _list_acts(item: WorkItem, customer: ShownCustomer | None) -> list[str]:
    """What can be done about it by a form of its own; whether the reader's role may, the page asks. A call has its form on the page."""
    left_out = set(ON_A_PAGE_OF_THEIR_OWN | OF_ONE_INVOICE)
    if _is_called_for(item):
        left_out.add(CALL_FORM)
    if not (customer and customer.standing.paused):
        left_out.add(RESUME)
    possible = dict.fromkeys([*list_operations(item), *ALWAYS_POSSIBLE])
    return [name for name in possible if name in load_act_forms() and name not in left_out and _is_known(item, name)]


def _find_following(groups: list[list[WorklistLine]], chosen: WorklistLine | None) -> str:
    """The id of what is next on the list once the chosen thing is done. Empty: the first."""
    place = next((place for place, group in enumerate(groups) if any(line is chosen for line in group)), len(groups))
    return groups[place + 1][0].item.id if place + 1 < len(groups) else ""


def _find_case_page(item: WorkItem) -> str | None:
    """The page of the case that waits; that of an invoice's case is the invoice's, which the page names anyway."""
    kind = find_case_kind(item.case_id) if item.case_id else None
    return build_case_url(item.case_id, kind) if item.case_id and kind and kind is not CaseKind.INVOICE else None


def _is_known(item: WorkItem, name: str) -> bool:
    """Whether the item names all that the act's form needs."""
    return set(list_needed_facts(load_act_forms()[name])) <= _list_known_ids(item).keys()


def _list_known_ids(item: WorkItem) -> dict[str, str]:
    """The ids that forms about the item need, by the names that they have in paths."""
    optional = {
        "account_id": item.account_id or None,
        "for_account": item.account_id or None,
        "invoice_id": item.invoice_id,
        "for_invoice": item.invoice_id,
        CASE_IDS.get(item.work, "case_id"): item.case_id,
        "letter_id": item.letter_id,
        "task_id": item.task_id,
        "escalation": item.escalation,
    }
    return {name: str(value) for name, value in optional.items() if value is not None}
