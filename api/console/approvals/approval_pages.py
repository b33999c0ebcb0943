"""The console's page of approvals, in the reader's own language: what waits for their decision, and beside it what one of them is decided
on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from adapters.i18n.wording import fill_placeholders
from adapters.identity.delegation_store import StoredDelegation
from adapters.read_model.cases import CaseRow, find_case
from adapters.read_model.overview.decision_reasons import count_decision_reasons
from adapters.real_time import find_real_now
from api.console.acts.wording import Reader
from api.console.approvals.awaited import group_by_matter, list_awaited, load_possible_signer, order_awaited
from api.console.approvals.decision_form import REASONS, name_choice
from api.console.approvals.work import RefusedDecision, show_work
from api.console.rendering import QUEUED_PARAMETER, PageReader, load_reader, render
from api.context import ApiContext
from api.presenters.phrases import Phrases
from api.routes.approvals import require_approval
from api.routes.delegations import list_visible_delegations, may_revoke
from api.web.access_logging import record_shown_account
from api.web.authentication import Context
from api.web.one_snapshot import from_one_snapshot
from api.web.permissions import Permission, permission_denial_reason
from api.web.request_target import EncodedPathRoute
from domain.approval.summary import ApprovalSummary
from domain.identifiers import CaseKind
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
APPROVALS_PAGE = "/approvals"
DECIDED_PARAMETER, DECISION_PARAMETER, PLACE_PARAMETER = "decided", "decision", "place"
"""By which a page learns what was just decided, and how; and that only what is decided in one person's place is to be shown."""

REASON_DAYS = 90
"""So far back it is counted why requests came back."""

Place = Annotated[str, Query(max_length=100)]


@router.get(APPROVALS_PAGE)
@from_one_snapshot
def show_approvals(request: Request, context: Context, actor: PageReader, place: Place = "") -> HTMLResponse:
    """What the reader may decide now, and the first of it. `place`: only what they decide in this person's place."""
    return _render_page(request, context, actor, place)


@router.get(APPROVALS_PAGE + "/{approval_id}")
@from_one_snapshot
def show_approval(
    request: Request, context: Context, actor: PageReader, approval: Annotated[CaseRow, Depends(require_approval)], place: Place = ""
) -> HTMLResponse:
    return _render_page(request, context, actor, place, approval)


def render_approval(
    request: Request, context: ApiContext, actor: Actor, approval: CaseRow, refused: RefusedDecision, place: str
) -> HTMLResponse:
    """An approval that was not decided, and why not."""
    return _render_page(request, context, actor, place, approval, refused)


def _render_page(
    request: Request, context: ApiContext, actor: Actor, place: str, approval: CaseRow | None = None, refused: RefusedDecision | None = None
) -> HTMLResponse:
    reader, signer = load_reader(context, actor), load_possible_signer(context, actor)
    awaited = list_awaited(context, signer)
    groups = group_by_matter(awaited.narrow(place).rows, reader.phrases)
    shown = approval or next(iter(order_awaited(groups)), None)
    if shown and shown.account_id and (approval is None or refused):  # otherwise the path names it
        record_shown_account(request, shown.account_id)
    decides = permission_denial_reason(actor.role, Permission.DECIDE_APPROVALS) is None
    return render(
        request,
        context,
        "approvals.html",
        actor,
        **_describe_decided(request, context, reader),
        groups=groups,
        count=len(awaited.rows),
        places=sorted(Counter(awaited.givers.values()).items()),
        place=place,
        is_cut=awaited.is_cut,
        work=show_work(context, actor, shown, signer, reader, refused) if shown else None,
        is_opened=approval is not None,
        approvals_url=build_approvals_address,
        name_choice=name_choice,
        delegations=_list_delegations(context, actor),
        came_back=count_decision_reasons(context.database, context.today, REASON_DAYS) if decides else [],
        reason_days=REASON_DAYS,
        read_at=find_real_now(),
        decision_reasons=REASONS,
    )


def build_approvals_address(approval_id: str | None = None, place: str = "", more: Mapping[str, str | Sequence[str]] | None = None) -> str:
    """The address of one approval, or of the page of all; `place` as the page has it."""
    path = f"{APPROVALS_PAGE}/{quote(approval_id, safe='')}" if approval_id else APPROVALS_PAGE
    given: dict[str, str | Sequence[str]] = ({PLACE_PARAMETER: place} if place else {}) | dict(more or {})
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def _list_delegations(context: ApiContext, actor: Actor) -> list[tuple[StoredDelegation, bool]]:
    """Those that the reader may know of and that count, today or later; each with whether the reader may take it back."""
    known = list_visible_delegations(context, actor)
    return [(each, may_revoke(actor, each)) for each in known if each.revoked_at is None and each.last_day >= context.today]


def _describe_decided(request: Request, context: ApiContext, reader: Reader) -> dict[str, Any]:
    """What the reader has just decided, when that led here: the page's `done`. Without it the page says what every page says."""
    asked = request.query_params
    row = find_case(context.database, CaseKind.APPROVAL, asked[DECIDED_PARAMETER]) if DECIDED_PARAMETER in asked else None
    sentence = reader.phrases.approvals.get(f"done_{asked.get(DECISION_PARAMETER)}")
    if row is None or sentence is None:
        return {}
    said = [fill_placeholders(sentence, {"what": _name_approval(row, reader.phrases)})]
    said += [reader.act_words.notices["queued"]] if QUEUED_PARAMETER in asked else []
    said += [reader.phrases.approvals["next"]] if request.url.path != APPROVALS_PAGE else []
    return {"done": " ".join(said)}


def _name_approval(row: CaseRow, words: Phrases) -> str:
    summary = row.summary_of(ApprovalSummary)
    amounts = [words.shared.format_money(money.minor, money.currency) for money in summary.stated_amounts]
    return ", ".join(filter(None, [words.shared.describe_matter(summary.matter or "", summary.reduction), row.account_name, *amounts]))
