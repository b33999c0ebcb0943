"""The console's pages about approvals, in the reader's own language: what waits for their decision, and what one of them is decided on."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from adapters.identity.delegation_store import DelegationStore, StoredDelegation
from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from adapters.read_model.journal import find_note_text, list_case_story
from api.console.acts.forms import load_act_forms
from api.console.acts.shown_form import ShownForm, show_form
from api.console.acts.subject import NO_SUBJECT
from api.console.policies.asked_change import find_asked_change
from api.console.rendering import PageReader, load_reader, render
from api.context import ApiContext
from api.presenters.phrases import Phrases
from api.routes.approvals import require_approval
from api.routes.delegations import list_visible_delegations, may_revoke
from api.web.authentication import Context
from api.web.request_target import EncodedPathRoute
from domain.approval.digest import AwaitedApproval, DigestReader
from domain.approval.summary import ApprovalSummary
from domain.identifiers import CaseKind, find_case_kind, parse_case_id
from domain.money import Money, sum_by_currency
from domain.roles import Actor, Role

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
MAX_APPROVALS = 500
DECISION_FORM = "decide_approval"


class ApprovalGroup(NamedTuple):
    """What is asked for of one type, the nearest deadline first, and all of it by currency."""

    matter: str
    approvals: list[tuple[CaseRow, ApprovalSummary]]
    amounts: tuple[Money, ...]


@router.get("/approvals")
def show_approvals(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    """What the reader may decide now, in any of their roles or by delegation."""
    rows, following = _list_awaited(context, actor)
    return render(
        request,
        context,
        "approvals.html",
        actor,
        groups=_group_by_matter(rows, load_reader(context, actor)[1]),
        count=len(rows),
        is_cut=following is not None,
        delegations=_list_delegations(context, actor),
    )


def _list_delegations(context: ApiContext, actor: Actor) -> list[tuple[StoredDelegation, bool]]:
    """Those that the reader may know of and that count, today or later; each with whether the reader may take it back."""
    known = list_visible_delegations(context, actor)
    return [(each, may_revoke(actor, each)) for each in known if each.revoked_at is None and each.last_day >= context.today]


@router.get("/approvals/{approval_id}")
def show_approval(
    request: Request, context: Context, actor: PageReader, approval: Annotated[CaseRow, Depends(require_approval)]
) -> HTMLResponse:
    _, words = load_reader(context, actor)
    summary = approval.summary_of(ApprovalSummary)
    facts = summary.facts
    story = list_case_story(context.database, approval.case_id)
    asking = parse_case_id(approval.case_id)
    return render(
        request,
        context,
        "approval.html",
        actor,
        approval=approval,
        summary=summary,
        facts=facts,
        asking=asking.subject if asking else "",
        asking_kind=find_case_kind(asking.subject) if asking else None,
        numbers={invoice.invoice_id: invoice.number for invoice in facts.invoices} if facts else {},
        reason=facts.reason or find_note_text(context.database, facts.note_id) or "" if facts else "",
        policy_change=find_asked_change(context, summary),
        decision=_show_decision(context, actor, approval) if approval.outcome is None else None,
        entries=[(line, words.render_entry(line.kind, line.told_facts, line.currency)) for line in reversed(story)],
    )


def _show_decision(context: ApiContext, actor: Actor, approval: CaseRow) -> ShownForm | None:
    """The form to decide it by, on the facts as this page shows them; None where the reader may not."""
    if not filter_decidable(context, actor, [approval]):
        return None
    version = approval.summary_of(ApprovalSummary).facts_version
    values = {} if version is None else {"facts_version": [str(version)]}
    reader = load_reader(context, actor)
    return show_form(DECISION_FORM, load_act_forms()[DECISION_FORM], {"approval_id": approval.case_id}, NO_SUBJECT, reader, values)


def _list_awaited(context: ApiContext, actor: Actor) -> tuple[list[CaseRow], str | None]:
    rows, following = list_cases(context.database, CaseFilter(kind=CaseKind.APPROVAL, open=True), MAX_APPROVALS, None)
    return filter_decidable(context, actor, rows), following


def filter_decidable(context: ApiContext, actor: Actor, rows: list[CaseRow]) -> list[CaseRow]:
    """Return those that the reader may decide now."""
    delegations = DelegationStore(context.database).list_active(context.today)
    roles: set[Role] = {actor.role, *context.identity.get_roles(actor.user)}
    reader = DigestReader(actor.user, sorted(roles))

    def may_decide(row: CaseRow) -> bool:
        awaited = AwaitedApproval(row.case_id, row.account_id, row.account_name, row.summary_of(ApprovalSummary))
        return reader.may_decide(awaited, delegations)

    return list(filter(may_decide, rows))


def _group_by_matter(rows: list[CaseRow], words: Phrases) -> list[ApprovalGroup]:
    """The group whose deadline is nearest first."""
    groups: dict[str, list[tuple[CaseRow, ApprovalSummary]]] = {}
    for row in rows:
        summary = row.summary_of(ApprovalSummary)
        groups.setdefault(summary.matter or "", []).append((row, summary))
    return [
        ApprovalGroup(
            words.translate("matters", matter),
            approvals,
            sum_by_currency(money for _, summary in approvals for money in summary.stated_amounts),
        )
        for matter, approvals in groups.items()
    ]
