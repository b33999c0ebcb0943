"""The letters that cases ask for, as the letter desk finds them: asked for once, taken back while they have not gone."""

from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session, col

from adapters.correspondence.address_reachability import mark_addresses_reachable
from adapters.correspondence.business_days import get_business_day_check
from adapters.correspondence.letter_loader import LetterLoader, LetterRecipient
from adapters.database.engine import Database
from adapters.database.row_states import MessageState, TaskState
from adapters.database.tables import Invoice, Message, Task
from adapters.mail.message_builder import derive_message_id
from domain import identifiers as ids
from domain.case.letter_order import LetterOrder
from domain.correspondence.contact_slots import find_first_slot
from domain.money import NO_CURRENCY

WITHDRAWN_REASON = "withdrawn"


class CaseLetterStore:
    def __init__(self, database: Database, loader: LetterLoader) -> None:
        self._database, self._loader = database, loader
        self._insert_message = database.build_insert_or_ignore(Message)

    def request_letter(self, order: LetterOrder, now: datetime) -> None:
        """The letter goes in the account's first contact slot from the day it is wanted. Asked for again under the same key, it is the
        same letter, even if it went, or was taken back. `now` is business time."""
        letter, hours = order.letter, order.contact.hours
        key = ids.case_letter_key(order.case_id, letter.key or f"{letter.template}:{letter.number}")
        with self._database.writing() as session:
            customer = self._loader.load_recipients(session, {order.account_id})[order.account_id]
            row = Message(
                key=key,
                account_id=order.account_id,
                language=customer.language,
                currency=self._find_currency(session, order),
                letter=letter.template,
                slot=_find_slot(order, customer, now),
                message_id=derive_message_id(key, self._loader.reply_domain),
                case_id=order.case_id,
                number=letter.number,
                invoice_ids=letter.invoice_ids,
                details=letter.details,
                opens=hours.opens.isoformat("minutes"),
                closes=hours.closes.isoformat("minutes"),
                told=False,
            )
            session.execute(self._insert_message, [row.model_dump(exclude={"id"})])
            if letter.number > 1:
                self._trust_refused_address(session, row)

    def _trust_refused_address(self, session: Session, letter: Message) -> None:
        """Who asks for a letter again that was refused has looked into its address."""
        earlier = (col(Message.case_id) == letter.case_id, col(Message.letter) == letter.letter, col(Message.number) < letter.number)
        refused = session.scalars(select(col(Message.id)).where(*earlier, col(Message.state) == MessageState.REFUSED))
        mark_addresses_reachable(session, [number for number in refused if number is not None])

    def withdraw_letter(self, case_id: str, key: str, now: datetime) -> None:
        """Take the letter back if it has not gone; it will not go a second time either, and nobody need look after it.

        The letter desk takes a letter in hand by the same change of its state: whichever comes second finds that it came too late.
        """
        mine = col(Message.key) == ids.case_letter_key(case_id, key)
        with self._database.writing() as session:
            letter = session.scalars(update(Message).where(mine).values(wanted=False).returning(col(Message.id))).first()
            session.execute(
                update(Message)
                .where(mine, col(Message.state) == MessageState.INTENDED)
                .values(state=MessageState.VOID, reason=WITHDRAWN_REASON, ended_at=now, told=True)
            )
            session.execute(
                update(Task)
                .where(col(Task.message_id) == letter, col(Task.state) == TaskState.OPEN)
                .values(state=TaskState.DROPPED, outcome=WITHDRAWN_REASON)
            )

    def _find_currency(self, session: Session, order: LetterOrder) -> str:
        """The one that its case speaks in, or that of its invoices; of several, the first."""
        currency = order.letter.details.get("currency")
        if isinstance(currency, str):
            return currency
        billed = select(col(Invoice.currency)).where(col(Invoice.id).in_(order.letter.invoice_ids))
        return session.scalars(billed.order_by(col(Invoice.currency)).limit(1)).first() or NO_CURRENCY


def _find_slot(order: LetterOrder, customer: LetterRecipient, now: datetime) -> datetime:
    """No earlier than today, as the customer's calendar has it."""
    earliest_day = max(order.letter.on, now.astimezone(customer.zone).date())
    moment = now if order.hours_matter else None
    return find_first_slot(earliest_day, moment, customer.zone, order.contact.hours, get_business_day_check(customer.country))
