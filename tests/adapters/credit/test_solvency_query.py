"""What an account's solvency and its referral are read from: invoices paid, the journal, and the last verdict's limit."""

import pytest

from adapters.config.settings import PROJECT
from adapters.credit.referral_query import ReferralReading
from adapters.credit.solvency_query import AccountSolvency, SolvencyReading
from adapters.database.engine import Database
from adapters.letters.letter_templates import LetterBook
from adapters.policies.policy_store import PolicyBook
from domain.credit_review.commands import Ability, Reason
from domain.credit_review.solvency_score import Factor
from domain.policy.dispute_rules import Resolution
from tests.adapters.journal.journalled_accounts import ToldAccount, at, tell_dispute, tell_promises, tell_verdict


@pytest.fixture
def account(database: Database) -> ToldAccount:
    return ToldAccount(database)


def read(account: ToldAccount, day: float = 60) -> AccountSolvency:
    return SolvencyReading(account.database).of("A1", at(day))


def values(read: AccountSolvency) -> dict[Factor, float | None]:
    return {factor.factor: factor.value for factor in read.solvency.factors} if read.solvency else {}


def test_an_account_without_a_history_has_no_score(account: ToldAccount) -> None:
    account.invoice("I1")
    assert read(account).solvency is None


def test_days_late_are_those_of_paid_invoices_in_the_order_of_payment(account: ToldAccount) -> None:
    for id, paid_on in (("I1", 40), ("I2", 0), ("I3", -5), ("I4", 20)):
        account.invoice(id)
        account.pays(id, 10_000, paid_on)
    account.invoice("open")
    account.invoice("part")
    account.pays("part", 1_000, 50)
    found = read(account)
    assert found.record.days_late == [0, 0, 20, 40]
    assert values(found)[Factor.AVERAGE_DAYS_LATE] == 15
    assert values(found)[Factor.TREND] == 30


def test_what_was_paid_later_or_too_long_ago_does_not_count(account: ToldAccount) -> None:
    account.invoice("I1")
    account.pays("I1", 10_000, 30)
    assert [read(account, day).record.days_late for day in (29, 30, 30 + 730, 30 + 731)] == [[], [30], [30], []]


def test_promises_count_once_they_fell_due(account: ToldAccount) -> None:
    tell_promises(account, "kkbo")
    assert (read(account).record.promises_kept, read(account).record.promises_broken) == (2, 1)
    assert values(read(account))[Factor.PROMISES_KEPT] == 66.67
    assert (read(account, 20).record.promises_kept, read(account, 20).record.promises_broken) == (1, 0)


def test_a_dispute_is_lost_when_it_was_rejected_and_counts_only_when_it_was_judged(account: ToldAccount) -> None:
    for number, resolution in enumerate((Resolution.REJECTED, Resolution.ALREADY_PAID, Resolution.WITHDRAWN, None), 1):
        tell_dispute(account, resolution, number)
    assert (read(account).record.disputes_lost, read(account).record.disputes_resolved) == (1, 2)


def test_exposure_is_what_is_open_in_the_currency_of_the_limit(account: ToldAccount) -> None:
    account.invoice("I1", 60_000)
    account.invoice("G1", 99_999, "GBP")
    tell_verdict(account, limit=50_000)
    assert values(read(account))[Factor.EXPOSURE] == 120
    assert read(account).currency == "EUR"
    assert read(account, 29).solvency is None, "the verdict had not been given"


def test_a_verdict_without_a_limit_leaves_the_exposure_unknown(account: ToldAccount) -> None:
    account.invoice("I1", 60_000)
    tell_verdict(account, limit=None)
    assert read(account).solvency is None


# --- who is referred


@pytest.fixture
def referred(account: ToldAccount) -> ReferralReading:
    letters = LetterBook()
    policies = PolicyBook(account.database, letters)
    policies.load(PROJECT / "policies")
    return ReferralReading(account.database, policies)


def test_an_account_that_broke_as_many_promises_as_the_policy_bears_is_referred(account: ToldAccount, referred: ReferralReading) -> None:
    account.invoice("I1", 100_000)
    tell_promises(account, "bkb")
    assert referred.accounts(at(20)) == []
    assert referred.accounts(at(60)) == [("A1", Reason.BROKEN_PROMISES)]


def test_a_verdict_takes_note_of_the_promises_broken_before_it(account: ToldAccount, referred: ReferralReading) -> None:
    account.invoice("I1", 1_000)
    tell_promises(account, "bbb")
    tell_verdict(account, days=40)
    assert referred.accounts(at(60)) == []


def test_an_account_that_owes_more_than_its_limit_is_referred_once_the_verdict_is_old(
    account: ToldAccount, referred: ReferralReading
) -> None:
    account.invoice("I1", 60_000)
    tell_verdict(account, limit=50_000)
    assert referred.accounts(at(59)) == []
    assert referred.accounts(at(61)) == [("A1", Reason.EXPOSURE_OVER_LIMIT)]
    account.pays("I1", 10_000, 61)
    assert referred.accounts(at(62)) == []


def test_an_account_whose_review_awaits_a_verdict_is_not_referred_again(account: ToldAccount, referred: ReferralReading) -> None:
    account.invoice("I1", 60_000)
    tell_verdict(account, limit=50_000)
    account.await_verdict()
    assert referred.accounts(at(90)) == []


def test_an_insolvent_account_is_not_referred(account: ToldAccount, referred: ReferralReading) -> None:
    account.invoice("I1", 60_000)
    tell_verdict(account, limit=50_000, ability=Ability.UNABLE, insolvent=True)
    assert referred.accounts(at(90)) == []
