"""How solvent an account looks, and why."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query

from adapters.credit.solvency_query import SolvencyReading
from api.presenters.phrases import preferred
from api.presenters.solvency import solvency_out
from api.routes.account_lookup import ExistingAccount
from api.schemas.solvency import SolvencyOut
from api.web.authentication import Parts, Reader
from api.web.problems import RESPONSES

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], responses=RESPONSES)


def reader_language(
    language: Annotated[str | None, Query(pattern="^(en|de|fr|es)$", description="of the sentences; Accept-Language when left out")] = None,
    accept_language: Annotated[str, Header()] = "",
) -> str:
    return language or preferred(accept_language)


@router.get("/{account_id}/solvency", operation_id="read_solvency", summary="The account's solvency score, factor by factor")
def solvency(account: ExistingAccount, parts: Parts, _: Reader, language: Annotated[str, Depends(reader_language)]) -> SolvencyOut:
    """From the last two years: how late it paid and whether it pays later and later, promises kept, disputes lost, and what it owes
    against the limit of the last credit verdict. The score decides nothing by itself."""
    return solvency_out(SolvencyReading(parts.database).of(account.id, parts.business_now), language)
