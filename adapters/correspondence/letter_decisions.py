"""A person decides about a letter that was refused, or whose fate nobody knows: it did arrive, or it shall go again."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import and_, or_, select, update
from sqlmodel import Session, col

from adapters.correspondence.address_reachability import mark_addresses_reachable
from adapters.correspondence.undelivered_letters import lock_requests_asked_again
from adapters.database.engine import Database
from adapters.database.row_states import ContactRequestState, MessageState, TaskState
from adapters.database.tables import Case, ContactRequest, Message, Task
from domain.case.letter_order import DROPPABLE_LETTERS
from domain.correspondence.written_letters import WRITTEN_LETTERS
from domain.errors import UserError


class LetterDecision(StrEnum):
    DELIVERED = "delivered"
    RESEND = "resend"


UNDECIDED_STATES = (MessageState.UNKNOWN, MessageState.REFUSED)
_UNDECIDED_REQUEST_STATES = (ContactRequestState.UNKNOWN, ContactRequestState.REFUSED)


class UnknownLetterError(UserError):
    """There is no such letter."""

    title = "There is no such letter"
    status = 404
    problem_type = "not-found"


class LetterNotDecidableError(UserError):
    """Only a refused letter, or one whose fate is unknown, waits for a decision; and one that is not wanted any more cannot go again."""

    title = "This letter waits for no decision"
    status = 409
    problem_type = "not-undecided"


class LetterDecisionStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def decide(self, letter_id: int, decision: LetterDecision, decided_by: str, comment: str, at: datetime) -> None:
        """Settle the letter, what its invoices asked for, and its task, in one transaction; a case that asked for it hears how it ends.
        `at` is business time.

        Either way its address takes letters again. A letter that goes again keeps its Message-ID and counts its attempts on. Of a refused
        letter, the steps that ask again meanwhile are the letter's once more.

        Raises UnknownLetterError, LetterNotDecidableError.
        """
        with self._database.writing() as session:
            letter = session.get(Message, letter_id, with_for_update=True)
            if letter is None:
                raise UnknownLetterError(f"there is no letter {letter_id}; GET /v1/letters lists them")
            if letter.state not in UNDECIDED_STATES:
                raise LetterNotDecidableError(f"this letter is {letter.state}; only a refused letter or one of unknown fate can be decided")
            was_refused, letter.decided_by = letter.state == MessageState.REFUSED, decided_by
            again = lock_requests_asked_again(session.connection(), letter_id) if was_refused else []
            mark_addresses_reachable(session, [letter_id])
            match decision:
                case LetterDecision.DELIVERED:
                    letter.state, letter.sent_at = MessageState.SENT, letter.sent_at or at
                    letter.ended_at, letter.reason = letter.sent_at, ""
                    self._update_requests(session, letter_id, again, state=ContactRequestState.SENT, ended_at=letter.sent_at)
                case LetterDecision.RESEND:
                    self._reject_pointless_resend(session, letter)
                    letter.state, letter.next_attempt_at, letter.transmitting_since = MessageState.INTENDED, None, None
                    self._update_requests(session, letter_id, again, state=ContactRequestState.CLAIMED, ended_at=None, awaited=True)
            letter.told = None if letter.case_id is None or letter.letter in WRITTEN_LETTERS else False
            session.add(letter)
            session.execute(
                update(Task)
                .where(col(Task.message_id) == letter_id, col(Task.state) == TaskState.OPEN)
                .values(state=TaskState.DONE, closed_by=decided_by, outcome=": ".join(part for part in (decision.value, comment) if part))
            )

    def _reject_pointless_resend(self, session: Session, letter: Message) -> None:
        """What a case took back must not go, nor what asks or promises, once the case is over or has asked for it anew."""
        if not letter.wanted:
            raise LetterNotDecidableError("the case that asked for this letter has taken it back; it must not go any more")
        if letter.case_id is None or letter.letter not in DROPPABLE_LETTERS:
            return
        same = (col(Message.case_id) == letter.case_id, col(Message.letter) == letter.letter)
        anew = session.scalars(select(col(Message.id)).where(*same, col(Message.number) > letter.number).limit(1)).first()
        if anew is not None:
            raise LetterNotDecidableError(f"letter {anew} has been asked for in its place; decide about that one")
        over = session.scalars(select(col(Case.outcome)).where(col(Case.case_id) == letter.case_id)).first()
        if over is not None:
            raise LetterNotDecidableError(f"the case that asked for this letter is over ({over}); it must not go any more")

    def _update_requests(self, session: Session, letter_id: int, again: Sequence[int], **values: object) -> None:
        """`told` starts anew: the invoice must hear of the new fate, and nothing else wakes it. What was left out of the letter stays so.
        `again`: the requests that ask again for what the letter was to do; they are the letter's once more."""
        in_it = and_(col(ContactRequest.message_id) == letter_id, col(ContactRequest.state).in_(_UNDECIDED_REQUEST_STATES))
        its = update(ContactRequest).where(or_(in_it, col(ContactRequest.id).in_(again)))
        session.execute(its.values(message_id=letter_id, reason="", told=False, **values))
