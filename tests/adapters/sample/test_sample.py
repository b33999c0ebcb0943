"""The sample portfolio: always the same, and with every state that a newcomer should see."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from adapters.composition import Services, compose_services
from adapters.config.settings import Settings
from adapters.database.engine import Database
from adapters.database.tables import Account, Contact, CreditNote, Invoice, Payment, User
from adapters.sample.accounts import CUSTOMER, SAMPLE_ACCOUNTS, SAMPLE_USERS
from adapters.sample.invoices import SMALL_BALANCE, SamplePortfolio, SimulatedEventKind, make_sample_portfolio
from adapters.sample.simulation import SampleCustomers, choose_sample, is_sample_chosen, load_sample
from domain.case.command import Command
from domain.clock import Clock, start_of_day


class Deaf:
    """Stands in for the workflows: takes every act."""

    def __init__(self) -> None:
        self.heard: list[Command] = []

    async def send_command(self, invoice_id: str, signal: str, command: Command) -> None:
        self.heard.append(command)


AS_OF = date(2026, 10, 7)


@pytest.fixture(scope="module")
def portfolio() -> SamplePortfolio:
    return make_sample_portfolio(AS_OF)


def test_the_same_date_makes_the_same_portfolio(portfolio: SamplePortfolio) -> None:
    assert make_sample_portfolio(AS_OF) == portfolio
    assert make_sample_portfolio(date(2026, 10, 8)) != portfolio


def test_it_has_forty_accounts_two_hundred_invoices_four_languages_and_three_currencies(portfolio: SamplePortfolio) -> None:
    accounts = {invoice.account for invoice in portfolio.invoices}

    assert len(accounts) == len(SAMPLE_ACCOUNTS) == 40
    assert len({invoice.number for invoice in portfolio.invoices}) == 200
    assert {account.language for account in accounts} == {"de", "en", "es", "fr"}
    assert {account.currency for account in accounts} == {"EUR", "GBP", "USD"}
    assert {account.country for account in accounts} == {"DE", "AT", "FR", "BE", "ES", "GB", "US", "IE"}


def test_no_mail_to_it_can_reach_anyone() -> None:
    addresses = [account.email for account in SAMPLE_ACCOUNTS] + [user.email for user in SAMPLE_USERS]

    assert all(address.endswith(".example") for address in addresses)
    assert len(set(addresses)) == len(addresses)


def test_it_begins_with_every_ageing_bucket_and_everything_that_is_not_plainly_open(portfolio: SamplePortfolio) -> None:
    late = [(AS_OF - invoice.due_date).days for invoice in portfolio.invoices if invoice.status == "open"]

    for lowest, highest in ((-60, -4), (-3, 0), (1, 30), (31, 60), (61, 90), (91, 400)):
        assert any(lowest <= days <= highest for days in late), f"none is {lowest} to {highest} days past due"
    assert {invoice.status for invoice in portfolio.invoices} == {"open", "paid", "cancelled"}
    assert any(invoice.disputed for invoice in portfolio.invoices)
    assert any(invoice.open_balance == SMALL_BALANCE for invoice in portfolio.invoices)
    assert any(SMALL_BALANCE < invoice.open_balance < invoice.total for invoice in portfolio.invoices)


def test_everything_that_can_happen_to_an_invoice_happens_after_the_beginning(portfolio: SamplePortfolio) -> None:
    assert {event.kind for event in portfolio.events} == set(SimulatedEventKind)
    assert all(event.on > AS_OF for event in portfolio.events)
    assert len({event.event_id for event in portfolio.events}) == len(portfolio.events)
    assert [event.on for event in portfolio.events] == sorted(event.on for event in portfolio.events)


def test_some_customers_never_pay_and_some_pay_too_much(portfolio: SamplePortfolio) -> None:
    owed = {invoice.number: invoice.open_balance for invoice in portfolio.invoices if invoice.status == "open"}
    paid: Counter[str] = Counter()
    for event in portfolio.events:
        sign = {SimulatedEventKind.PAYMENT: 1, SimulatedEventKind.BOUNCE: -1}.get(event.kind, 0)
        paid[event.invoice_id] += sign * event.amount

    assert any(paid[number] == 0 for number in owed)
    assert any(paid[number] == amount for number, amount in owed.items())
    assert any(paid[number] > amount for number, amount in owed.items())


def test_no_invoice_is_issued_after_the_beginning(portfolio: SamplePortfolio) -> None:
    assert all(invoice.issue_date <= AS_OF <= invoice.due_date or invoice.due_date <= AS_OF for invoice in portfolio.invoices)


@pytest.fixture
def parts(database: Database, tmp_path: Path) -> Services:
    return compose_services(Settings.load(data_dir=tmp_path), database)


def test_every_row_of_it_is_accepted_by_the_projects_own_mapping(parts: Services, portfolio: SamplePortfolio) -> None:
    choose_sample(parts.database, AS_OF)

    assert load_sample(parts)

    with parts.database.reading() as session:
        kept = {invoice.id: invoice for invoice in session.exec(select(Invoice))}
        assert len(session.exec(select(Account)).all()) == 40
        assert {contact.email for contact in session.exec(select(Contact))} == {account.email for account in SAMPLE_ACCOUNTS}
        assert {user.name for user in session.exec(select(User))} == {user.name for user in SAMPLE_USERS}
    for invoice in portfolio.invoices:
        found = kept[invoice.number]
        expected = 0 if invoice.status == "cancelled" else invoice.open_balance
        assert (found.status, found.open_balance, found.disputed) == (invoice.status, expected, invoice.disputed), invoice.number


def test_it_is_brought_in_once_and_only_where_it_was_chosen(parts: Services) -> None:
    assert not is_sample_chosen(parts.database)
    assert not load_sample(parts)

    choose_sample(parts.database, AS_OF)
    assert load_sample(parts)

    assert not load_sample(parts)
    assert is_sample_chosen(parts.database)


async def test_its_customers_do_each_deed_once_whatever_interrupts_them(parts: Services) -> None:
    """A clock on which a year has passed: every deed is overdue. A second life finds nothing left to do."""
    choose_sample(parts.database, AS_OF)
    load_sample(parts)
    now = datetime.now(UTC)
    late = replace(parts, clock=Clock(real_anchor=now, business_anchor=start_of_day(AS_OF + timedelta(days=365))))
    cases = Deaf()
    theirs = select(Payment).where(col(Payment.recorded_by) == CUSTOMER)

    await SampleCustomers(late, cases).run(asyncio.Event())
    with parts.database.reading() as session:
        payments = len(session.exec(theirs).all())
    heard = len(cases.heard)
    await SampleCustomers(late, cases).run(asyncio.Event())

    event_counts = Counter(event.kind for event in make_sample_portfolio(AS_OF).events)
    with parts.database.reading() as session:
        assert len(session.exec(theirs).all()) == payments == event_counts[SimulatedEventKind.PAYMENT]
        assert (
            len(session.exec(select(Payment).where(col(Payment.reversed_on).is_not(None))).all()) == event_counts[SimulatedEventKind.BOUNCE]
        )
        assert (
            len(session.exec(select(CreditNote).where(col(CreditNote.reason) == "Goods returned")).all())
            == event_counts[SimulatedEventKind.CREDIT_NOTE]
        )
    assert len(cases.heard) == heard == event_counts[SimulatedEventKind.PROMISE] + event_counts[SimulatedEventKind.PAUSE]
