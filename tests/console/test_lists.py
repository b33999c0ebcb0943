"""The lists: every order and filter a page at a time, what all that match come to, views under names, and files that harm nobody."""

import csv
import re
from datetime import timedelta
from html import unescape
from io import BytesIO, StringIO

import pytest
from python_calamine import CalamineWorkbook

from adapters.identity.users_and_tokens import IdentityStore
from adapters.read_model.cursors import UnknownCursorError
from adapters.read_model.lists import list_totals
from adapters.read_model.lists.account_list import NOBODY, AccountListFilter, list_account_page, load_account_totals
from adapters.read_model.lists.invoice_list import InvoiceListFilter, list_invoice_page, load_invoice_totals
from api.web.page_compression import unpacks_gzip
from domain.billing.billing_events import InvoiceStatus
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import PauseCollection
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.console.test_pages import page, words
from tests.form_tokens import find_form_token

FORMULA = '=HYPERLINK("http://x.example","x")'


@pytest.fixture
def portfolio(world: PortfolioWorld) -> PortfolioWorld:
    """Five accounts, of which one owes in two currencies, one nothing, and one is nobody's."""
    for account, name, collector in (
        ("A-1", "Brauerei Nord", "mia"),
        ("A-2", "Hafenwerk", "mia"),
        ("A-3", "Café Mitte", "ben"),
        ("A-4", FORMULA, None),
        ("A-5", "Hafenwerk", "ben"),
    ):
        world.account(account, name, collector=collector)
    for invoice, account, late, total, currency in (
        ("I-1", "A-1", 40, 25_000, "EUR"),
        ("I-2", "A-1", 5, 7_000, "GBP"),
        ("I-3", "A-2", 70, 25_000, "EUR"),
        ("I-4", "A-3", -9, 90_000, "EUR"),
        ("I-5", "A-4", 100, 100, "EUR"),
    ):
        case = world.invoice(invoice, account, TODAY - timedelta(days=late), total, currency, started=invoice in ("I-1", "I-3"))
        if invoice == "I-3" and case:
            apply_command(case, PauseCollection(act_id="p", actor="mia", reason="Lager"), moment_on(TODAY))
            world.write(case)
    world.invoice("I-6", "A-5", status=InvoiceStatus.PAID)
    return world


def walk_accounts(world: PortfolioWorld, wanted: AccountListFilter, sort: str, descending: bool) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        rows, cursor = list_account_page(world.database, wanted, sort, descending, TODAY, 2, cursor)
        found += [row.id for row in rows]
        if cursor is None:
            return found


def walk_invoices(world: PortfolioWorld, wanted: InvoiceListFilter, sort: str, descending: bool) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        rows, cursor = list_invoice_page(world.database, wanted, sort, descending, TODAY, 2, cursor)
        found += [row.id for row in rows]
        if cursor is None:
            return found


def test_every_order_goes_through_all_that_match_once_a_page_at_a_time(portfolio: PortfolioWorld) -> None:
    everything = AccountListFilter()
    for sort, rising in (
        ("overdue", ["A-3", "A-5", "A-4", "A-1", "A-2"]),
        ("open", ["A-5", "A-4", "A-1", "A-2", "A-3"]),
        ("oldest", ["A-4", "A-2", "A-1", "A-3", "A-5"]),
    ):
        assert walk_accounts(portfolio, everything, sort, descending=False) == rising, sort
        assert walk_accounts(portfolio, everything, sort, descending=True) == rising[::-1], sort
    by_name = walk_accounts(portfolio, everything, "name", descending=False)
    assert by_name.index("A-2") < by_name.index("A-5"), "who is called alike is told apart by number"
    assert by_name[::-1] == walk_accounts(portfolio, everything, "name", descending=True)
    owing = ["I-5", "I-1", "I-3", "I-4", "I-2"]
    assert walk_invoices(portfolio, InvoiceListFilter(), "open", descending=False) == owing, "amounts within their currency"
    assert walk_invoices(portfolio, InvoiceListFilter(), "open", descending=True) == owing[::-1]
    assert walk_invoices(portfolio, InvoiceListFilter(), "due", descending=False) == ["I-5", "I-3", "I-1", "I-2", "I-4"]
    assert walk_invoices(portfolio, InvoiceListFilter(status=None), "number", descending=True) == ["I-6", *owing_by_number()]
    _, cursor = list_invoice_page(portfolio.database, InvoiceListFilter(), "due", False, TODAY, 2, None)
    for sort, descending in (("issued", False), ("due", True)):
        with pytest.raises(UnknownCursorError):
            list_invoice_page(portfolio.database, InvoiceListFilter(), sort, descending, TODAY, 2, cursor)


