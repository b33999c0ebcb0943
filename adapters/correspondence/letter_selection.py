"""Selects the letters to send now: of all accounts at once, and of each on its own where one of them cannot be handled."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import col

from adapters.correspondence.contact_requests import build_due_conditions
from adapters.correspondence.letter_claims import LetterClaims
from adapters.database.engine import Database
from adapters.database.row_states import ContactRequestState, MessageState
from adapters.database.tables import ContactRequest, Message
from adapters.set_aside.each import concerns_all
from adapters.set_aside.set_aside_store import Failure, SetAsideStore
from adapters.set_aside.stages import SetAsideStage

LEAST_REST = timedelta(seconds=15)
"""A run looks for letters until there are none: what has just failed is not among them."""

ABANDONED_LETTERS = "abandoned letters"
"""The item under which it is set aside that nobody can say what became of the letters of a process that died."""


class LetterSelection:
    """Claims letters, and keeps those, and the accounts, that failed."""

    def __init__(self, database: Database, claims: LetterClaims) -> None:
        self._database, self._claims, self._set_aside = database, claims, SetAsideStore(database)

    def find_next_slot(self, now: datetime) -> datetime | None:
        """Find the first slot after a business time at which something that waits may go; None when nothing waits."""
        pending = select(func.min(col(ContactRequest.slot))).where(
            col(ContactRequest.state) == ContactRequestState.PENDING, col(ContactRequest.slot) > now
        )
        intended = select(func.min(col(Message.slot))).where(col(Message.state) == MessageState.INTENDED, col(Message.slot) > now)
        with self._database.reading() as session:
            slots = [session.scalars(statement).one() for statement in (pending, intended)]
        return min((slot for slot in slots if slot is not None), default=None)

    def claim_due_letters(self, now: datetime, limit: int) -> list[int]:
        """Return the letters to send now, by number; `now` is business time. An account whose letters cannot be chosen is set aside, and
        so is a letter that failed; what went, or is no more to be sent, is settled."""
        self._settle_letters()
        waiting = self._set_aside.list_waiting(SetAsideStage.LETTER_SELECTION)
        tried = {account for account, item in waiting.items() if not item.is_resting(datetime.now(UTC))}
        try:
            letters = self._claims.claim_due_letters(now, limit)
        except Exception as error:
            if concerns_all(error):
                raise
            return self._claim_one_by_one(now, limit)
        self._set_aside.settle(SetAsideStage.LETTER_SELECTION, tried - {ABANDONED_LETTERS})
        return letters

    def _claim_one_by_one(self, now: datetime, limit: int) -> list[int]:
        """Each account in a transaction of its own."""
        with self._database.reading() as session:
            due = select(col(ContactRequest.account_id)).where(*build_due_conditions(session, now)).distinct()
            accounts = session.scalars(due.order_by(col(ContactRequest.account_id))).all()
        for account in accounts:
            try:
                self._claims.claim_due_letters(now, 1, {account})
            except Exception as error:
                if concerns_all(error):
                    raise
                self._set_aside.set_aside(SetAsideStage.LETTER_SELECTION, account, Failure(error, account), LEAST_REST)
        return self._claims.claim_due_letters(now, limit, ())

    def set_letter_aside(self, letter: int, error: Exception) -> None:
        """A letter that cannot be written for now rests, and is tried again."""
        with self._database.reading() as session:
            account_id = session.scalar(select(col(Message.account_id)).where(col(Message.id) == letter)) or ""
        self._set_aside.set_aside(SetAsideStage.LETTER, str(letter), Failure(error, account_id), LEAST_REST)

    def _settle_letters(self) -> None:
        """Settle the letters that went, or that need not go any more."""
        if waiting := self._set_aside.list_waiting(SetAsideStage.LETTER):
            intended = select(col(Message.id)).where(col(Message.state) == MessageState.INTENDED, col(Message.id).in_(map(int, waiting)))
            with self._database.reading() as session:
                left = {str(number) for number in session.scalars(intended)}
            self._set_aside.settle(SetAsideStage.LETTER, waiting.keys() - left)

    def try_alone(self, item_id: str, action: Callable[[], object]) -> None:
        """Do what belongs to the selection, and set it aside where it fails, so that letters go all the same."""
        try:
            action()
        except Exception as error:
            if concerns_all(error):
                raise
            self._set_aside.set_aside(SetAsideStage.LETTER_SELECTION, item_id, error)
        else:
            if item_id in self._set_aside.list_waiting(SetAsideStage.LETTER_SELECTION):
                self._set_aside.settle(SetAsideStage.LETTER_SELECTION, {item_id})
