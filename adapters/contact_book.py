"""The contact requests, as the invoices that made them see them: asked, withdrawn, and what became of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select, update
from sqlmodel import col

from adapters.letter_news import ENDED, news
from adapters.tables import ContactRequest, Message
from domain.record import Ask, LetterNews, Record

UNDER_WAY = ("pending", "claimed")
OVER = ("dropped", "withdrawn")


class Letters(NamedTuple):
    """What a case has not heard yet: the ends of its letters, the steps whose letters were taken back; and whether one is under way."""

    news: list[LetterNews]
    withdrawn: list[str]
    under_way: bool = False


class ContactBook:
    def ask(self, connection: Connection, record: Record, ask: Ask, slot: datetime) -> datetime:
        """The slot that the request has. One request per invoice, step and policy version; asked again after it was dropped or
        withdrawn, it counts one attempt more."""
        hours = ask.contact.hours
        wanted = {
            "slot": slot, "letter": ask.letter, "rank": ask.rank, "not_after": ask.not_after,
            "days_between_letters": ask.contact.days_between_letters, "minimum": ask.minimum, "opens": hours.opens.isoformat("minutes"),
            "closes": hours.closes.isoformat("minutes"),
        }  # fmt: skip
        mine = (
            col(ContactRequest.invoice_id) == record.case.invoice_id,
            col(ContactRequest.step) == ask.step,
            col(ContactRequest.policy_version) == record.case.policy_version,
        )
        known = connection.execute(select(col(ContactRequest.id), col(ContactRequest.state), col(ContactRequest.slot)).where(*mine)).first()
        if known is None:
            row = ContactRequest(
                invoice_id=record.case.invoice_id or "", account_id=record.case.account_id, step=ask.step, policy=record.case.policy,
                policy_version=record.case.policy_version, letter=ask.letter or "", rank=ask.rank, slot=slot,
            )  # fmt: skip
            connection.execute(insert(ContactRequest), {**row.model_dump(exclude={"id"}), **wanted})
            return slot
        if known.state in OVER:
            again = {"state": "pending", "reason": "", "message_id": None, "ended_at": None, "told": False, "awaited": False}
            attempt = col(ContactRequest.attempt) + 1
            connection.execute(update(ContactRequest).where(col(ContactRequest.id) == known.id).values(attempt=attempt, **wanted, **again))
            return slot
        standing: datetime = known.slot
        return standing

    def withdraw(self, connection: Connection, records: Sequence[Record]) -> None:
        """Take back the letters that have not gone and shall not, and those for steps that no case has taken: a worker asked for them
        and died before the server heard of it."""
        self._withdraw_orphans(connection, records)
        for record in records:
            if record.withdraw is not None:
                connection.execute(
                    update(ContactRequest)
                    .where(col(ContactRequest.invoice_id) == record.case.invoice_id, col(ContactRequest.state) == "pending")
                    .values(state="withdrawn", reason=record.withdraw.value, ended_at=record.now, told=True)
                )

    def _withdraw_orphans(self, connection: Connection, records: Sequence[Record]) -> None:
        pending = select(col(ContactRequest.id), col(ContactRequest.invoice_id), col(ContactRequest.step)).where(
            col(ContactRequest.invoice_id).in_([record.case.invoice_id for record in records]), col(ContactRequest.state) == "pending"
        )
        taken = {(record.case.invoice_id, past.step) for record in records for past in record.case.taken}
        orphans = [row.id for row in connection.execute(pending) if (row.invoice_id, row.step) not in taken]
        if orphans:
            over = {"state": "withdrawn", "reason": "never_taken", "told": True}
            connection.execute(update(ContactRequest).where(col(ContactRequest.id).in_(orphans)).values(**over))

    def letters(self, connection: Connection, records: Sequence[Record], zones: Mapping[str, ZoneInfo]) -> dict[str, Letters]:
        """What became of each case's letters. One that was taken back is told until the case has given its step back, for the worker that
        took it back may have died before it could say so."""
        asking = {record.case.invoice_id: record for record in records if record.case.taken}
        if not asking:
            return {}
        awaiting = [record.case.invoice_id for record in records if record.await_letter]
        if awaiting:  # before the letters are looked at: one that ends in this moment either is seen or tells
            under_way = (col(ContactRequest.invoice_id).in_(awaiting), col(ContactRequest.state).in_(UNDER_WAY))
            connection.execute(update(ContactRequest).where(*under_way).values(awaited=True))
        rows = connection.execute(
            select(
                col(ContactRequest.id), col(ContactRequest.invoice_id), col(ContactRequest.step), col(ContactRequest.attempt),
                col(ContactRequest.state), col(ContactRequest.ended_at), col(ContactRequest.reason), col(Message.message_id),
            )
            .outerjoin(Message, col(Message.id) == col(ContactRequest.message_id))
            .where(col(ContactRequest.invoice_id).in_(asking))
            .order_by(col(ContactRequest.rank))
        ).all()  # fmt: skip
        found = {record.case.case_id: Letters([], []) for record in asking.values()}
        waiting: set[str] = set()
        for row in rows:
            record = asking[row.invoice_id]
            letters = found[record.case.case_id]
            if row.state in UNDER_WAY:
                waiting.add(record.case.case_id)
            elif row.state in ENDED:
                zone = zones[record.case.account_id]
                item = news(row.step, row.attempt, row.state, row.ended_at, zone, row.message_id, row.reason)
                if item.key not in record.heard:
                    letters.news.append(item)
            elif row.step == _waited_for(record):
                letters.withdrawn.append(row.step)
        return {case: letters._replace(under_way=case in waiting) for case, letters in found.items()}


def _waited_for(record: Record) -> str | None:
    """The step whose letter the case believes to be under way; not one that it asks for only now."""
    last = record.case.taken[-1]
    return last.step if last.fate is None and not (record.ask and record.ask.step == last.step) else None
