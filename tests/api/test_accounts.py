"""Accounts: balances per currency, contacts, history."""

from datetime import date

import pytest
from sqlalchemy import update

from adapters.database.tables import Contact
from domain.billing.billing_events import InvoiceStatus
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on


async def test_balances_of_two_currencies_are_never_added(auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("eur", total=10_000)
    world.invoice("eur-2", total=5_000, due=TODAY)
    world.invoice("gbp", total=700, currency="GBP")
    world.invoice("old", total=99, status=InvoiceStatus.PAID)
    account = (await auditor.get("/v1/accounts/A-1")).json()
    shown = {
        row["currency"]: (row["open_balance"]["amount"], row["overdue"]["amount"], row["open_invoices"]) for row in account["balances"]
    }
    assert shown == {"EUR": ("150.00", "100.00", 2), "GBP": ("7.00", "7.00", 1)}
    assert [invoice["id"] for invoice in account["invoices"]] == ["eur-2", "eur", "gbp", "old"]
    assert account["contacts"][0]["email"] == "ap@a-1.example"


async def test_unapplied_credit_is_the_ledgers_also_after_a_reversal(as_role: As, auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1", total=1_000)
    async with as_role(Role.BILLING_OPS) as billing:
        await billing.post("/v1/invoices/I-1/payments", json={"amount": "12.50", "currency": "EUR"})
        bounced = await billing.post("/v1/invoices/I-1/payments", json={"amount": "3.00", "currency": "EUR"})
        await billing.post(f"/v1/payments/{bounced.json()['id']}/reversal")
    [balance] = (await auditor.get("/v1/accounts/A-1")).json()["balances"]
    assert balance["unapplied"] == {"amount": "2.50", "currency": "EUR"}


async def test_accounts_are_found_by_a_part_of_their_name(auditor: Client, world: PortfolioWorld) -> None:
    world.account("A-1", "Brauerei Nord GmbH")
    world.account("A-2", "100% Organic", collector="tom")
    found = [(await auditor.get(f"/v1/accounts?{query}")).json()["items"] for query in ("q=nord", "q=0%25", "collector=tom", "q=none")]
    assert [[account["id"] for account in page] for page in found] == [["A-1"], ["A-2"], ["A-2"], []]


async def test_pages_of_accounts_go_on_after_the_last_name(auditor: Client, world: PortfolioWorld) -> None:
    for each_id in ("A-1", "A-2", "A-3"):
        world.account(each_id, "Same Name Ltd")
    first = (await auditor.get("/v1/accounts?limit=2")).json()
    second = (await auditor.get(f"/v1/accounts?limit=2&cursor={first['next']}")).json()
    assert [account["id"] for account in first["items"] + second["items"]] == ["A-1", "A-2", "A-3"]
    assert second["next"] is None


async def test_an_accounts_history_pages_back_through_all_its_cases(auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    for each_id in ("I-1", "I-2"):
        case = world.invoice(each_id)
        assert case is not None
        world.steps(case, 2)
    everything = (await auditor.get("/v1/accounts/A-1/history?limit=200")).json()["items"]
    paged, cursor = [], ""
    while cursor is not None:
        page = (await auditor.get("/v1/accounts/A-1/history", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        paged += page["items"]
        cursor = page["next"]
    assert paged == everything
    assert len(everything) == 2 * 7
    assert [entry["business_at"] for entry in everything] == sorted((entry["business_at"] for entry in everything), reverse=True)


async def test_a_history_can_be_read_as_it_stood_on_a_day(auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    case = world.invoice("I-1", due=date(2013, 2, 10))
    assert case is not None
    world.steps(case, 2)
    entries = (await auditor.get("/v1/accounts/A-1/history?at=2013-02-11")).json()["items"]
    assert {entry["business_at"][:10] for entry in entries} == {"2013-02-11"}
    assert len(entries) == 4


async def test_an_unknown_account_is_not_found(auditor: Client, problem: Problem, world: PortfolioWorld) -> None:
    problem(await auditor.get("/v1/accounts/none"), 404)
    problem(await auditor.get("/v1/accounts/none/history"), 404)


async def test_an_account_says_how_it_is_served(as_role: As, auditor: Client, problem: Problem, world: PortfolioWorld) -> None:
    world.account()
    async with as_role(Role.BILLING_OPS) as billing:
        for _ in range(2):
            answer = await billing.put("/v1/accounts/A-1/service", json={"prepaid": True})
            assert (answer.status_code, answer.json()["prepaid"], answer.json()["suspended_on"]) == (200, True, None)
        problem(await billing.put("/v1/accounts/nobody/service", json={"prepaid": True}), 404)
    [listed] = (await auditor.get("/v1/accounts")).json()["items"]
    assert listed["prepaid"] is True


async def test_a_contact_that_left_is_removed_and_a_note_says_by_whom(
    collector: Client, auditor: Client, problem: Problem, world: PortfolioWorld
) -> None:
    world.account()
    world.account("A-2")
    (contact,) = (await collector.get("/v1/accounts/A-1")).json()["contacts"]
    path = f"/v1/accounts/A-1/contacts/{contact['id']}"

    problem(await auditor.delete(path), 403)
    assert (await collector.delete(path.replace("A-1", "A-2"))).json()["contacts"] != []
    for _ in range(2):
        assert (await collector.delete(path)).json()["contacts"] == []
    problem(await collector.delete(path.replace("A-1", "nobody")), 404)
    problem(await collector.delete("/v1/accounts/A-1/contacts/9223372036854775808"), 422)

    (note,) = (await collector.get("/v1/accounts/A-1/notes")).json()["items"]
    assert (note["text"], note["author"]) == ("Contact removed: Accounts payable, ap@a-1.example", "collector-1")


async def test_a_contact_is_added_and_corrected_once_and_a_bounced_address_that_changes_takes_letters_again(
    collector: Client, auditor: Client, problem: Problem, world: PortfolioWorld
) -> None:
    world.account()
    world.account("A-2")
    body = {"name": "Elena Ruiz", "email": "elena@costa.example", "phone": "+34 952", "language": "es", "time_zone": "Europe/Madrid"}
    problem(await auditor.post("/v1/accounts/A-1/contacts", json=body), 403)
    for _ in range(2):
        added = await collector.post("/v1/accounts/A-1/contacts", json=body, headers={"Idempotency-Key": "one"})
        assert added.status_code == 201
        assert [contact["email"] for contact in added.json()["contacts"]] == ["ap@a-1.example", "elena@costa.example"]
    problem(await collector.post("/v1/accounts/A-1/contacts", json=body), 409)
    with world.database.writing() as session:
        session.execute(update(Contact).values(undeliverable_since=moment_on(TODAY).business))
    path = f"/v1/accounts/A-1/contacts/{added.json()['contacts'][1]['id']}"
    kept = await collector.post(path, json=body | {"phone": "+34 111"})
    assert kept.json()["contacts"][1]["undeliverable_since"] is not None
    (_, changed) = (await collector.post(path, json=body | {"email": "ruiz@costa.example"})).json()["contacts"]
    assert (changed["undeliverable_since"], changed["time_zone"]) == (None, "Europe/Madrid")
    problem(await collector.post(path.replace("A-1", "A-2"), json=body), 404)
    problem(await collector.post(path, json=body | {"email": "ap@a-1.example"}), 409)
    notes = [note["text"] for note in (await collector.get("/v1/accounts/A-1/notes")).json()["items"]]
    assert "Contact added: Elena Ruiz, elena@costa.example, +34 952" in notes
    assert "Contact changed: Elena Ruiz, elena@costa.example, +34 111 → Elena Ruiz, ruiz@costa.example, +34 952" in notes
    assert len(notes) == 3


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"email": "no address"}, "/email"),
        ({"time_zone": "Europe/Nowhere"}, "/time_zone"),
        ({"language": "xx"}, "/language"),
        ({"role": "boss"}, "/role"),
        ({"email": "", "phone": " "}, "/"),
    ],
)
async def test_a_contact_that_cannot_be_written_to_is_refused_by_what_is_wrong(
    collector: Client, problem: Problem, world: PortfolioWorld, wrong: dict[str, str], pointer: str
) -> None:
    world.account()
    refusal = problem(await collector.post("/v1/accounts/A-1/contacts", json={"email": "a@b.example", **wrong}), 422)
    assert refusal["errors"][0]["pointer"] == pointer
