"""The contact requests, as the invoices that made them see them: asked, withdrawn, and what became of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select, update
from sqlmodel import col

from adapters.letter_news import ENDED, news
from adapters.tables import ContactRequest, Message
from domain.record import Ask, LetterNews, Record

UNDER_WAY = ("pending", "claimed")
OVER = ("dropped", "withdrawn")


class ContactBook:
    def ask(self, connection: Connection, record: Record, ask: Ask, slot: datetime) -> datetime:
        """The slot that the request has. One request per invoice, step and policy version; asked again after it was dropped or
        withdrawn, it counts one attempt more."""
        hours = ask.contact.hours
        wanted = {
            "slot": slot, "letter": ask.letter, "rank": ask.rank, "not_after": ask.not_after,
            "days_between_letters": ask.contact.days_between_letters, "opens": hours.opens.isoformat("minutes"),
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

    def withdraw(self, connection: Connection, records: Sequence[Record]) -> dict[str, list[str]]:
        """Take back the letters that have not gone; the steps that had asked for them, per case."""
        withdrawn: dict[str, list[str]] = {}
        for record in records:
            if record.withdraw is None:
                continue
            steps = connection.execute(
                update(ContactRequest)
                .where(col(ContactRequest.invoice_id) == record.case.invoice_id, col(ContactRequest.state) == "pending")
                .values(state="withdrawn", reason=record.withdraw.value, ended_at=record.now, told=True)
                .returning(col(ContactRequest.step))
            )
            withdrawn[record.case.case_id] = list(steps.scalars())
        return withdrawn

    def letters(
        self, connection: Connection, records: Sequence[Record], zones: Mapping[str, ZoneInfo]
    ) -> dict[str, tuple[list[LetterNews], bool]]:
        """Per case, what became of its letters that it has not heard of yet, and whether one is still under way."""
        asking = {record.case.invoice_id: record for record in records if record.case.taken}
        if not asking:
            return {}
        rows = connection.execute(
            select(
                col(ContactRequest.id), col(ContactRequest.invoice_id), col(ContactRequest.step), col(ContactRequest.attempt),
                col(ContactRequest.state), col(ContactRequest.ended_at), col(ContactRequest.reason), col(Message.message_id),
            )
            .outerjoin(Message, col(Message.id) == col(ContactRequest.message_id))
            .where(col(ContactRequest.invoice_id).in_(asking), col(ContactRequest.state) != "withdrawn")
            .order_by(col(ContactRequest.rank))
        ).all()  # fmt: skip
        heard: dict[str, list[LetterNews]] = defaultdict(list)
        under_way: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            record = asking[row.invoice_id]
            if row.state in UNDER_WAY:
                under_way[record.case.case_id].append(row.id)
            elif row.state in ENDED:
                zone = zones[record.case.account_id]
                item = news(row.step, row.attempt, row.state, row.ended_at, zone, row.message_id, row.reason)
                if item.key not in record.heard:
                    heard[record.case.case_id].append(item)
        awaited = [request for record in records if record.await_letter for request in under_way[record.case.case_id]]
        if awaited:
            connection.execute(update(ContactRequest).where(col(ContactRequest.id).in_(awaited)).values(awaited=True))
        return {record.case.case_id: (heard[record.case.case_id], bool(under_way[record.case.case_id])) for record in asking.values()}
