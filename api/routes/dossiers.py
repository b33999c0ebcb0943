"""Dossiers: an account's whole story as two documents, made for those who take it over or decide on it."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from adapters.dossier.dossier_store import RequestedDossier
from api.context import ApiContext
from api.routes.account_lookup import ExistingAccount
from api.schemas.dossiers import DossierIn, DossierOut
from api.web.authentication import Context, ReadingActor, require_permission
from api.web.idempotency import IdempotentRoute
from api.web.permissions import Permission
from api.web.problems import PROBLEM_RESPONSES, invalid_request_problem
from api.web.request_ids import derive_id
from domain.clock import start_of_day
from domain.refusal import Refusal
from domain.roles import Actor

router = APIRouter(prefix="/v1/accounts", tags=["dossiers"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)

DossierMakingActor = Annotated[Actor, Depends(require_permission(Permission.MAKE_DOSSIERS))]


@router.get("/{account_id}/dossiers", operation_id="list_dossiers", summary="The account's dossiers, the latest first")
def get_dossiers(account: ExistingAccount, context: Context, _: ReadingActor) -> list[DossierOut]:
    return [DossierOut.from_stored_dossier(row) for row in context.dossiers.list_dossiers(account.id)]


@router.post("/{account_id}/dossiers", operation_id="make_dossier", summary="Make a dossier, as JSON and PDF", status_code=201)
def make_dossier(request: Request, actor: DossierMakingActor, account: ExistingAccount, body: DossierIn, context: Context) -> DossierOut:
    """Balances, invoices, every contact with what became of it, promises, disputes, plans, credit verdicts, suspensions, approvals with who
    signed, write-offs and recoveries. The PDF of a proof of claim states the claim alone; its JSON has everything."""
    key = derive_id(request, "dossier", actor.user)
    requested = RequestedDossier(key, account.id, body.purpose, _parse_as_of(context, body), asked_by=actor.user)
    context.dossiers.make_dossier(requested)
    return DossierOut.from_stored_dossier(next(row for row in context.dossiers.list_dossiers(account.id) if row.key == key))


def _parse_as_of(context: ApiContext, body: DossierIn) -> datetime:
    """Now, or the last moment of a day that is over."""
    if body.as_of is None or body.as_of == context.today:
        return context.business_now
    if body.as_of > context.today:
        raise invalid_request_problem("/as_of", Refusal("day.not_come", "the day has not come; write today's date or an earlier one"))
    return start_of_day(body.as_of + timedelta(days=1)) - timedelta(microseconds=1)
