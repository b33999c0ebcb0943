"""One mail per person and day: whom it reaches, what is new in it, and that one bad address keeps nothing from anybody else."""

from collections.abc import Sequence
from datetime import date, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import ApprovalNoticeRow, Case, DigestMailRow
from adapters.identity.delegation_store import DelegationStore
from adapters.identity.users_and_tokens import IdentityStore
from adapters.letters.letter_templates import RenderedMessage
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from adapters.notifications import approval_digest
from adapters.notifications.approval_digest import DigestSender
from adapters.notifications.digest_store import DigestStore, PersonalDigest
from adapters.notifications.staff_notices import NoticeDeferredError
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from domain.approval.approval_case import ApprovalCase
from domain.approval.delegation import Delegation
from domain.approval.digest import ApprovalEvent, DigestDay, DigestTally
from domain.approval.result import LapseReason
from domain.approval.view import build_case_view
from domain.billing.reduction_kind import ReductionKind
from domain.case.effects import NotifyRole
from domain.clock import Clock
from domain.policy.approval_type import ApprovalType
from domain.roles import Role
from tests.api.account_cases import NOW, write_case
from tests.api.portfolio_world import TODAY, PortfolioWorld
from tests.api.stored_approvals import build_facts, store_approval

CONSOLE = "http://duecourse.test"
MANAGER = Role.COLLECTIONS_MANAGER