def owing_by_number() -> list[str]:
    return ["I-5", "I-4", "I-3", "I-2", "I-1"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AccountListFilter(q="hafen"), {"A-2", "A-5"}),
        (AccountListFilter(q="a-3"), {"A-3"}),
        (AccountListFilter(q="100%"), set()),
        (AccountListFilter(collector="mia"), {"A-1", "A-2"}),
        (AccountListFilter(collector=NOBODY), {"A-4"}),
        (AccountListFilter(currency="GBP"), {"A-1"}),
        (AccountListFilter(min_days_past_due=31), {"A-1", "A-2", "A-4"}),
        (AccountListFilter(min_days_past_due=31, currency="GBP"), set()),
        (AccountListFilter(owes=False), {"A-5"}),
        (AccountListFilter(owes=True, collector="ben"), {"A-3"}),
        (AccountListFilter(is_suspended=True), set()),
        (AccountListFilter(is_suspending=True), set()),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_filter_of_accounts_finds_those_and_no_others(portfolio: PortfolioWorld, wanted: AccountListFilter, found: set[str]) -> None:
    assert set(walk_accounts(portfolio, wanted, "name", descending=False)) == found
    assert load_account_totals(portfolio.database, wanted, TODAY).count == len(found)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (InvoiceListFilter(q="n-i-4"), {"I-4"}),
        (InvoiceListFilter(q="hafenwerk", status=None), {"I-3", "I-6"}),
        (InvoiceListFilter(collector="mia"), {"I-1", "I-2", "I-3"}),
        (InvoiceListFilter(collector=NOBODY, currency="EUR"), {"I-5"}),
        (InvoiceListFilter(stage="waiting"), {"I-2", "I-4", "I-5"}),
        (InvoiceListFilter(stage="new"), {"I-1", "I-3"}),
        (InvoiceListFilter(stage="suspended"), set()),
        (InvoiceListFilter(is_on_hold=True), {"I-3"}),
        (InvoiceListFilter(is_on_hold=False, min_days_past_due=31), {"I-1", "I-5"}),
        (InvoiceListFilter(max_days_past_due=0), {"I-4"}),
        (InvoiceListFilter(min_days_past_due=1, max_days_past_due=40), {"I-1", "I-2"}),
        (InvoiceListFilter(is_disputed=True), set()),
        (InvoiceListFilter(status=InvoiceStatus.PAID), {"I-6"}),
        (InvoiceListFilter(account="A-1", currency="GBP"), {"I-2"}),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_filter_of_invoices_finds_those_and_no_others(portfolio: PortfolioWorld, wanted: InvoiceListFilter, found: set[str]) -> None:
    assert set(walk_invoices(portfolio, wanted, "due", descending=False)) == found
    assert load_invoice_totals(portfolio.database, wanted, TODAY).count == len(found)


