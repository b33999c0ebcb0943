"""The route of an account's solvency score and its factors."""

from fastapi import APIRouter

from adapters.credit.solvency_query import SolvencyQuery
from api.presenters.language import ReaderLanguage
from api.presenters.solvency import present_solvency
from api.routes.account_lookup import ExistingAccount
from api.schemas.solvency import SolvencyOut
from api.web.authentication import Context, ReadingActor
from api.web.problems import PROBLEM_RESPONSES
from api.web.request_target import EncodedPathRoute

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], responses=PROBLEM_RESPONSES, route_class=EncodedPathRoute)


@router.get("/{account_id}/solvency", operation_id="read_solvency", summary="The account's solvency score, factor by factor")
def get_solvency(account: ExistingAccount, context: Context, _: ReadingActor, language: ReaderLanguage) -> SolvencyOut:
    """From the last two years: how late it paid and whether it pays later and later, promises kept, disputes lost, and what it owes
    against the limit of the last credit verdict. The score decides nothing by itself."""
    return present_solvency(SolvencyQuery(context.database).load_solvency(account.id, context.business_now), language)
