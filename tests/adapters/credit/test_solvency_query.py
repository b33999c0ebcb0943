"""What an account's solvency and its referral are read from: invoices paid, the journal, and the last verdict's limit."""

import pytest

from adapters.config.settings import PROJECT
from adapters.credit.referral_query import ReferralQuery
from adapters.credit.solvency_query import AccountSolvency, SolvencyQuery
from adapters.database.engine import Database
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.policy_store import PolicyStore
from domain.credit_review.commands import AbilityToPay, ReferralReason
from domain.credit_review.solvency_score import SolvencyFactor
from domain.policy.dispute_rules import DisputeResolution
from tests.adapters.journal.journalled_accounts import JournalledAccount, journal_dispute, journal_promises, journal_verdict, noon_on


@pytest.fixture
def account(database: Database) -> JournalledAccount:
    return JournalledAccount(database)


def read(account: JournalledAccount, day: float = 60) -> AccountSolvency:
    return SolvencyQuery(account.database).load_solvency("A1", noon_on(day))


def values(read: AccountSolvency) -> dict[SolvencyFactor, float | None]:
    return {factor.factor: factor.value for factor in read.solvency.factors} if read.solvency else {}


def test_an_account_without_a_history_has_no_score(account: JournalledAccount) -> None:
    account.invoice("I1")
    assert read(account).solvency is None


def test_days_late_are_those_of_paid_invoices_in_the_order_of_payment(account: JournalledAccount) -> None:
    for id, paid_on in (("I1", 40), ("I2", 0), ("I3", -5), ("I4", 20)):
        account.invoice(id)
        account.record_payment(id, 10_000, paid_on)
    account.invoice("open")
    account.invoice("part")
    account.record_payment("part", 1_000, 50)
    found = read(account)
    assert found.record.days_late == [0, 0, 20, 40]
    assert values(found)[SolvencyFactor.AVERAGE_DAYS_LATE] == 15
    assert values(found)[SolvencyFactor.TREND] == 30


def test_what_was_paid_later_or_too_long_ago_does_not_count(account: JournalledAccount) -> None:
    account.invoice("I1")
    account.record_payment("I1", 10_000, 30)
    assert [read(account, day).record.days_late for day in (29, 30, 30 + 730, 30 + 731)] == [[], [30], [30], []]


def test_promises_count_once_they_fell_due(account: JournalledAccount) -> None:
    journal_promises(account, "kkbo")
    assert (read(account).record.promises_kept, read(account).record.promises_broken) == (2, 1)
    assert values(read(account))[SolvencyFactor.PROMISES_KEPT] == 66.67
    assert (read(account, 20).record.promises_kept, read(account, 20).record.promises_broken) == (1, 0)


def test_a_dispute_is_lost_when_it_was_rejected_and_counts_only_when_it_was_judged(account: JournalledAccount) -> None:
    for number, resolution in enumerate((DisputeResolution.REJECTED, DisputeResolution.ALREADY_PAID, DisputeResolution.WITHDRAWN, None), 1):
        journal_dispute(account, resolution, number)
    assert (read(account).record.disputes_lost, read(account).record.disputes_resolved) == (1, 2)


def test_exposure_is_what_is_open_in_the_currency_of_the_limit(account: JournalledAccount) -> None:
    account.invoice("I1", 60_000)
    account.invoice("G1", 99_999, "GBP")
    journal_verdict(account, limit=50_000)
    assert values(read(account))[SolvencyFactor.EXPOSURE] == 120
    assert read(account).currency == "EUR"
    assert read(account, 29).solvency is None, "the verdict had not been given"


def test_a_verdict_without_a_limit_leaves_the_exposure_unknown(account: JournalledAccount) -> None:
    account.invoice("I1", 60_000)
    journal_verdict(account, limit=None)
    assert read(account).solvency is None


# --- who is referred


@pytest.fixture
def referred(account: JournalledAccount) -> ReferralQuery:
    letters = LetterTemplates()
    policies = PolicyStore(account.database, letters)
    policies.load_folder(PROJECT / "policies")
    return ReferralQuery(account.database, policies)


def test_an_account_that_broke_as_many_promises_as_the_policy_bears_is_referred(
    account: JournalledAccount, referred: ReferralQuery
) -> None:
    account.invoice("I1", 100_000)
    journal_promises(account, "bkb")
    assert referred.list_accounts_to_refer(noon_on(20)) == []
    assert referred.list_accounts_to_refer(noon_on(60)) == [("A1", ReferralReason.BROKEN_PROMISES)]


def test_a_verdict_takes_note_of_the_promises_broken_before_it(account: JournalledAccount, referred: ReferralQuery) -> None:
    account.invoice("I1", 1_000)
    journal_promises(account, "bbb")
    journal_verdict(account, days=40)
    assert referred.list_accounts_to_refer(noon_on(60)) == []


def test_an_account_that_owes_more_than_its_limit_is_referred_once_the_verdict_is_old(
    account: JournalledAccount, referred: ReferralQuery
) -> None:
    account.invoice("I1", 60_000)
    journal_verdict(account, limit=50_000)
    assert referred.list_accounts_to_refer(noon_on(59)) == []
    assert referred.list_accounts_to_refer(noon_on(61)) == [("A1", ReferralReason.EXPOSURE_OVER_LIMIT)]
    account.record_payment("I1", 10_000, 61)
    assert referred.list_accounts_to_refer(noon_on(62)) == []


def test_an_account_whose_review_awaits_a_verdict_is_not_referred_again(account: JournalledAccount, referred: ReferralQuery) -> None:
    account.invoice("I1", 60_000)
    journal_verdict(account, limit=50_000)
    account.await_verdict()
    assert referred.list_accounts_to_refer(noon_on(90)) == []


def test_an_insolvent_account_is_not_referred(account: JournalledAccount, referred: ReferralQuery) -> None:
    account.invoice("I1", 60_000)
    journal_verdict(account, limit=50_000, ability=AbilityToPay.UNABLE, insolvent=True)
    assert referred.list_accounts_to_refer(noon_on(90)) == []