def test_all_that_match_are_summed_by_currency_and_more_than_can_be_counted_are_not(
    portfolio: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = portfolio.database
    totals = load_account_totals(database, AccountListFilter(), TODAY)
    assert (totals.count, [(each.currency, each.amount, each.due) for each in totals.sums]) == (
        5,
        [("EUR", 140_100, 50_100), ("GBP", 7_000, 7_000)],
    )
    assert [each.amount for each in load_account_totals(database, AccountListFilter(currency="GBP"), TODAY).sums] == [7_000]
    of_mia = load_invoice_totals(database, InvoiceListFilter(collector="mia"), TODAY)
    assert (of_mia.count, [each.amount for each in of_mia.sums]) == (3, [50_000, 7_000])
    assert load_invoice_totals(database, InvoiceListFilter(q="-6", status=None), TODAY).count == 1
    assert load_invoice_totals(database, InvoiceListFilter(q="n-i-6", status=None), TODAY).count == 1
    monkeypatch.setattr(list_totals, "MAX_COUNTED", 2)
    few = load_invoice_totals(database, InvoiceListFilter(q="I-"), TODAY)
    assert (few.count, few.is_more, few.sums) == (2, True, ())
    assert load_invoice_totals(database, InvoiceListFilter(), TODAY).count == 5, "what an index sums is summed to the end"


async def test_a_file_has_all_that_match_and_no_formula(portfolio: PortfolioWorld, as_role: As) -> None:
    async with as_role(Role.COLLECTOR) as client:
        sheet = await client.get("/lists/accounts/csv", params={"overdue": "31", "sort": "-overdue", "column": ["overdue", "oldest"]})
        assert "attachment" in sheet.headers["content-disposition"]
        head, *lines = csv.reader(StringIO(sheet.text.removeprefix("\ufeff")))
        assert head == ["Account", "Number", "Currency", "Overdue", "Oldest due"]
        assert ["Brauerei Nord", "A-1", "GBP", "70.00", "2013-02-24"] in lines
        assert [line[0] for line in lines] == ["Hafenwerk", "Brauerei Nord", "Brauerei Nord", f"'{FORMULA}"]
        book = await client.get("/lists/accounts/xlsx")
        cells = CalamineWorkbook.from_filelike(BytesIO(book.content)).get_sheet_by_index(0).to_python()
        assert [FORMULA, "A-4", "EUR"] in [line[:3] for line in cells], "text that no spreadsheet computes"
        assert any(250.0 in line for line in cells), "amounts are numbers"
        invoices = await client.get("/lists/invoices/csv?status=any")
        assert invoices.text.count("\n") == 7
        assert (await client.get("/lists/nothing/csv")).status_code == 404
        assert (await client.get("/lists/accounts/csv?overdue=many")).status_code == 422


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_list_that_is_sorted_by_the_amounts_of_one_currency_says_of_which(portfolio: PortfolioWorld, as_role: As) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        for query, said in (("sort=-overdue", "Overdue ↓ EUR"), ("sort=open&currency=GBP", "Open ↑ GBP"), ("sort=name", "Overdue Open")):
            head = words((await page(client, f"/accounts?{query}")).partition("<thead>")[2].partition("</thead>")[0])
            assert said in head, head


async def test_a_view_is_an_address_that_each_keeps_under_a_name_of_their_own(portfolio: PortfolioWorld, as_role: As) -> None:
    late = "/accounts?overdue=31&sort=-overdue&column=overdue&column=country"
    async with as_role(Role.COLLECTOR, Accept="text/html") as client, as_role(Role.AUDITOR, Accept="text/html") as other:
        shown = await page(client, late)
        assert "Germany" in shown
        token = find_form_token(shown)
        query = unescape(shown.partition('name="query" value="')[2].partition('"')[0])
        form = {"form_token": token, "query": query, "view": "  Late   ones "}
        assert (await client.post("/lists/accounts/views", data={**form, "form_token": "x"})).status_code == 403
        assert (await client.post("/lists/accounts/views", data={**form, "view": "a\0b"})).status_code == 422
        kept = await client.post("/lists/accounts/views", data=form)
        assert kept.headers["location"].startswith(f"{late.partition('&column')[0]}&column=overdue&column=country&said=view_saved")
        assert "saved under its name" in await page(client, kept.headers["location"])
        again = await page(client, "/accounts")
        assert f'<a href="{late.replace("&", "&amp;")}">Late ones</a>' in again
        assert "Late ones" not in await page(other, "/accounts")
        assert "Late ones" not in await page(client, "/invoices")
        nameless = await client.post("/lists/accounts/views", data={**form, "view": " "})
        assert nameless.headers["location"].endswith("said=no_name")
        for number in range(29):
            await client.post("/lists/accounts/views", data={**form, "view": f"{number}"})
        too_many = await client.post("/lists/accounts/views", data={**form, "view": "one more"})
        assert "forget one first" in await page(client, too_many.headers["location"])
        assert (await client.post("/lists/accounts/views/forget", data={"form_token": token, "view": "Late ones"})).status_code == 303
        assert "Late ones" not in await page(client, "/accounts")


async def test_what_no_list_offers_is_refused_rather_than_overlooked(portfolio: PortfolioWorld, as_role: As) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        for query in ("overdue=many", "state=x", "sort=phone", "column=phone", "cursor=x", f"q={'x' * 101}", "stage=x", "status=x"):
            of = "invoices" if query.startswith(("stage", "status")) else "accounts"
            assert (await client.get(f"/{of}?{query}")).status_code == 422, query
        shown = words(await page(client, "/invoices?collector=mia&sort=-open"))
        assert "Open, EUR €500.00 €500.00 overdue" in shown
        assert "Nothing fits." in await page(client, "/invoices?q=nobody")


async def test_a_page_goes_compressed_to_whoever_unpacks_it_and_as_it_is_to_others(portfolio: PortfolioWorld, as_role: As) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        packed = await client.get("/invoices", headers={"Accept-Encoding": "gzip"})
        plain = await client.get("/invoices", headers={"Accept-Encoding": "identity"})
        assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
        assert "content-encoding" not in plain.headers
        assert packed.text == plain.text
        assert packed.num_bytes_downloaded < plain.num_bytes_downloaded / 3


@pytest.mark.parametrize(
    ("header", "unpacks"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("gzip;q=1.0, *;q=0", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("*;q=0", False),
        ("x-gzipped", False),
        ("", False),
    ],
)
def test_only_who_takes_gzip_with_a_weight_gets_it(header: str, unpacks: bool) -> None:
    assert unpacks_gzip(header) is unpacks


async def test_all_that_match_are_given_to_somebody_who_collects_if_they_are_still_those_that_were_shown(
    portfolio: PortfolioWorld, as_role: As
) -> None:
    IdentityStore(portfolio.database).add_user("ben", Role.COLLECTOR)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager, as_role(Role.COLLECTOR, Accept="text/html") as collector:
        address = "/lists/accounts/reassignment?collector=mia"
        assert "/lists/accounts/reassignment" not in await page(collector, "/accounts?collector=mia")
        assert (await collector.get(address)).status_code == 403
        assert 'formaction="/lists/accounts/reassignment"' in await page(manager, "/accounts?collector=mia")
        shown = await page(manager, address)
        assert "Match 2 Open, EUR €500.00 €500.00 overdue" in words(shown)
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown))
        given = {name: unescape(value) for name, value in fields.items()} | {"why": "Mia is away"}
        assert (await collector.post(address, data=given)).status_code == 403
        nobody = await manager.post(address, data={**given, "to": "nobody"})
        assert (nobody.status_code, "Nobody here who may do this is called" in unescape(nobody.text)) == (422, True)
        portfolio.account("A-6", "Neu", collector="mia")
        changed = await manager.post(address, data={**given, "to": "ben"})
        assert (changed.status_code, "has changed since" in changed.text) == (409, True)
        again = re.findall(r'name="(seen|form_key)" value="([^"]*)"', await page(manager, address))
        moved = await manager.post(address, data={**given, **dict(again), "to": "ben"})
        assert "3 accounts are now with ben" in words(moved.text)
        clicked_again = await manager.post(address, data={**given, **dict(again), "to": "ben"})
        assert (clicked_again.status_code, "3 accounts are now with ben" in words(clicked_again.text)) == (200, True)
        assert set(walk_accounts(portfolio, AccountListFilter(collector="ben"), "name", descending=False)) == {
            "A-1",
            "A-2",
            "A-3",
            "A-5",
            "A-6",
        }
