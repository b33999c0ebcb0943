"""Calls with customers, logged for the account: one call, and all that came of it."""

from fastapi import APIRouter, Response

from api.commands.account_calls import log_account_call
from api.routes.account_lookup import CommandId, ExistingAccount
from api.schemas.accounts import AccountCallAnswer, AccountCallIn
from api.schemas.replies import QUEUED_RESPONSE
from api.web.authentication import CollectingActor, Context
from api.web.idempotency import IdempotentRoute
from api.web.problems import PROBLEM_RESPONSES

router = APIRouter(prefix="/v1/accounts/{account_id}/calls", tags=["acts"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


@router.post("", operation_id="log_account_call", summary="Log a call, with all that came of it", responses=QUEUED_RESPONSE)
async def post_account_call(
    actor: CollectingActor, account: ExistingAccount, body: AccountCallIn, command_id: CommandId, context: Context, response: Response
) -> AccountCallAnswer:
    """All or nothing as far as it can be examined: each part is, before any is sent, and a fault names the part. A promise over several
    invoices is allotted to the oldest due first and judged as one: it is kept only when all of its money came. The same call sent again
    under its Idempotency-Key finishes what was left half done."""
    answer = await log_account_call(context, account, body, command_id, actor)
    if answer.recorded == "will be applied":
        response.status_code = 202
    return answer
