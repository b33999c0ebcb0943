"""The list of letters: of all accounts, what went to whom, when, and what became of it."""

from datetime import date, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, func, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Account, Message
from adapters.read_model.correspondence import LetterRow, load_letter_rows
from adapters.read_model.lists.account_list import match_account, match_name
from adapters.read_model.lists.keyset_pages import ListOrder, SortColumn, SortedSource, load_merged_page
from adapters.read_model.lists.list_totals import MAX_COUNTED, ListTotals, count_rows
from domain.clock import start_of_day


class LetterListFilter(BaseModel):
    """What is None narrows nothing. `first_day`, `last_day`: of the business days on which it went or was due to go. `template`: as
    LetterRow has it as `letter`. `q`: a part of its account's name or number."""

    model_config = ConfigDict(frozen=True)

    q: str | None = None
    state: str | None = None
    template: str | None = None
    language: str | None = None
    account: str | None = None
    collector: str | None = None
    first_day: date | None = None
    last_day: date | None = None


_ID = SortColumn(col(Message.id), int)
_DAYS = ((col(Message.sent_at), True), (col(Message.slot), False))
"""The letters that went, by when; and those that did not, by when they are or were due."""


def list_letter_page(
    database: Database, letter_filter: LetterListFilter, sort: str, is_descending: bool, limit: int, cursor: str | None
) -> tuple[list[LetterRow], str | None]:
    """Sorted by `day`: when each went or, before it did, is due to go."""
    sources = [
        SortedSource(_filter_letters(letter_filter, day, is_sent), ListOrder(sort, (SortColumn(day, datetime), _ID), is_descending))
        for day, is_sent in _DAYS
    ]
    with database.reading() as session:
        ids, following = load_merged_page(session, sources, limit, cursor)
        return load_letter_rows(session, ids), following


def load_letter_totals(database: Database, letter_filter: LetterListFilter) -> ListTotals:
    """How many match. What letters ask for is asked for again by the next one: no sum of it means anything."""
    with database.reading() as session:
        count = sum(count_rows(session, _filter_letters(letter_filter, day, is_sent)) for day, is_sent in _DAYS)
    return ListTotals(count=min(count, MAX_COUNTED), is_more=count > MAX_COUNTED)


def _filter_letters(letter_filter: LetterListFilter, day: Any, is_sent: bool) -> Select[Any]:
    statement = select(col(Message.id)).where(col(Message.sent_at).is_not(None) if is_sent else col(Message.sent_at).is_(None))
    for column, value in (
        (Message.letter, letter_filter.template),
        (Message.language, letter_filter.language),
        (Message.account_id, letter_filter.account),
    ):
        if value is not None:
            statement = statement.where(col(column) == value)
    if letter_filter.state is not None:
        # most letters are in one state: its own index would find them all, to be sorted; so it is compared by an expression
        statement = statement.where(func.coalesce(col(Message.state), "") == letter_filter.state)
    if letter_filter.first_day is not None:
        statement = statement.where(day >= start_of_day(letter_filter.first_day))
    if letter_filter.last_day is not None and letter_filter.last_day < date.max:
        statement = statement.where(day < start_of_day(letter_filter.last_day + timedelta(days=1)))
    if letter_filter.collector is not None:
        statement = statement.where(_is_to(match_name(col(Account.collector), letter_filter.collector)))
    if letter_filter.q:
        statement = statement.where(_is_to(match_account(letter_filter.q)))
    return statement


def _is_to(condition: Any) -> Any:
    return col(Message.account_id).in_(select(col(Account.id)).where(condition))
