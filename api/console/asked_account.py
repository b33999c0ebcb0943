"""What Today answers to whoever misses an account on it."""

from typing import NamedTuple

from adapters.read_model.lists.quick_search import search_books
from api.console.acts.wording import Reader
from api.context import ApiContext
from api.presenters.account_place import tell_account_place
from api.schemas.worklist import AccountPlaceOut
from domain.roles import Actor

MAX_CHOICES = 10


class AskedAccount(NamedTuple):
    """`text` is what was asked for. `place` answers it; without one, `choices` are the accounts that it could mean, by their ids."""

    text: str
    place: AccountPlaceOut | None
    choices: dict[str, str]


def answer_question(
    context: ApiContext, text: str, whose: Actor, reader: Reader, *, is_own: bool, is_id: bool = False
) -> AskedAccount | None:
    """Find the account by its name or number, or by an invoice's, and tell on whose list it is; None where nothing was asked. `is_id`: the
    text is the id of one of the choices, and nothing else is meant: it may be another account's number."""
    wanted = text.strip()
    if not wanted:
        return None
    if is_id and (named := tell_account_place(context, wanted, whose, reader.phrases, is_own=is_own)):
        return AskedAccount(wanted, named, {})
    hits = search_books(context.database, wanted, context.today, MAX_CHOICES)
    found = {row.id: row.name for row in hits.accounts} | {row.account_id: row.account_name for row in hits.invoices}
    if len(found) != 1:
        return AskedAccount(wanted, None, found)
    place = tell_account_place(context, next(iter(found)), whose, reader.phrases, is_own=is_own)
    return AskedAccount(wanted, place, {})
