"""Of a billing system that refuses to be read somebody hears, once; and again when it refuses another time."""

from datetime import date
from typing import Any, cast

import pytest
from temporalio.testing import ActivityEnvironment

from activities.connected_systems import CREDITS_REFUSED_TEMPLATE, REFUSED_TEMPLATE, ConnectedSystemActivities
from adapters.billing.errors import BillingAwayError, ConnectionRefusedByBillingError
from adapters.connections.oversight.refusals import RefusedReadings
from adapters.database.engine import Database
from adapters.database.tables import User
from adapters.i18n.languages import LANGUAGES
from adapters.notifications.staff_notices import render_notice
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from domain.case.effects import NotifyPerson
from domain.clock import Clock
from domain.roles import Role

REFUSED, AWAY = ConnectionRefusedByBillingError("Odoo forbids this to the key's user"), BillingAwayError("503")


class FailingReading:
    """A system of which each reading fails, or none does."""

    def __init__(self, database: Database) -> None:
        self._set_aside, self.error = SetAsideStore(database), cast(Exception | None, REFUSED)

    def read_system(self, name: str) -> int:
        if self.error:
            self._set_aside.set_aside(SetAsideStage.BILLING_SYSTEM, "erp:1", self.error)
        else:
            self._set_aside.settle(SetAsideStage.BILLING_SYSTEM, ["erp:1"])
        return 0


class RecordingNotifier:
    def __init__(self) -> None:
        self.told = list[NotifyPerson]()

    async def tell_or_set_aside(self, notice: NotifyPerson, key: str, case_id: str, today: date, attempt: int) -> list[str]:
        self.told.append(notice)
        return [notice.user]


def add_people(database: Database) -> None:
    with database.writing() as session:
        for name, role in (("ada", Role.ADMIN), ("bea", Role.BILLING_OPS), ("col", Role.COLLECTOR)):
            session.add(User(name=name, email=f"{name}@house.test", roles=[role.value]))


async def test_a_refusal_is_told_once_to_the_people_of_billing_and_ends_by_itself(database: Database) -> None:
    reading, notifier = FailingReading(database), RecordingNotifier()
    works = ConnectedSystemActivities(cast(Any, reading), RefusedReadings(database), cast(Any, notifier), Clock.real_time())
    run = ActivityEnvironment().run
    await run(works.read_system, "erp:1")
    assert notifier.told == [], "nobody has an address yet"
    add_people(database)
    for _ in range(3):
        await run(works.read_system, "erp:1")
    assert [notice.user for notice in notifier.told] == ["ada", "bea"]
    assert notifier.told[0].details == {"system": "erp", "why": str(REFUSED), "connection": "erp:1"}
    reading.error = None
    await run(works.read_system, "erp:1")
    reading.error = REFUSED
    for _ in range(2):
        await run(works.read_system, "erp:1")
    assert [notice.user for notice in notifier.told] == ["ada", "bea"] * 2, "it refused another time"


async def test_an_absence_is_waited_out_and_tells_nobody(database: Database) -> None:
    add_people(database)
    reading, notifier = FailingReading(database), RecordingNotifier()
    reading.error = AWAY
    works = ConnectedSystemActivities(cast(Any, reading), RefusedReadings(database), cast(Any, notifier), Clock.real_time())
    await ActivityEnvironment().run(works.read_system, "erp:1")
    assert notifier.told == []


async def test_that_what_is_unapplied_is_refused_is_told_apart(database: Database) -> None:
    add_people(database)
    reading, notifier = FailingReading(database), RecordingNotifier()
    reading.error = None
    works = ConnectedSystemActivities(cast(Any, reading), RefusedReadings(database), cast(Any, notifier), Clock.real_time())
    SetAsideStore(database).set_aside(SetAsideStage.BILLING_SYSTEM, "erp:1:credits", REFUSED)
    for _ in range(2):
        await ActivityEnvironment().run(works.read_system, "erp:1")
    assert {(notice.template, notice.details["connection"]) for notice in notifier.told} == {(CREDITS_REFUSED_TEMPLATE, "erp:1")}
    assert [notice.user for notice in notifier.told] == ["ada", "bea"]


@pytest.mark.parametrize("template", [REFUSED_TEMPLATE, CREDITS_REFUSED_TEMPLATE])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notice_says_which_system_and_why_and_leads_to_the_connection(language: str, template: str) -> None:
    details = {"system": "erp", "why": "403: no right", "connection": "erp:1"}
    message = render_notice(template, cast(Any, details), "https://console.test", language)
    assert "erp" in message.subject
    assert "403: no right" in message.text
    assert "https://console.test/connections/erp%3A1" in message.text
