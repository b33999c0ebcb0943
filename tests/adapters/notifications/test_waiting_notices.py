"""Notices to a role that nobody with an address has: they wait, administrators are told once for the role, and nothing is told too late."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import pytest
from temporalio.testing import ActivityEnvironment

from activities.waiting_notices import WaitingNoticeActivities
from adapters.cases.tasks import close_task
from adapters.database.engine import Database
from adapters.database.tables import Case, Task
from adapters.identity.delegation_store import DelegationStore
from adapters.identity.users_and_tokens import IdentityStore
from adapters.letters.letter_templates import RenderedMessage
from adapters.mail.smtp_client import DeliveryOutcome
from adapters.notifications import staff_notices
from adapters.notifications.digest_store import DigestStore
from adapters.notifications.staff_notices import NoticeDeferredError, NoticeSender
from adapters.notifications.staff_notifier import MOST_DEFERRALS, StaffNotifier
from adapters.notifications.waiting_notices import WaitingNoticeStore
from adapters.read_model.unreached_roles import list_settled_notices, load_unreached_people
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideReason, SetAsideStage
from adapters.temporal.case_signals import CaseSignals
from domain.approval.delegation import Delegation
from domain.case.effects import NotifyPerson, NotifyRole
from domain.clock import Clock
from domain.journal.entry import FactValue
from domain.roles import Role
from tests.adapters.notifications.test_staff_notices import RecordingMailer
from tests.api.portfolio_world import REAL_NOW, TODAY

SALES, MANAGER = Role.SALES, Role.COLLECTIONS_MANAGER


class Desk:
    """`ada` is an administrator; nobody else has an address yet."""

    def __init__(self, database: Database) -> None:
        self.database, self.mailer = database, RecordingMailer()
        self.identity, self.waiting = IdentityStore(database), WaitingNoticeStore(database)
        sender = NoticeSender(database, self.mailer, "duecourse@ours.test", "ours.test", "http://duecourse.test", Clock.real_time())
        self.notifier = StaffNotifier(sender, DigestStore(database), self.waiting, SetAsideStore(database))
        self.identity.add_user("ada", Role.ADMIN, email="ada@ours.test")
        self.identity.add_user("silent", SALES)

    async def tell(
        self, case_id: str = "dispute:I-1:1", template: str = "dispute_raised", role: Role = SALES, **details: FactValue
    ) -> list[str]:
        notice = NotifyRole(role=role, template=template, details=details)
        return await self.notifier.tell_staff(notice, f"{case_id}:{template}:{details.get('escalation', '')}", case_id, TODAY)

    async def tell_late(self, days: int = 0) -> list[tuple[str, list[str]]]:
        """The cases whose notices went, and to whom, so many days later."""
        today, went = TODAY + timedelta(days=days), []
        for waiting in await self.notifier.list_due(today):
            told = await self.notifier.tell_waiting_notice(waiting, today)
            await self.notifier.mark_told(waiting, told, today)
            went.append((waiting.case_id, told))
        return went

    def add(self, *rows: Case | Task) -> None:
        with self.database.writing() as session:
            for row in rows:
                session.add(row)

    @property
    def addresses(self) -> list[str]:
        return [address for address, _ in self.mailer.sent]


def ended_dispute() -> Case:
    """The row of a dispute that is over."""
    return Case(
        case_id="dispute:I-1:1",
        run_id="r",
        kind="dispute",
        account_id="A-1",
        stage="x",
        waiting_for="nothing",
        outcome="rejected",
        seq=1,
        head="h",
        updated_at=REAL_NOW,
    )


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def test_a_notice_that_reaches_nobody_waits_and_an_administrator_is_told_once_for_the_role(desk: Desk) -> None:
    assert await desk.tell() == []
    assert await desk.tell("dispute:I-2:1") == []
    assert desk.addresses == ["ada@ours.test"]
    assert b"sales team" in desk.mailer.sent[0][1]
    assert b"/roles" in desk.mailer.sent[0][1]
    assert await desk.tell_late() == []
    desk.identity.add_user("silent", SALES, email="silent@ours.test")
    assert await desk.tell_late(days=2) == [("dispute:I-1:1", ["silent"]), ("dispute:I-2:1", ["silent"])]
    assert await desk.tell_late(days=2) == []
    settled = [(notice.case_id, notice.asked_on, notice.settled_on, notice.told) for notice in list_settled_notices(desk.database, 1)]
    assert settled == [("dispute:I-2:1", TODAY, TODAY + timedelta(days=2), ["silent"])]


async def test_a_notice_that_is_tried_again_waits_once_and_its_mails_are_the_same(desk: Desk) -> None:
    for _ in range(2):
        await desk.tell()
    ids = {next(line for line in message.splitlines() if line.startswith(b"Message-ID:")) for _, message in desk.mailer.sent}
    assert (len(desk.mailer.sent), len(ids)) == (2, 1)
    desk.identity.add_user("silent", SALES, email="silent@ours.test")
    assert len(await desk.tell_late()) == 1


async def test_what_is_told_to_a_person_by_name_waits_until_they_have_an_address(desk: Desk) -> None:
    """It tells that something is over, and waits all the same; of the same twice, the last word goes."""
    for user, key in (("silent", "k1"), ("silent", "k2"), ("nobody", "k3"), ("gone", "k4")):
        desk.identity.add_user("gone", SALES)
        notice = NotifyPerson(user=user, template="dispute_resolved", details={"by": key})
        assert await desk.notifier.tell_staff(notice, key, "dispute:I-1:1", TODAY) == []
    assert desk.addresses == ["ada@ours.test"] * 2, "of each person once, and of a machine never"
    assert b"Cannot be told: silent" in desk.mailer.sent[0][1]
    with desk.database.reading() as session:
        assert [(each.person, each.notices, each.since) for each in load_unreached_people(session)] == [
            ("gone", 1, TODAY),
            ("silent", 2, TODAY),
        ]
    desk.add(ended_dispute())
    desk.identity.deactivate_user("gone")
    assert await desk.tell_late() == []
    desk.identity.add_user("silent", SALES, email="silent@ours.test")
    assert await desk.tell_late(days=2) == [("dispute:I-1:1", ["silent"])]
    assert await desk.tell_late(days=2) == []
    settled = {(notice.role, notice.person, tuple(notice.told)) for notice in list_settled_notices(desk.database, 5)}
    assert settled == {(None, "silent", ("silent",)), (None, "silent", ()), (None, "gone", ())}


async def test_an_approval_is_put_down_for_the_digest_of_who_signs_in_an_absent_managers_place(desk: Desk) -> None:
    """The manager has no address; only once somebody may sign by delegation who has one is there anybody to tell."""
    desk.identity.add_user("manon", MANAGER)
    approval = "approval:suspension:A-1:1"
    assert await desk.tell(approval, "approval_asked", MANAGER, case=approval) == []
    assert await desk.tell("dispute:I-1:1", "dispute_escalated", MANAGER) == []
    desk.identity.add_user("deputy", Role.SALES_OPS, email="deputy@ours.test")
    delegation = Delegation(delegation_id="d", from_user="manon", to_user="deputy", role=MANAGER, first_day=TODAY, last_day=TODAY)
    DelegationStore(desk.database).add(delegation, "manon")
    assert await desk.tell_late() == [(approval, ["deputy"])]
    assert desk.addresses == ["ada@ours.test"], "the digest tells it"


async def test_what_is_over_is_told_to_nobody(desk: Desk) -> None:
    desk.add(
        ended_dispute(),
        Task(id=7, key="escalation:act-1", kind="escalation", account_id="A-1", role="sales", due_on=TODAY),
    )
    await desk.tell()
    await desk.tell("invoice:I-1", "escalation_raised", escalation="act-1")
    await desk.tell("invoice:I-1", "escalation_raised", escalation="act-2")
    close_task(desk.database, 7, "seen to", "mia")
    desk.identity.add_user("silent", SALES, email="silent@ours.test")
    assert await desk.tell_late() == [("invoice:I-1", ["silent"])], "the second escalation alone"
    assert [notice.told for notice in list_settled_notices(desk.database, 5)] == [["silent"], [], []]


async def test_an_address_that_refuses_is_tried_once_a_day(desk: Desk) -> None:
    await desk.tell()
    desk.identity.add_user("silent", SALES, email="nowhere@ours.test")
    desk.mailer.outcome = DeliveryOutcome.REFUSED
    assert [await desk.tell_late(), await desk.tell_late()] == [[("dispute:I-1:1", [])], []]
    desk.mailer.outcome = DeliveryOutcome.SENT
    assert await desk.tell_late(days=1) == [("dispute:I-1:1", ["silent"])]


# --- what cannot be told for a reason of its own


def break_rendering(monkeypatch: pytest.MonkeyPatch, invoice: str) -> None:
    render = staff_notices.render_notice

    def fail(template: str, details: Mapping[str, FactValue], *more: Any) -> RenderedMessage:
        if details.get("invoice") == invoice:
            raise KeyError("a word that nobody wrote")
        return render(template, details, *more)

    monkeypatch.setattr(staff_notices, "render_notice", fail)


async def tell_all(desk: Desk, count: int) -> list[list[str]]:
    """A notice of each of so many disputes."""
    told = []
    for number in range(1, count + 1):
        notice = NotifyRole(role=SALES, template="dispute_raised", details={"invoice": f"I-{number}"})
        told.append(await desk.notifier.tell_or_set_aside(notice, f"n:{number}", f"dispute:I-{number}:1", TODAY))
    return told


async def test_a_notice_that_cannot_be_written_is_set_aside_and_told_once_that_is_mended(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.identity.add_user("sven", SALES, email="sven@ours.test")
    store = SetAsideStore(desk.database)
    with monkeypatch.context() as broken:
        break_rendering(broken, "I-1")
        assert await tell_all(desk, 30) == [[]] + [["sven"]] * 29
        assert await desk.notifier.retry_set_aside(TODAY) == []
    (item,) = store.list_waiting(SetAsideStage.NOTICE).values()
    assert (item.item_id, item.attempts) == ("n:1", 2)
    assert await desk.notifier.retry_set_aside(TODAY) == [], "it rests"
    store.ask_retry(item.id, "ada")
    ((waiting, told),) = await desk.notifier.retry_set_aside(TODAY)
    assert (waiting.case_id, told) == ("dispute:I-1:1", ["sven"])
    assert store.list_waiting(SetAsideStage.NOTICE) == {}
    assert len(desk.addresses) == 30


async def test_what_waited_and_cannot_be_written_keeps_back_nothing_else_that_waited(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.tell(invoice="I-1")
    await desk.tell("dispute:I-2:1", invoice="I-2")
    desk.identity.add_user("sven", SALES, email="sven@ours.test")
    store = SetAsideStore(desk.database)
    activities = WaitingNoticeActivities(desk.notifier, cast("CaseSignals", None), Clock.real_time())
    with monkeypatch.context() as broken:
        break_rendering(broken, "I-1")
        assert await ActivityEnvironment().run(activities.tell_waiting_notices) == 1
    assert [item.item_id for item in store.list_waiting(SetAsideStage.NOTICE).values()] == ["dispute:I-1:1:dispute_raised:"]
    assert await ActivityEnvironment().run(activities.tell_waiting_notices) == 1
    assert store.list_waiting(SetAsideStage.NOTICE) == {}


async def test_a_notice_that_the_mail_server_does_not_take_for_long_is_set_aside(desk: Desk) -> None:
    desk.identity.add_user("sven", SALES, email="sven@ours.test")
    desk.mailer.outcome = DeliveryOutcome.DEFERRED
    notice = NotifyRole(role=SALES, template="dispute_raised", details={})
    with pytest.raises(NoticeDeferredError):
        await desk.notifier.tell_or_set_aside(notice, "n", "dispute:I-1:1", TODAY, MOST_DEFERRALS - 1)
    assert await desk.notifier.tell_or_set_aside(notice, "n", "dispute:I-1:1", TODAY, MOST_DEFERRALS) == []
    (item,) = SetAsideStore(desk.database).list_waiting(SetAsideStage.NOTICE).values()
    assert item.reason is SetAsideReason.NOT_TAKEN


async def test_what_was_set_aside_and_is_over_by_then_leaves_the_list(desk: Desk) -> None:
    await desk.tell(invoice="I-1")
    store = SetAsideStore(desk.database)
    (waiting,) = desk.waiting.list_waiting_keys()
    store.set_aside(SetAsideStage.NOTICE, waiting, KeyError("x"))
    desk.add(
        ended_dispute(),
        Task(id=7, key="escalation:act-1", kind="escalation", account_id="A-1", role="sales", due_on=TODAY),
    )
    desk.identity.add_user("sven", SALES, email="sven@ours.test")
    assert await desk.tell_late() == []
    assert store.list_waiting(SetAsideStage.NOTICE) == {}
