"""Dossiers: an account's whole story as two documents, made for those who take it over or decide on it."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from adapters.dossier.dossier_store import WantedDossier
from api.context import ApiParts
from api.routes.account_lookup import ExistingAccount
from api.schemas.dossiers import DossierIn, DossierOut
from api.web.authentication import Parts, Reader, may
from api.web.idempotency import OnceRoute
from api.web.permissions import May
from api.web.problems import RESPONSES, invalid
from api.web.request_ids import derived_id
from domain.clock import start_of_day
from domain.roles import Actor

router = APIRouter(prefix="/v1/accounts", tags=["dossiers"], route_class=OnceRoute, responses=RESPONSES)

MakingDossiers = Annotated[Actor, Depends(may(May.MAKE_DOSSIERS))]


@router.get("/{account_id}/dossiers", operation_id="list_dossiers", summary="The account's dossiers, the latest first")
def dossiers(account: ExistingAccount, parts: Parts, _: Reader) -> list[DossierOut]:
    return [DossierOut.of(row) for row in parts.dossiers.of_account(account.id)]


@router.post("/{account_id}/dossiers", operation_id="make_dossier", summary="Make a dossier, as JSON and PDF", status_code=201)
def make(request: Request, actor: MakingDossiers, account: ExistingAccount, said: DossierIn, parts: Parts) -> DossierOut:
    """Balances, invoices, every contact with what became of it, promises, disputes, plans, credit verdicts, suspensions, approvals with who
    signed, write-offs and recoveries. The PDF of a proof of claim states the claim alone; its JSON has everything."""
    key = derived_id(request, "dossier", actor.user)
    wanted = WantedDossier(key, account.id, said.purpose, _moment(parts, said), asked_by=actor.user)
    parts.dossiers.make(wanted)
    return DossierOut.of(next(row for row in parts.dossiers.of_account(account.id) if row.key == key))


def _moment(parts: ApiParts, said: DossierIn) -> datetime:
    """Now, or the last moment of a day that is over."""
    if said.as_of is None or said.as_of == parts.today:
        return parts.business_now
    if said.as_of > parts.today:
        raise invalid("/as_of", "the day has not come; write today's date or an earlier one")
    return start_of_day(said.as_of + timedelta(days=1)) - timedelta(microseconds=1)
