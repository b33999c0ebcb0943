"""Deciding many approvals at once: first how many there are and what they come to, then the decision, then what became of each."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from adapters.read_model.cases import CaseRow, find_case
from api.console.acts.api_call import send_to_api
from api.console.acts.form_body import UnreadableField, build_body
from api.console.acts.forms import load_act_forms
from api.console.acts.refusal import Faults
from api.console.acts.sent_form import KEY_FIELD, SentForm, Values, get_first, read_sent_form
from api.console.acts.shown_form import ShownForm, show_form
from api.console.acts.subject import NO_SUBJECT
from api.console.acts.wording import Reader
from api.console.approvals.awaited import filter_decidable, load_possible_signer
from api.console.approvals.decision import Approver, describe_difference, is_changed, wait_for_newest
from api.console.approvals.decision_form import DECISION_FORM, REASONS, TYPED_FIELDS, keep_fitting_reason, list_missing, parse_choice
from api.console.mentioned_people import find_unknown_people
from api.console.rendering import load_reader, render
from api.context import ApiContext
from api.presenters.refusals import tell_problem
from api.web.authentication import Context
from api.web.request_target import EncodedPathRoute
from domain.approval.summary import ApprovalSummary
from domain.digits import parse_digits
from domain.identifiers import CaseKind
from domain.money import Money, sum_by_currency
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
BATCH_PAGE = "/approval-decisions"
MAX_BATCH, MAX_AT_ONCE = 200, 5
"""So many are decided in one go, and so many of them at a time: each waits for its own worker, not for the others."""


class ChosenApproval(NamedTuple):
    """`version`: of the facts on which it is decided, as the page shows them; empty where it binds none. `refusal`: why it was not decided.
    `is_changed`: its facts are not of the version that was read; `changes`: by what they differ, none where they are again as they were."""

    row: CaseRow
    amounts: tuple[Money, ...]
    version: str
    refusal: str = ""
    is_changed: bool = False
    changes: Sequence[str] = ()


@router.get(BATCH_PAGE)
def show_batch(
    request: Request, context: Context, actor: Approver, approval: Annotated[list[str] | None, Query(max_length=MAX_BATCH)] = None
) -> HTMLResponse:
    """Of the approvals that were chosen those are shown that the reader may decide now, each with by what its facts differ from those of
    the queue in which it was chosen."""
    read = dict(parse_choice(each) for each in approval or [])
    rows = filter_decidable(load_possible_signer(context, actor), _find_approvals(context, list(read)))
    reader = load_reader(context, actor)
    return _render_batch(request, context, actor, [_compare(context, _choose(row), read[row.case_id], reader) for row in rows], {})


@router.post(BATCH_PAGE)
async def decide_batch(request: Request, context: Context, actor: Approver) -> HTMLResponse:
    """Each is decided on the facts that were shown, by itself: one that is refused, with its reason, stops no other. Those whose facts have
    changed can be decided once more, on the facts as they are now."""
    sent = await read_sent_form(request, max_fields=3 * MAX_BATCH)
    rows = await run_in_threadpool(_find_approvals, context, sent.values.get("approval", [])[:MAX_BATCH])
    chosen = [_choose(row, sent.first(f"version.{row.case_id}")) for row in rows]
    reader = await run_in_threadpool(load_reader, context, actor)
    faults = list_missing(sent.values, reader) if sent.is_ours else [("", reader.act_words.notices["stale"])]
    if faults:
        return await run_in_threadpool(_render_batch, request, context, actor, chosen, sent.values, faults)
    gate = asyncio.Semaphore(MAX_AT_ONCE)

    async def decide(number: int, each: ChosenApproval) -> ChosenApproval:
        async with gate:
            return await _decide_one(request, context, each, sent, f"{sent.key}.{number}", reader)

    told = await asyncio.gather(*(decide(number, each) for number, each in enumerate(chosen)))
    return await run_in_threadpool(_render_told, request, context, actor, told, sent.values)


async def _decide_one(
    request: Request, context: ApiContext, chosen: ChosenApproval, sent: SentForm, key: str, reader: Reader
) -> ChosenApproval:
    form = load_act_forms()[DECISION_FORM]
    try:
        body = build_body(form, {**keep_fitting_reason(sent.values), "facts_version": [chosen.version]}, reader.locale)
    except UnreadableField:  # no page of ours wrote that version
        return chosen._replace(refusal=reader.act_words.notices["stale"])
    answer = await send_to_api(request, form, {"approval_id": chosen.row.case_id}, body, key)
    if not answer.is_refusal:
        return chosen
    if not is_changed(answer):
        return chosen._replace(refusal=tell_problem(answer.document, reader.phrases))
    newest = await wait_for_newest(context, chosen.row, answer)
    changes = await run_in_threadpool(describe_difference, context, newest, parse_digits(chosen.version) or 0, reader)
    return _choose(newest)._replace(refusal=reader.phrases.approvals["changed_read"], is_changed=True, changes=changes)


def _compare(context: ApiContext, chosen: ChosenApproval, read_version: int | None, reader: Reader) -> ChosenApproval:
    """With what has changed since its facts were read; `read_version`: None where nobody says which they were."""
    if read_version is None or str(read_version) == chosen.version:
        return chosen
    return chosen._replace(is_changed=True, changes=describe_difference(context, chosen.row, read_version, reader))


def _find_approvals(context: ApiContext, approval_ids: Sequence[str]) -> list[CaseRow]:
    found = (find_case(context.database, CaseKind.APPROVAL, approval_id) for approval_id in dict.fromkeys(approval_ids))
    return [row for row in found if row is not None]


def _choose(row: CaseRow, version: str | None = None) -> ChosenApproval:
    """Of a version that was shown before, that one; otherwise the one that is shown now."""
    summary = row.summary_of(ApprovalSummary)
    present = str(summary.facts_version or "")
    return ChosenApproval(row, summary.stated_amounts, present if version is None else version)


def _show_form(context: ApiContext, actor: Actor, given: Values, faults: Faults = (), key: str = "") -> ShownForm:
    """What was typed stays in it."""
    values = {name: given[name] for name in TYPED_FIELDS if name in given}
    return show_form(DECISION_FORM, load_act_forms()[DECISION_FORM], {}, NO_SUBJECT, load_reader(context, actor), values, faults, key)


def _render_batch(
    request: Request, context: ApiContext, actor: Actor, chosen: list[ChosenApproval], given: Values, faults: Faults = ()
) -> HTMLResponse:
    page = render(
        request,
        context,
        "approval_decisions.html",
        actor,
        form=_show_form(context, actor, given, faults, get_first(given, KEY_FIELD)),
        chosen=chosen,
        sums=_sum_amounts(chosen),
        told=None,
        refused=[],
        decision_reasons=REASONS,
    )
    page.status_code = 422 if faults else 200
    return page


def _render_told(request: Request, context: ApiContext, actor: Actor, told: list[ChosenApproval], given: Values) -> HTMLResponse:
    changed = [each for each in told if each.is_changed]
    decided = len([each for each in told if not each.refusal])
    return render(
        request,
        context,
        "approval_decisions.html",
        actor,
        form=_show_form(context, actor, given) if changed else None,
        chosen=changed,
        sums=_sum_amounts(changed),
        told=decided,
        unknown_people=find_unknown_people(context, load_act_forms()[DECISION_FORM], given) if decided else (),
        refused=[each for each in told if each.refusal and not each.is_changed],
        decision_reasons=REASONS,
    )


def _sum_amounts(chosen: Sequence[ChosenApproval]) -> tuple[Money, ...]:
    return sum_by_currency(money for each in chosen for money in each.amounts)
