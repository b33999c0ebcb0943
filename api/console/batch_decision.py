"""Deciding many approvals at once: first how many there are and what they come to, then the decision, then what became of each."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from adapters.read_model.cases import CaseRow, find_case
from api.console.acts.api_call import send_to_api
from api.console.acts.form_body import UnreadableField, build_body
from api.console.acts.forms import load_act_forms
from api.console.acts.sent_form import KEY_FIELD, Values, get_first, read_sent_form
from api.console.acts.shown_form import show_form
from api.console.acts.subject import NO_SUBJECT
from api.console.approval_pages import DECISION_FORM, filter_decidable
from api.console.rendering import load_reader, render, require_page_right
from api.context import ApiContext
from api.presenters.refusals import tell_problem
from api.web.authentication import Context
from api.web.permissions import Permission
from api.web.request_target import EncodedPathRoute
from domain.approval.summary import ApprovalSummary
from domain.identifiers import CaseKind
from domain.money import Money, sum_by_currency
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
BATCH_PAGE = "/approval-decisions"
MAX_BATCH = 200


Approver = Annotated[Actor, Depends(require_page_right(Permission.DECIDE_APPROVALS))]


class ChosenApproval(NamedTuple):
    """`version`: of the facts on which it is decided, as the page shows them; empty where it binds none. `refusal`: why it was not."""

    row: CaseRow
    amounts: tuple[Money, ...]
    version: str
    refusal: str = ""


@router.get(BATCH_PAGE)
def show_batch(
    request: Request, context: Context, actor: Approver, approval: Annotated[list[str] | None, Query(max_length=MAX_BATCH)] = None
) -> HTMLResponse:
    """Of the approvals that were chosen those are shown that the reader may decide now."""
    rows = filter_decidable(context, actor, _find_approvals(context, approval or []))
    return _render_batch(request, context, actor, [_choose(row) for row in rows], {})


@router.post(BATCH_PAGE)
async def decide_batch(request: Request, context: Context, actor: Approver) -> HTMLResponse:
    """Each is decided on the facts that were shown, by itself: one that is refused, with its reason, stops no other."""
    sent = await read_sent_form(request, max_fields=3 * MAX_BATCH)
    given = sent.values
    rows = await run_in_threadpool(_find_approvals, context, given.get("approval", [])[:MAX_BATCH])
    chosen = [_choose(row, sent.first(f"version.{row.case_id}")) for row in rows]
    words, phrases = await run_in_threadpool(load_reader, context, actor)
    fault = ""
    if not sent.is_ours:
        fault = words.notices["stale"]
    elif not sent.first("decision"):
        fault = f"{words.fields['decision']}: {words.notices['choose']}"
    if fault:
        return await run_in_threadpool(_render_batch, request, context, actor, chosen, given, fault)
    form, told = load_act_forms()[DECISION_FORM], []
    for number, each in enumerate(chosen):
        try:
            body = build_body(form, {**given, "facts_version": [each.version]}, phrases.shared.locale)
        except UnreadableField:  # no page of ours wrote that version
            told.append(each._replace(refusal=words.notices["stale"]))
            continue
        answer = await send_to_api(request, form, {"approval_id": each.row.case_id}, body, f"{sent.key}.{number}")
        told.append(each._replace(refusal=tell_problem(answer.document, phrases)) if answer.is_refusal else each)
    return await run_in_threadpool(_render_told, request, context, actor, told)


def _find_approvals(context: ApiContext, approval_ids: Sequence[str]) -> list[CaseRow]:
    found = (find_case(context.database, CaseKind.APPROVAL, approval_id) for approval_id in dict.fromkeys(approval_ids))
    return [row for row in found if row is not None]


def _choose(row: CaseRow, version: str | None = None) -> ChosenApproval:
    """Of a version that was shown before, that one; otherwise the one that is shown now."""
    summary = row.summary_of(ApprovalSummary)
    present = "" if summary.facts_version is None else str(summary.facts_version)
    return ChosenApproval(row, summary.stated_amounts, present if version is None else version)


def _render_batch(
    request: Request, context: ApiContext, actor: Actor, chosen: list[ChosenApproval], given: Values, fault: str = ""
) -> HTMLResponse:
    reader = load_reader(context, actor)
    form = load_act_forms()[DECISION_FORM]
    values = {name: given[name] for name in ("decision", "comment") if name in given}
    page = render(
        request,
        context,
        "approval_decisions.html",
        actor,
        form=show_form(DECISION_FORM, form, {}, NO_SUBJECT, reader, values, [("", fault)] if fault else (), get_first(given, KEY_FIELD)),
        chosen=chosen,
        sums=sum_by_currency(money for each in chosen for money in each.amounts),
        told=None,
    )
    page.status_code = 422 if fault else 200
    return page


def _render_told(request: Request, context: ApiContext, actor: Actor, told: list[ChosenApproval]) -> HTMLResponse:
    return render(
        request,
        context,
        "approval_decisions.html",
        actor,
        form=None,
        chosen=[each for each in told if each.refusal],
        sums=(),
        told=len([each for each in told if not each.refusal]),
    )
