"""How solvent an account looks, and why."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query

from adapters.credit.solvency_query import SolvencyQuery
from api.presenters.phrases import choose_language
from api.presenters.solvency import present_solvency
from api.routes.account_lookup import ExistingAccount
from api.schemas.solvency import SolvencyOut
from api.web.authentication import Context, ReadingActor
from api.web.problems import PROBLEM_RESPONSES

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], responses=PROBLEM_RESPONSES)


def choose_reader_language(
    language: Annotated[str | None, Query(pattern="^(en|de|fr|es)$", description="of the sentences; Accept-Language when left out")] = None,
    accept_language: Annotated[str, Header()] = "",
) -> str:
    return language or choose_language(accept_language)


@router.get("/{account_id}/solvency", operation_id="read_solvency", summary="The account's solvency score, factor by factor")
def get_solvency(
    account: ExistingAccount, context: Context, _: ReadingActor, language: Annotated[str, Depends(choose_reader_language)]
) -> SolvencyOut:
    """From the last two years: how late it paid and whether it pays later and later, promises kept, disputes lost, and what it owes
    against the limit of the last credit verdict. The score decides nothing by itself."""
    return present_solvency(SolvencyQuery(context.database).load_solvency(account.id, context.business_now), language)
