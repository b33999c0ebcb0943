"""What the routes of an account's cases share: whose case it is, and the id of an act on it."""

from typing import Annotated

from fastapi import Depends, Request

from adapters.read_model.account_debts import AccountKey, read_account_key
from api.web.authentication import Parts, Reader
from api.web.problems import not_found
from api.web.request_ids import derived_id


def existing_account(parts: Parts, _: Reader, account_id: str) -> AccountKey:
    """Only who is signed in hears whether there is one. Raises Problem 404."""
    row = read_account_key(parts.database, account_id)
    if row is None:
        raise not_found("account", account_id, "GET /v1/accounts?q= finds it by a part of its name")
    return row


def act_id(request: Request, actor: Reader) -> str:
    """In the name of who signed in; whether they may do it, the route's own actor says."""
    return derived_id(request, "act", actor.user)


ExistingAccount = Annotated[AccountKey, Depends(existing_account)]
ActId = Annotated[str, Depends(act_id)]
