"""Deciding one approval on its page. What is decided is what the page showed: where the facts are others by now, the page is shown anew,
with the difference and with all that was typed."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from adapters.read_model.cases import CaseRow, find_case
from adapters.read_model.invoices import load_open_balances
from api.console.acts.api_call import ApiAnswer, send_to_api
from api.console.acts.form_body import UnreadableField, build_body
from api.console.acts.forms import load_act_forms
from api.console.acts.refusal import list_faults
from api.console.acts.sent_form import SentForm, read_sent_form
from api.console.acts.wording import Reader
from api.console.approvals.approval_pages import (
    DECIDED_PARAMETER,
    DECISION_PARAMETER,
    PLACE_PARAMETER,
    build_approvals_address,
    render_approval,
)
from api.console.approvals.awaited import (
    filter_decidable,
    group_by_matter,
    list_awaited,
    load_possible_signer,
    order_awaited,
)
from api.console.approvals.decision_form import DECISION_FIELD, DECISION_FORM, keep_fitting_reason, list_missing
from api.console.approvals.fact_changes import describe_changes_since
from api.console.approvals.work import RefusedDecision
from api.console.mentioned_people import find_unknown_people, tell_unknown_people
from api.console.rendering import DONE_PARAMETER, QUEUED_PARAMETER, load_reader, require_page_right
from api.context import ApiContext
from api.routes.approvals import require_approval
from api.web.authentication import Context
from api.web.permissions import Permission
from api.web.request_target import EncodedPathRoute
from domain.approval.summary import ApprovalSummary
from domain.digits import parse_digits
from domain.identifiers import CaseKind
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
DECISION_PAGE = f"/act/{DECISION_FORM}"
FACTS_CHANGED = "urn:duecourse:problem:facts-changed"
TRIES, PAUSE_SECONDS = 20, 0.1
"""How often, and how far apart, the newest facts are looked for: the case answers a moment before the lists know what it answered."""

Approver = Annotated[Actor, Depends(require_page_right(Permission.DECIDE_APPROVALS))]


@router.get(DECISION_PAGE)
def lead_to_approval(approval_id: str, actor: Approver) -> Response:
    """An approval is decided where its facts are."""
    return RedirectResponse(build_approvals_address(approval_id), status_code=303)


@router.post(DECISION_PAGE)
async def decide(request: Request, context: Context, actor: Approver) -> Response:
    """On to the next approval that waits; or the page again, as it was filled in, with what is wrong or what has changed."""
    sent = await read_sent_form(request)
    approval = await run_in_threadpool(require_approval, context, sent.first("approval_id"))
    reader = await run_in_threadpool(load_reader, context, actor)
    place = sent.first(PLACE_PARAMETER)

    async def show_again(status: int, refused: RefusedDecision) -> HTMLResponse:
        page = await run_in_threadpool(render_approval, request, context, actor, approval, refused, place)
        page.status_code = status
        return page

    values = keep_fitting_reason(sent.values)
    typed = RefusedDecision(values, key=sent.key)
    if not sent.is_ours:
        return await show_again(403, typed._replace(faults=[("", reader.act_words.notices["stale"])]))
    missing = list_missing(values, reader)
    may_decide = await run_in_threadpool(_may_decide, context, actor, approval)
    if missing and may_decide:  # of any other the API says why it may not be
        return await show_again(422, typed._replace(faults=missing))
    form = load_act_forms()[DECISION_FORM]
    try:
        body = build_body(form, values, reader.locale)
    except UnreadableField:  # no page of ours wrote that version
        return await show_again(422, typed._replace(faults=[("", reader.act_words.notices["stale"])]))
    queue = await run_in_threadpool(_list_queue, context, actor, place, reader)
    answer = await send_to_api(request, form, {"approval_id": approval.case_id}, body, sent.key)
    if answer.is_refusal:
        typed = typed._replace(key="") if answer.is_ruled_out else typed
        approval = await wait_for_newest(context, approval, answer)
        return await show_again(answer.status, await run_in_threadpool(_explain_refusal, context, approval, answer, typed, sent, reader))
    following = find_following(await run_in_threadpool(_list_queue, context, actor, place, reader), queue, approval.case_id)
    said: dict[str, str | Sequence[str]] = {DONE_PARAMETER: DECISION_FORM, DECIDED_PARAMETER: approval.case_id}
    said[DECISION_PARAMETER] = sent.first(DECISION_FIELD)
    said |= {QUEUED_PARAMETER: "yes"} if answer.is_queued else {}
    said |= tell_unknown_people(await run_in_threadpool(find_unknown_people, context, form, values))
    return RedirectResponse(build_approvals_address(following, place, said), status_code=303)


async def wait_for_newest(context: ApiContext, approval: CaseRow, answer: ApiAnswer) -> CaseRow:
    """The approval as the lists know it, once they know the version of the facts that the case has answered with."""
    wanted = int(answer.document.get("facts_version") or 0) if is_changed(answer) else 0
    for _ in range(TRIES):
        found = await run_in_threadpool(find_case, context.database, CaseKind.APPROVAL, approval.case_id) or approval
        if found.summary_of(ApprovalSummary).facts_version >= wanted:
            return found
        await asyncio.sleep(PAUSE_SECONDS)
    return approval


def is_changed(answer: ApiAnswer) -> bool:
    """Whether a decision was refused because it was made on other facts."""
    return answer.document.get("type") == FACTS_CHANGED


def describe_difference(context: ApiContext, approval: CaseRow, version: int, reader: Reader) -> list[str]:
    """By what the facts differ from those of the version that was read, and from what billing has booked."""
    facts = approval.summary_of(ApprovalSummary).facts
    balances = load_open_balances(context.database, [invoice.invoice_id for invoice in facts.invoices]) if facts else {}
    return describe_changes_since(approval, version, balances, reader.phrases)


def _explain_refusal(
    context: ApiContext, approval: CaseRow, answer: ApiAnswer, typed: RefusedDecision, sent: SentForm, reader: Reader
) -> RefusedDecision:
    if not is_changed(answer):
        return typed._replace(faults=list_faults(answer, reader))
    version = parse_digits(sent.first("facts_version")) or 0
    changes = describe_difference(context, approval, version, reader)
    is_pending = approval.summary_of(ApprovalSummary).facts_version == version
    return typed._replace(is_changed=True, changes=changes, is_pending=is_pending)


def _may_decide(context: ApiContext, actor: Actor, approval: CaseRow) -> bool:
    return bool(filter_decidable(load_possible_signer(context, actor), [approval]))


def _list_queue(context: ApiContext, actor: Actor, place: str, reader: Reader) -> list[str]:
    rows = list_awaited(context, load_possible_signer(context, actor)).narrow(place).rows
    return [row.case_id for row in order_awaited(group_by_matter(rows, reader.phrases))]


def find_following(waiting: Sequence[str], before: Sequence[str], decided: str) -> str | None:
    """What waits after the one that was decided, where it stood in the queue `before`; else the first that waits. It may still seem to wait
    itself: the lists hear of a decision a moment after it."""
    place = before.index(decided) + 1 if decided in before else 0
    return next((each for each in (*before[place:], *waiting) if each in waiting and each != decided), None)