class FaultyMailer:
    """A mailer that keeps what it took; `outcomes` by address: what becomes of the rest."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, EmailMessage]] = []
        self.outcomes: dict[str, DeliveryOutcome] = {}

    async def send(self, message: bytes, sender: str, recipients: Sequence[str]) -> DeliveryResult:
        outcome = self.outcomes.get(recipients[0], DeliveryOutcome.SENT)
        if outcome is DeliveryOutcome.SENT:
            self.taken.append((recipients[0], message_from_bytes(message, policy=policy.default)))
        return DeliveryResult(outcome, None, "so it is")

    async def close(self) -> None:
        return None


class House:
    """Two managers with an address, anna and otto, who reads German; a director, and the approvals that wait for them."""

    def __init__(self, database: Database) -> None:
        self.database, self.world = database, PortfolioWorld(database)
        self.store, self.mailer, self.identity = DigestStore(database), FaultyMailer(), IdentityStore(database)
        self.identity.add_user("anna", MANAGER, email="anna@ours.test")
        self.identity.add_user("otto", MANAGER, email="otto@ours.test", language="de")
        self.identity.add_user("silent", MANAGER)
        self.identity.add_user("dora", Role.FINANCE_DIRECTOR, email="dora@ours.test")

    def ask(self, account: str, amounts: dict[str, int], requester: str = "mia") -> ApprovalCase:
        self.world.account(account, name=f"Kunde {account}")
        case = store_approval(self.world, amounts, account, requester)
        self.put_down(case)
        return case

    def put_down(self, case: ApprovalCase, event: ApprovalEvent = ApprovalEvent.ASKED, role: Role = MANAGER) -> list[str]:
        notice = NotifyRole(role=role, template=event, details={"case": case.journal.case_id})
        return self.store.add_notices(notice, event, f"{case.journal.case_id}:{event}", TODAY)

    async def send(self, today: date = TODAY, next_business_day: date | None = None) -> DigestTally:
        sender = DigestSender(self.store, self.mailer, "duecourse@ours.test", "ours.test", f"{CONSOLE}/", Clock.real_time())
        return await sender.send_digests(DigestDay(today, next_business_day or today + timedelta(days=1)))

    def got(self, user: str) -> list[EmailMessage]:
        return [mail for address, mail in self.mailer.taken if address == f"{user}@ours.test"]

    def untold(self, user: str) -> int:
        with self.database.reading() as session:
            open_notices = select(ApprovalNoticeRow).filter_by(user=user).where(col(ApprovalNoticeRow.settled_on).is_(None))
            return len(session.scalars(open_notices).all())

    def states(self) -> dict[tuple[str, date], str]:
        with self.database.reading() as session:
            return {(row.user, row.day): row.state for row in session.scalars(select(DigestMailRow))}


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_everything_that_waits_is_one_mail_for_each_the_new_first_and_told_once(house: House) -> None:
    known = house.ask("A-1", {"EUR": 10_000})
    assert await house.send() == DigestTally(sent=2)
    fresh = house.ask("A-2", {"EUR": 5_050, "USD": 2_000})
    assert await house.send() == DigestTally(), "one a day"
    tomorrow = TODAY + timedelta(days=1)
    assert await house.send(tomorrow) == DigestTally(sent=2)
    first, second = house.got("anna")
    assert (first["Subject"], second["Subject"]) == ("Waiting for your decision: 1, new: 1", "Waiting for your decision: 2, new: 1")
    assert first["Message-ID"] != second["Message-ID"]
    text = text_of(second)
    assert text.index("NEW") < text.index("Kunde A-2 (A-2)") < text.index("STILL WAITING") < text.index("Kunde A-1 (A-1)")
    assert "Please decide: suspension warning of €50.50, US$20.00, Kunde A-2 (A-2), asked for by mia, please decide by 4 Mar 2013" in text
    assert "Invoice No. USD: US$20.00, due on 10 Jan 2013 (51 days overdue)" in text
    assert text.count("Letters so far") == 1, "what is known is one line"
    for case in (known, fresh):
        assert f"{CONSOLE}/approvals/{quote(case.journal.case_id, safe='')}" in text
    assert text.rstrip().endswith(f"All that waits for your decision: {CONSOLE}/approvals")
    assert [mail["Subject"] for mail in house.got("otto")] == [
        "Warten auf Ihre Entscheidung: 1, neu: 1",
        "Warten auf Ihre Entscheidung: 2, neu: 1",
    ]
    assert house.got("dora") == []


async def test_where_nothing_is_new_and_nothing_due_nobody_gets_a_mail_until_the_last_day(house: House) -> None:
    case = house.ask("A-1", {"EUR": 10_000})
    assert case.due_on == date(2013, 3, 4)
    await house.send()
    assert await house.send(date(2013, 3, 2), date(2013, 3, 4)) == DigestTally()
    assert await house.send(date(2013, 3, 4)) == DigestTally(sent=2)
    assert "Due now: suspension warning of €100.00" in text_of(house.got("anna")[-1])
    assert house.got("anna")[-1]["Subject"] == "Waiting for your decision: 1"
    assert await house.send(date(2013, 3, 5)) == DigestTally()


async def test_a_deadline_on_a_weekend_is_told_before_it(house: House) -> None:
    house.ask("A-1", {"EUR": 10_000})
    await house.send()
    assert await house.send(date(2013, 3, 2), date(2013, 3, 5)) == DigestTally(sent=2)


async def test_what_happened_more_than_once_is_said_by_the_weightiest(house: House) -> None:
    case = house.ask("A-1", {"EUR": 10_000})
    for event in (ApprovalEvent.REMINDED, ApprovalEvent.ESCALATED, ApprovalEvent.REVISED):
        house.put_down(case, event)
    assert house.put_down(case, ApprovalEvent.REVISED) == ["anna", "otto"], "a notice that is sent twice is put down once"
    assert house.untold("anna") == 4
    await house.send()
    assert "Escalated to you: suspension warning" in text_of(house.got("anna")[0])
    assert house.untold("anna") == 0


async def test_nobody_is_told_of_what_they_may_not_decide_or_what_is_over(house: House) -> None:
    house.ask("A-1", {"EUR": 10_000}, requester="Anna")
    over = house.ask("A-2", {"EUR": 20_000})
    over.lapse(LapseReason.SETTLED, NOW)
    write_case(house.world, over, build_case_view)
    assert await house.send() == DigestTally(sent=1)
    assert house.got("anna") == []
    assert house.got("otto")[0]["Subject"] == "Warten auf Ihre Entscheidung: 1, neu: 1"
    assert (house.untold("anna"), house.untold("otto")) == (0, 0)


async def test_a_delegate_is_told_as_the_one_in_whose_place_they_act(house: House) -> None:
    given = Delegation(delegation_id="d", from_user="silent", to_user="dora", role=MANAGER, first_day=TODAY, last_day=TODAY)
    DelegationStore(house.database).add(given, "silent")
    house.ask("A-1", {"EUR": 10_000})
    assert await house.send() == DigestTally(sent=3)
    assert house.got("dora")[0]["Subject"] == "Waiting for your decision: 1, new: 1"


async def test_a_bad_address_keeps_nothing_from_anybody_else_and_stays_new_until_it_is_mended(house: House) -> None:
    house.identity.add_user("aaron", MANAGER, email="no address")
    house.identity.add_user("abel", MANAGER, email="abel@gone.test")
    house.mailer.outcomes["abel@gone.test"] = DeliveryOutcome.REFUSED
    house.ask("A-1", {"EUR": 10_000})
    assert await house.send() == DigestTally(sent=2, failed=2)
    assert await house.send() == DigestTally(), "it is not tried again that day"
    assert (house.untold("aaron"), house.untold("abel"), house.untold("anna")) == (1, 1, 0)
    house.identity.add_user("aaron", MANAGER, email="aaron@ours.test")
    assert await house.send(TODAY + timedelta(days=1)) == DigestTally(sent=1, failed=1)
    assert house.got("aaron")[0]["Subject"] == "Waiting for your decision: 1, new: 1"


async def test_an_outage_is_waited_out_and_who_had_their_mail_gets_no_second_one(house: House) -> None:
    house.ask("A-1", {"EUR": 10_000})
    house.mailer.outcomes["anna@ours.test"] = DeliveryOutcome.DEFERRED
    with pytest.raises(NoticeDeferredError):
        await house.send()
    assert (len(house.got("anna")), len(house.got("otto"))) == (0, 1)
    house.ask("A-2", {"EUR": 20_000})
    house.mailer.outcomes.clear()
    assert await house.send() == DigestTally(sent=1)
    assert (len(house.got("anna")), len(house.got("otto"))) == (1, 1)
    assert house.got("anna")[0]["Subject"] == "Waiting for your decision: 2, new: 2", "as things are when it goes"


async def test_an_outage_of_a_whole_day_is_told_the_next_day_in_one_mail(house: House) -> None:
    house.ask("A-1", {"EUR": 10_000})
    house.mailer.outcomes["anna@ours.test"] = DeliveryOutcome.DEFERRED
    with pytest.raises(NoticeDeferredError):
        await house.send()
    house.mailer.outcomes.clear()
    tomorrow = TODAY + timedelta(days=1)
    assert await house.send(tomorrow) == DigestTally(sent=1)
    assert house.states() == {("anna", TODAY): "superseded", ("otto", TODAY): "sent", ("anna", tomorrow): "sent"}


async def test_a_digest_whose_fate_is_unknown_is_not_sent_twice_that_day_and_its_news_stays_new(house: House) -> None:
    house.ask("A-1", {"EUR": 10_000})
    house.mailer.outcomes["anna@ours.test"] = DeliveryOutcome.UNKNOWN
    assert await house.send() == DigestTally(sent=1, failed=1)
    house.mailer.outcomes.clear()
    assert await house.send() == DigestTally()
    assert await house.send(TODAY + timedelta(days=1)) == DigestTally(sent=1)


async def test_a_cancellation_is_called_one_and_says_what_becomes_of_what_was_paid(house: House) -> None:
    house.world.account("A-1", name="Kunde A-1")
    matter, details = ApprovalType.CREDIT_NOTE, {"reduction": ReductionKind.CANCELLATION.value}
    facts = build_facts({"EUR": 7_000}).model_copy(update={"amounts": {"EUR": 10_000}})
    house.put_down(store_approval(house.world, {"EUR": 10_000}, requester="bea", matter=matter, facts=facts, details=dict(details)))
    await house.send()
    [english], [german] = house.got("anna"), house.got("otto")
    assert "Please decide: cancellation of the invoice of €100.00, Kunde A-1 (A-1), asked for by bea" in text_of(english)
    assert "Of its total, €30.00 is no longer open: what was paid of it becomes unapplied credit of the customer." in text_of(english)
    assert "Stornierung der Rechnung über 100,00" in text_of(german)
    assert "Was davon gezahlt wurde, wird Guthaben des Kunden." in text_of(german)


async def test_a_digest_that_cannot_be_written_keeps_back_no_other_and_goes_once_it_is_mended(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.ask("A-1", {"EUR": 10_000})
    store, render = SetAsideStore(house.database), approval_digest.render_digest

    def fail(digest: PersonalDigest, *more: Any) -> RenderedMessage:
        if digest.user == "anna":
            raise KeyError("a word that nobody wrote")
        return render(digest, *more)

    with monkeypatch.context() as broken:
        broken.setattr(approval_digest, "render_digest", fail)
        assert await house.send() == DigestTally(sent=1)
    assert list(store.list_waiting(SetAsideStage.DIGEST)) == ["anna"]
    assert await house.send() == DigestTally(sent=1)
    assert (len(house.got("anna")), store.list_waiting(SetAsideStage.DIGEST)) == (1, {})


async def test_an_approval_that_cannot_be_read_keeps_back_no_other(house: House) -> None:
    house.ask("A-1", {"EUR": 10_000})
    bad = house.ask("A-2", {"EUR": 20_000}).journal.case_id
    with house.database.writing() as session:
        session.execute(update(Case).where(col(Case.case_id) == bad).values(summary={"amount": "much"}))
    assert await house.send() == DigestTally(sent=2)
    assert "Kunde A-1" in text_of(house.got("anna")[0])
    assert list(SetAsideStore(house.database).list_waiting(SetAsideStage.DIGEST)) == [bad]
