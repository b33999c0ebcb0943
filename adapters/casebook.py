"""Writes what a case's workflow recorded: journal, read model, and what a step asks for, in one transaction."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select, update
from sqlmodel import Session, col

from adapters.calendars import business_days
from adapters.database import Database
from adapters.letter_news import ENDED, news
from adapters.tables import Account, Case, Contact, ContactRequest, JournalEntry, Message, Task
from domain.contact_slots import first_slot
from domain.policy import StepAct
from domain.record import Ask, Carried, DropReason, LetterFate, LetterNews, Record, Recorded

UNDER_WAY = ("pending", "claimed")


class _Customer(NamedTuple):
    country: str
    zone: ZoneInfo
    collector: str | None


class CaseBook:
    """The journal and the read model, as workflows write them. Every call may be repeated: it changes nothing the second time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, record: Record) -> Recorded:
        """Write entries, view and ask. Slots are computed here, so that newer holiday data cannot change a replay."""
        with self._database.writing() as session:
            carried = self._earlier_run(session, record)
            if carried is not None:
                return Recorded(head=record.carried.head, carried=carried)
            self._write_entries(session, record)
            customer = self._customer(session, record.case.account_id) if record.ask or record.case.taken else None
            withdrawn = self._withdraw(session, record) if record.withdraw else []
            answer = Recorded(head=record.carried.head, withdrawn=withdrawn)
            if record.case.taken and customer:
                letters, under_way = self._letters(session, record, customer)
                answer = answer.model_copy(update={"letters": letters, "under_way": under_way})
            if record.ask and customer:
                answer = answer.model_copy(update=self._carry_out(session, record, record.ask, customer))
            self._write_view(session, record, answer)
            return answer

    def _earlier_run(self, session: Session, record: Record) -> Carried | None:
        """What an earlier, closed run of this case left, unless this run has taken it up already."""
        known = session.execute(select(col(Case.run_id), col(Case.carried)).where(col(Case.case_id) == record.case.case_id)).first()
        if known is None or known.run_id == record.case.run_id:
            return None
        left = Carried.model_validate(known.carried)
        takes_up = bool(record.entries) and record.entries[0].previous == left.head
        return None if takes_up else left

    def _write_entries(self, session: Session, record: Record) -> None:
        if record.entries:
            session.execute(self._database.insert_new(JournalEntry), [entry.model_dump() for entry in record.entries])

    def _customer(self, session: Session, account_id: str) -> _Customer:
        zone = func.coalesce(col(Contact.time_zone), col(Account.time_zone))
        row = session.execute(
            select(col(Account.country), zone, col(Account.collector))
            .outerjoin(Contact, (col(Contact.account_id) == Account.id) & (col(Contact.role) == "billing"))
            .where(col(Account.id) == account_id)
            .order_by(col(Contact.id))
            .limit(1)
        ).one()
        return _Customer(row[0], ZoneInfo(row[1]), row[2])

    def _withdraw(self, session: Session, record: Record) -> list[str]:
        """Take back the letters that have not gone, and close the calls that nobody need make any more."""
        reason, invoice = (record.withdraw or DropReason.ON_HOLD).value, record.case.invoice_id
        steps = session.execute(
            update(ContactRequest)
            .where(col(ContactRequest.invoice_id) == invoice, col(ContactRequest.state) == "pending")
            .values(state="withdrawn", reason=reason, ended_at=record.now, told=True)
            .returning(col(ContactRequest.step))
        ).scalars()
        withdrawn = list(steps)
        if record.withdraw is DropReason.SETTLED:
            session.execute(
                update(Task)
                .where(col(Task.invoice_id) == invoice, col(Task.state) == "open", col(Task.kind).in_(("call", "escalation")))
                .values(state="dropped", outcome=reason)
            )
        return withdrawn

    def _letters(self, session: Session, record: Record, customer: _Customer) -> tuple[list[LetterNews], bool]:
        """What became of this invoice's letters that it has not heard of yet, and whether one is still under way."""
        rows = session.execute(
            select(
                col(ContactRequest.id), col(ContactRequest.step), col(ContactRequest.attempt), col(ContactRequest.state),
                col(ContactRequest.ended_at), col(ContactRequest.reason), col(Message.message_id),
            )
            .outerjoin(Message, col(Message.id) == ContactRequest.message_id)
            .where(col(ContactRequest.invoice_id) == record.case.invoice_id, col(ContactRequest.state) != "withdrawn")
            .order_by(col(ContactRequest.rank))
        ).all()  # fmt: skip
        ended = [
            news(row.step, row.attempt, row.state, row.ended_at, customer.zone, row.message_id, row.reason)
            for row in rows
            if row.state in ENDED
        ]
        waiting = [row.id for row in rows if row.state in UNDER_WAY]
        if waiting and record.await_letter:
            session.execute(update(ContactRequest).where(col(ContactRequest.id).in_(waiting)).values(awaited=True))
        return [item for item in ended if item.key not in record.heard], bool(waiting)

    def _carry_out(self, session: Session, record: Record, ask: Ask, customer: _Customer) -> dict[str, Any]:
        now = record.now if ask.hours_matter else None
        not_before = max(ask.not_before, record.now.date())
        slot = first_slot(not_before, now, customer.zone, ask.contact.hours, business_days(customer.country))
        day = slot.astimezone(customer.zone).date()
        if ask.act is StepAct.CALL:
            self._ask_task(session, record, "call", ask.step, "collector", customer.collector, day)
        if ask.escalate_to:
            self._ask_task(session, record, "escalation", ask.step, ask.escalate_to, None, day)
        if ask.act is not StepAct.LETTER:
            return {"contact_on": day}
        if ask.not_after is not None and day > ask.not_after:
            lapsed = LetterNews(step=ask.step, attempt=1, fate=LetterFate.DROPPED, at=record.now, on=day, reason=DropReason.LAPSED.value)
            return {"letters": [lapsed]}
        return {"contact_on": self._ask_letter(session, record, ask, slot, customer)}

    def _ask_letter(self, session: Session, record: Record, ask: Ask, slot: datetime, customer: _Customer) -> Any:
        """One request per invoice, step and policy version; asked again after it was dropped or withdrawn, it counts one attempt more."""
        rules = ask.contact
        values = {
            "slot": slot, "letter": ask.letter, "rank": ask.rank, "not_after": ask.not_after,
            "days_between_letters": rules.days_between_letters, "opens": rules.hours.opens.isoformat("minutes"),
            "closes": rules.hours.closes.isoformat("minutes"),
        }  # fmt: skip
        key = {"invoice_id": record.case.invoice_id, "step": ask.step, "policy_version": record.case.policy_version}
        known = session.execute(
            select(col(ContactRequest.id), col(ContactRequest.state), col(ContactRequest.slot)).filter_by(**key)
        ).first()
        if known is None:
            row = {"account_id": record.case.account_id, "policy": record.case.policy, **key, **values}
            session.execute(insert(ContactRequest), [row])
        elif known.state in ("dropped", "withdrawn"):
            again = {
                "state": "pending",
                "attempt": ContactRequest.attempt + 1,
                "reason": "",
                "message_id": None,
                "ended_at": None,
                "told": False,
            }
            session.execute(update(ContactRequest).where(col(ContactRequest.id) == known.id).values(**values, **again, awaited=False))
        else:
            slot = known.slot
        return slot.astimezone(customer.zone).date()

    def _ask_task(self, session: Session, record: Record, kind: str, step: str, role: str, assignee: str | None, due_on: Any) -> None:
        case = record.case
        task = Task(
            key=f"{kind}:{case.case_id}:{step}", kind=kind, account_id=case.account_id, invoice_id=case.invoice_id, role=role,
            assignee=assignee, due_on=due_on,
        )  # fmt: skip
        session.execute(self._database.insert_new(Task), [task.model_dump(exclude={"id"})])

    def _write_view(self, session: Session, record: Record, answer: Recorded) -> None:
        case = record.case
        next_on = case.next_on
        if answer.contact_on and next_on and record.ask:
            next_on = max(next_on, answer.contact_on + timedelta(days=record.ask.catch_up_days))
        values = {
            "run_id": case.run_id, "kind": case.kind, "account_id": case.account_id, "invoice_id": case.invoice_id, "stage": case.stage,
            "next_step": case.next_step, "next_on": next_on, "waiting_for": case.waiting_for, "policy": case.policy,
            "policy_version": case.policy_version, "holds": [hold.model_dump(mode="json") for hold in case.holds],
            "taken": [past.model_dump(mode="json") for past in case.taken], "promised_by": case.promised_by,
            "promised_amount": case.promised_amount, "outcome": case.outcome, "seq": record.carried.seq, "head": record.carried.head,
            "carried": record.carried.model_dump(mode="json"), "updated_at": datetime.now(UTC),
        }  # fmt: skip
        statement = self._database.insert(Case).values(case_id=case.case_id, **values)
        session.execute(statement.on_conflict_do_update(index_elements=["case_id"], set_=values))
