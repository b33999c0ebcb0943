"""One account, one seal or one case that fails is set aside, and the rest goes on."""

from collections.abc import Callable
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, cast

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.credit_referrals import CreditReferralActivities
from activities.daily_seal import DailySealActivities
from adapters.audit.seals.seal_mail import SealMail
from adapters.audit.seals.seal_store import SealStore
from adapters.database.engine import Database
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from adapters.temporal.case_signals import CaseSignals
from adapters.temporal.case_start import CaseStart
from adapters.temporal.client import signal_clock
from domain.audit.seal import Seal
from domain.clock import Clock
from domain.credit_review.commands import ReferralReason

OTHERS = 30


class Accounts:
    """Thirty accounts and two poisoned ones: one whose rules, one whose case cannot be read. All are to be referred."""

    def __init__(self) -> None:
        self.poisoned = {"A1", "A2"}
        self.referred: list[str] = []

    def list_accounts_to_refer(self, _: datetime, on_failure: Callable[[str, Exception], None]) -> list[tuple[str, ReferralReason]]:
        if "A1" in self.poisoned:
            on_failure("A1", LookupError("its policy is gone"))
        names = [f"A{number}" for number in range(1, OTHERS + 3)]
        return [(name, ReferralReason.BROKEN_PROMISES) for name in names if name != "A1" or "A1" not in self.poisoned]

    def load_credit_review_input(self, account_id: str) -> Any:
        if account_id in self.poisoned:
            raise ValueError("its review cannot be read")
        return SimpleNamespace()

    def load_collector(self, _: str) -> None:
        return None

    async def signal_or_start_case(self, start: CaseStart, *_: object) -> None:
        self.referred.append(start.account_id)


async def test_an_account_that_cannot_be_referred_keeps_back_no_other(database: Database) -> None:
    accounts, store = Accounts(), SetAsideStore(database)
    every: Any = accounts
    referring = CreditReferralActivities(every, every, cast("CaseSignals", every), Clock.real_time(), store)
    assert await ActivityEnvironment().run(referring.refer_accounts) == OTHERS
    assert set(store.list_waiting(SetAsideStage.REFERRAL)) == {"A1", "A2"}
    accounts.poisoned.clear()
    assert await ActivityEnvironment().run(referring.refer_accounts) == OTHERS + 2
    assert store.list_waiting(SetAsideStage.REFERRAL) == {}


class Post:
    """It takes the seals of all days but some."""

    def __init__(self) -> None:
        self.broken = {date(2026, 1, 5)}
        self.sent: list[date] = []

    async def send(self, seal: Seal) -> bool:
        if seal.day in self.broken:
            raise KeyError("a word that nobody wrote")
        self.sent.append(seal.day)
        return True


def seal_of(day: int) -> Seal:
    return Seal(day=date(2026, 1, day), root="r" * 64, cases=1, entries=1, previous="p" * 64)


async def test_a_seal_that_cannot_be_mailed_goes_with_a_later_one(database: Database) -> None:
    post, store, seals = Post(), SetAsideStore(database), [seal_of(5), seal_of(6)]
    made = cast("SealStore", SimpleNamespace(list_seals=lambda: seals))
    sealing = DailySealActivities(made, cast("SealMail", post), Clock.real_time(), store)
    assert await ActivityEnvironment().run(sealing.mail_seal, seals[0]) is False
    assert list(store.list_waiting(SetAsideStage.SEAL_MAIL)) == ["2026-01-05"]
    post.broken.clear()
    assert await ActivityEnvironment().run(sealing.mail_seal, seals[1]) is True
    assert post.sent == [date(2026, 1, 6), date(2026, 1, 5)]
    assert store.list_waiting(SetAsideStage.SEAL_MAIL) == {}


async def test_a_case_at_its_limit_of_signals_keeps_no_other_from_hearing_of_the_clock() -> None:
    heard: list[str] = []

    def get_workflow_handle(case_id: str) -> SimpleNamespace:
        async def signal(*_: object) -> None:
            if case_id == "invoice:I1":
                raise RPCError("exceeded workflow execution limit for signal events", RPCStatusCode.INVALID_ARGUMENT, b"")
            heard.append(case_id)

        return SimpleNamespace(signal=signal)

    client = cast("Client", SimpleNamespace(get_workflow_handle=get_workflow_handle))
    failed = await signal_clock(client, [f"invoice:I{number}" for number in range(1, OTHERS + 2)], Clock.real_time())
    assert (list(failed), len(heard)) == (["invoice:I1"], OTHERS)
