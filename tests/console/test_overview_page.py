"""The overview: what is owed by age, what came in, where it stands, what waits for whom; each figure opens its rows."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.database.tables import Allocation, Case, CreditNote, Payment
from adapters.portfolio.target_store import CollectionTarget, CollectionTargetStore
from adapters.read_model.overview.collected_figures import CollectedKey, list_collected, load_collected
from adapters.read_model.overview.flow_figures import find_median, load_stage_figures
from adapters.read_model.overview.money_figures import load_currency_figures
from adapters.read_model.overview.overview_figures import KEPT_FOR, REMEMBERED_FOR, WANTED_FOR, OverviewReader
from api.console.overview import collected_page
from api.console.overview.bars import draw_stacked_bar, scale_bar
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import TaskKind
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import PauseCollection
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import CLOCK, REAL_NOW, TODAY, PortfolioWorld, moment_on
from tests.api.stored_approvals import store_approval
from tests.api.test_invoice_disputes import raise_dispute
from tests.console.test_act_forms import fields_of
from tests.console.test_pages import page, words


def pay(world: PortfolioWorld, number: int, amount: int, days_ago: int, reversed_on: date | None = None) -> None:
    day = TODAY - timedelta(days=days_ago)
    world.add(Payment(id=f"P-{number}", account_id="A-1", currency="EUR", amount=amount, received_on=day, reversed_on=reversed_on))


async def test_what_is_owed_stands_by_currency_and_age_and_each_figure_opens_its_invoices(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("E-0", due=TODAY, total=10_000, started=False)
    world.invoice("E-1", due=TODAY - timedelta(days=1), total=20_000, started=False)
    world.invoice("E-30", due=TODAY - timedelta(days=30), total=30_000, started=False)
    world.invoice("E-31", due=TODAY - timedelta(days=31), total=40_000, started=False)
    world.invoice("E-91", due=TODAY - timedelta(days=91), total=50_000, started=False)
    world.invoice("G-1", due=TODAY - timedelta(days=5), total=7_000, currency="GBP", started=False)
    world.invoice("PAID", status=InvoiceStatus.PAID)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as client:
        shown = await page(client, "/overview")
        row = "EUR €1,500.00 5 invoices €1,400.00 4 invoices €100.00 1 invoice €500.00 2 invoices €400.00 1 invoice – €500.00 1 invoice"
        assert row in words(shown)
        assert "GBP £70.00 1 invoice £70.00 1 invoice" in words(shown)
        assert 'role="img" aria-label="What is open in EUR by age: not yet due €100.00, 1 to 30 days €500.00' in shown
        found = {}
        for link in re.findall(r'href="(/invoices\?currency=EUR[^"]*)"', shown):
            listed = await page(client, link.replace("&amp;", "&"))
            found[link.partition("currency=EUR")[2].replace("&amp;", "&")] = re.findall(r">N-([A-Z]-\d+)</a>", listed)
    assert found[""] == ["E-91", "E-31", "E-30", "E-1", "E-0"]
    assert found["&overdue=1"] == ["E-91", "E-31", "E-30", "E-1"]
    assert found["&until=0"] == ["E-0"]
    assert found["&overdue=1&until=30"] == ["E-30", "E-1"]
    assert found["&overdue=31&until=60"] == ["E-31"]
    assert found["&overdue=91"] == ["E-91"]


def test_what_came_in_stands_beside_what_came_in_before_without_what_was_taken_back(world: PortfolioWorld) -> None:
    world.account()
    for number, (amount, days_ago) in enumerate(((100, 0), (20, 29), (4_000, 30), (500, 59), (60_000, 60))):
        pay(world, number, amount, days_ago)
    pay(world, 9, 7, 1, reversed_on=TODAY)
    with world.database.reading() as session:
        (euro,) = load_currency_figures(session, TODAY)
    assert (euro.collected, euro.collected_before) == (120, 4_500)
    assert euro.open.invoices == 0


async def test_what_waits_is_told_by_whom_it_waits_for_and_opens_its_rows(as_role: As, world: PortfolioWorld) -> None:
    world.account(collector="maria")
    world.invoice("I-1")
    world.task("I-1", due=TODAY - timedelta(days=9))
    world.task("I-1", TaskKind.NO_ADDRESS)
    raise_dispute(world)
    store_approval(world, {"EUR": 123_456})
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as client:
        shown = await page(client, "/overview")
        assert "maria Call the customer 1 9 days" in words(shown)
        links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/cases\?[^"]+)"', shown)]
        assert len([link for link in links if "department=" in link]) == 2, "the department's name, and one of its ages"
        assert len(links) > 4
        for link in links:
            assert '<th scope="row">' in await page(client, link), link


def test_days_at_a_stage_count_from_its_last_change(world: PortfolioWorld) -> None:
    world.account()
    case = world.invoice("I-1", due=TODAY - timedelta(days=3))
    assert case is not None

    def find_days() -> dict[str, int | None]:
        with world.database.reading() as session:
            return {row.stage: row.median_in_stage for row in load_stage_figures(session, TODAY)}

    assert find_days() == {"new": 0}
    with world.database.writing() as session:
        session.get_one(Case, case.journal.case_id).stage_since = TODAY - timedelta(days=9)
    apply_command(case, PauseCollection(act_id="p", actor="mia", reason="stock"), moment_on(TODAY))
    world.write(case)
    assert find_days() == {"new": 9}, "a pause is no other stage"
    with world.database.writing() as session:
        session.get_one(Case, case.journal.case_id).stage_since = None
    assert find_days() == {"new": None}, "of a stage whose beginning nobody knows nothing is said"
    other = world.invoice("I-2", due=TODAY - timedelta(days=3))
    assert other is not None
    world.steps(other, 1)
    assert find_days() == {"new": None, "reminder": 0}


async def test_before_there_is_anything_it_says_what_will_stand_there(as_role: As) -> None:
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        assert "Once the first invoices are imported" in await page(client, "/overview")


def test_figures_are_kept_for_a_minute_and_not_over_a_day(world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1", started=False)
    reader = OverviewReader(world.database)

    def count(days: int, seconds: float) -> int:
        figures = reader.read(TODAY + timedelta(days=days), REAL_NOW + timedelta(seconds=seconds), CLOCK)
        return figures.currencies[0].open.invoices

    assert count(0, 0) == 1
    world.invoice("I-2", started=False)
    almost = KEPT_FOR.total_seconds() - 1
    assert (count(0, almost), count(1, almost), count(1, 2 * almost + 2)) == (1, 2, 2)


def test_figures_are_read_ahead_while_somebody_asks_for_them(world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1", started=False)
    reader = OverviewReader(world.database)

    def read_ahead(seconds: float) -> None:
        reader.read_ahead(TODAY, REAL_NOW + timedelta(seconds=seconds), CLOCK)

    def find_reading(seconds: float) -> float:
        figures = reader.read(TODAY, REAL_NOW + timedelta(seconds=seconds), CLOCK)
        return (figures.read_at - REAL_NOW).total_seconds()

    read_ahead(0)
    assert find_reading(0) == 0, "nobody had asked before"
    read_ahead(10)
    assert find_reading(20) == 0, "they are young"
    read_ahead(50)
    assert find_reading(70) == 50, "whoever comes after a minute finds them read"
    night = 70 + WANTED_FOR.total_seconds()
    read_ahead(night)
    read_ahead(night + 300)
    assert find_reading(night + 500) == night, "the first of the morning is shown those of minutes ago"
    assert find_reading(night + 501) == night + 501, "whoever asks again is shown others"
    forgotten = night + 501 + REMEMBERED_FOR.total_seconds()
    read_ahead(forgotten)
    assert find_reading(forgotten + 1) == forgotten + 1, "nobody had asked for days"


@pytest.mark.parametrize(
    ("counts", "median"), [({3: 1}, 3), ({1: 1, 2: 1}, 1), ({-5: 1, 10: 2}, 10), ({1: 5, 9: 4}, 1), ({1: 1, 2: 1, 90: 1}, 2)]
)
def test_the_median_is_the_one_in_the_middle(counts: dict[int, int], median: int) -> None:
    assert find_median(counts) == median


@given(st.lists(st.integers(-100, 10**12), max_size=6))
def test_a_bars_parts_fill_it_without_a_gap(amounts: list[int]) -> None:
    parts = draw_stacked_bar(amounts)
    assert [part.number for part in parts] == ([place for place, amount in enumerate(amounts) if amount > 0])
    assert all(part.width > 0 for part in parts)
    if parts:
        assert abs(parts[-1].x + parts[-1].width - 100) < 0.1
    assert all(0 <= scale_bar(amount, amounts) <= 100 for amount in amounts)


def collect(world: PortfolioWorld, number: int, invoice: str, amount: int, day: date, account: str = "A-1") -> None:
    """A payment that came in on the day, all of it for one invoice."""
    world.add(Payment(id=f"C-{number}", account_id=account, currency="EUR", amount=amount, received_on=day))
    world.add(Allocation(payment_id=f"C-{number}", invoice_id=invoice, amount=amount, allocated_on=day))


@pytest.fixture
def collected(world: PortfolioWorld) -> PortfolioWorld:
    """In the first days of March 2013, and in February."""
    world.account(collector="maria")
    world.account("A-2", collector=None)
    world.invoice("OLD", due=TODAY - timedelta(days=40), started=False)
    world.invoice("DUE", due=TODAY, started=False)
    world.invoice("B-1", account="A-2", due=TODAY - timedelta(days=40), started=False)
    collect(world, 1, "OLD", 1_000, TODAY)
    collect(world, 2, "DUE", 5_000, TODAY)
    collect(world, 3, "OLD", 300, TODAY - timedelta(days=2))
    collect(world, 4, "B-1", 20, TODAY, "A-2")
    collect(world, 5, "OLD", 70_000, TODAY - timedelta(days=50))
    collect(world, 6, "OLD", 9_000, TODAY)
    world.add(Allocation(payment_id="C-6", invoice_id="OLD", amount=-9_000, allocated_on=TODAY, cause="reversed"))
    world.add(CreditNote(id="N-1", account_id="A-1", currency="EUR", amount=4_000, issued_on=TODAY))
    world.add(Allocation(credit_note_id="N-1", invoice_id="OLD", amount=4_000, allocated_on=TODAY))
    return world


def test_collected_is_what_payments_gave_to_invoices_that_were_past_due_when_they_came(collected: PortfolioWorld) -> None:
    with collected.database.reading() as session:
        found = load_collected(session, TODAY)
    march, february = TODAY.replace(day=1), date(2013, 2, 1)
    assert {key: amount for key, amount in found.items() if amount} == {
        CollectedKey(march, "EUR", "maria"): 1_000,
        CollectedKey(march, "EUR", None): 20,
        CollectedKey(february, "EUR", "maria"): 300,
    }, "neither what was due on the day itself, nor what came before the due date, nor what was taken back, nor a credit note"
    first, following = list_collected(collected.database, march, "EUR", None, 1, None)
    rest, last = list_collected(collected.database, march, "EUR", None, 1, following)
    assert ([part.amount for part in (*first, *rest)], last) == ([20, 1_000], None), "the rows come to the figure"
    (hers,), _ = list_collected(collected.database, march, "EUR", "maria", 9, None)
    assert (hers.invoice_id, hers.amount) == ("OLD", 1_000)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_month_that_no_calendar_has_is_refused(as_role: As) -> None:
    async with as_role(Role.COLLECTIONS_MANAGER) as manager:
        for month in ("0000-01", "9999-12"):
            for address in ("/collected", "/v1/collection-targets/collected"):
                assert (await manager.get(f"{address}?month={month}&currency=EUR")).status_code == 422
            body = {"month": month, "currency": "EUR", "amount": "5.00"}
            assert (await manager.post("/v1/collection-targets", json=body)).status_code == 422


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_who_set_a_target_is_shown_however_many_others_were_set_since(
    as_role: As, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collected_page, "MAX_CHANGES", 1)
    store = CollectionTargetStore(world.database)
    target = CollectionTarget(month=date(2013, 3, 1), currency="EUR", amount=5_00, set_by="ann", set_at=REAL_NOW)
    others: list[dict[str, Any]] = [{"collector": "mia"}, {"currency": "USD"}, {"month": date(2013, 4, 1)}]
    for number, other in enumerate([{}, *others]):
        store.set_target(target.model_copy(update=other), f"act-{number}")
    async with as_role(Role.COLLECTOR, Accept="text/html") as collector:
        assert "€5.00, set by ann" in words(await page(collector, "/collected?month=2013-03&currency=EUR"))


async def test_a_target_is_set_shown_against_what_came_in_and_taken_back_and_each_setting_stays(
    as_role: As, collected: PortfolioWorld
) -> None:
    month = TODAY.isoformat()[:7]
    async with as_role(Role.COLLECTOR, Accept="text/html") as collector:
        assert "A collections manager sets one." in words(await page(collector, "/overview"))
        body = {"month": month, "currency": "EUR", "amount": "5.00"}
        assert (await collector.post("/v1/collection-targets", json=body)).status_code == 403
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        empty = words(await page(manager, "/overview"))
        assert "No target is set for March 2013. Set one" in empty
        form = fields_of(await page(manager, f"/act/set_collection_target?currency=EUR&month={month}&back=/overview"))
        assert (form["month"], form["currency"]) == (month, "EUR")
        refused = await manager.post("/act/set_collection_target", data={**form, "currency": "euro", "amount": "10"})
        assert refused.status_code == 422
        sent = await manager.post("/act/set_collection_target", data={**form, "amount": "40.80"})
        assert sent.headers["location"] == "/overview?acted=set_collection_target"
        shown = await page(manager, "/overview")
        assert "EUR €40.80 Change EUR €10.20 25 % €3.00 no target" in words(shown)
        (rows,) = re.findall(rf'href="(/collected\?month={month}&amp;currency=EUR)"', shown)
        listed = words(await page(manager, rows.replace("&amp;", "&")))
        assert all(part in listed for part in ("N-OLD", "N-B-1", "€10.00", "€0.20", "€40.80, set by collections_manager-1"))
        assert "N-DUE" not in listed
        body["collector"] = "collections_manager-1"
        assert (await manager.post("/v1/collection-targets", json=body)).status_code == 200
        assert (await manager.post("/v1/collection-targets", json={**body, "collector": "nobody"})).status_code == 422
        assert "EUR, collections_manager-1 €5.00" in words(await page(manager, "/overview"))
        gone = {"month": month, "currency": "EUR"}
        assert (await manager.post("/v1/collection-targets/withdrawal", json=gone)).status_code == 200
        assert (await manager.post("/v1/collection-targets/withdrawal", json=gone)).status_code == 422, "there is none any more"
        changes = (await manager.get("/v1/collection-targets/changes")).json()
        assert [change["amount"] and change["amount"]["amount"] for change in changes] == [None, "5.00", "40.80"]
        assert len((await manager.get("/v1/collection-targets")).json()) == 1
        items = (await manager.get(f"/v1/collection-targets/collected?month={month}&currency=EUR")).json()["items"]
        assert [item["amount"]["amount"] for item in items] == ["0.20", "10.00"]
