"""Shared by the routes of an account's cases: the account's look-up, and the id of a command."""

from typing import Annotated

from fastapi import Depends, Request

from adapters.read_model.account_debts import AccountKey, find_account_key
from api.web.authentication import Context, ReadingActor
from api.web.problems import not_found_problem
from api.web.request_ids import derive_id


def require_account(context: Context, _: ReadingActor, account_id: str) -> AccountKey:
    """Only who is signed in hears whether there is one. Raises Problem 404."""
    row = find_account_key(context.database, account_id)
    if row is None:
        raise not_found_problem("account", account_id, "GET /v1/accounts?q= finds it by a part of its name")
    return row


def derive_command_id(request: Request, actor: ReadingActor) -> str:
    """Return the command's id, derived for the user who is signed in. The route's actor checks the permission."""
    return derive_id(request, "act", actor.user)


ExistingAccount = Annotated[AccountKey, Depends(require_account)]
CommandId = Annotated[str, Depends(derive_command_id)]
