"""Files and invoices that come in through the API."""

import json
from typing import Any

from sqlmodel import select

from adapters.database.tables import Account, ImportRun, Invoice, LedgerEvent
from adapters.imports.column_mapping import MAPPINGS_DIR
from tests.api.conftest import Client, Problem
from tests.api.portfolio_world import PortfolioWorld

HEADER = "number,account_id,issue_date,due_date,currency,total,country,time_zone,language,account_name,email"
GOOD = "2013-1,A-1,2013-01-10,2013-02-10,EUR,250.00,DE,Europe/Berlin,de,Brauerei Nord,ap@nord.example"
KEPT_MAPPING = (MAPPINGS_DIR / "duecourse.yaml").read_bytes()
BAD = "2013-2,A-1,2013-01-10,soon,EUR,99.00,DE,Europe/Berlin,de,Brauerei Nord,ap@nord.example"
INVOICE: dict[str, Any] = {
    "id": "I-1",
    "issue_date": "2013-01-10",
    "due_date": "2013-02-10",
    "total": {"amount": "250.00", "currency": "EUR"},
    "account": {
        "id": "A-1",
        "name": "Brauerei Nord",
        "country": "DE",
        "language": "de",
        "time_zone": "Europe/Berlin",
        "email": "ap@nord.example",
    },
}


def upload(*rows: str) -> dict[str, Any]:
    content = "\n".join((HEADER, *rows)) + "\n"
    return {"files": {"file": ("open items.csv", content.encode(), "text/csv")}, "data": {"mapping": "duecourse"}}


async def test_every_row_gets_its_verdict_and_the_rejected_ones_come_back(manager: Client, world: PortfolioWorld) -> None:
    answer = await manager.post("/v1/imports", **upload(GOOD, BAD))
    run = answer.json()
    assert (answer.status_code, run["rows"], run["verdicts"]["new"], run["verdicts"]["rejected"]) == (201, 2, 1, 1)
    assert (run["rejected"][0]["row"], "due_date" in run["rejected"][0]["reason"]) == (3, True)
    assert (run["file_name"], run["started_by"]) == ("open items.csv", "collections_manager-1")
    assert (await manager.get(f"/v1/imports/{run['id']}")).json() == run
    rejected = await manager.get(f"/v1/imports/{run['id']}/rejected.csv")
    assert rejected.headers["content-type"] == "text/csv; charset=utf-8"
    assert [line.split(",")[0].strip('"\ufeff') for line in rejected.text.splitlines()] == ["number", "2013-2"]
    assert world.cases.deliveries == 1


async def test_a_dry_run_leaves_no_trace(manager: Client, world: PortfolioWorld) -> None:
    given = upload(GOOD)
    given["data"]["dry_run"] = "true"
    run = (await manager.post("/v1/imports", **given)).json()
    assert (run["id"], run["verdicts"]["new"]) == (None, 1)
    with world.database.reading() as session:
        assert session.exec(select(Invoice)).all() == []
    assert world.cases.deliveries == 0


async def test_a_mapping_of_ones_own_is_taken(manager: Client, world: PortfolioWorld) -> None:
    files = {"file": ("x.csv", f"{HEADER}\n{GOOD}\n".encode()), "mapping_file": ("mine.yaml", KEPT_MAPPING)}
    assert (await manager.post("/v1/imports", files=files)).json()["verdicts"]["new"] == 1


async def test_an_unknown_mapping_names_those_that_are_kept(manager: Client, problem: Problem, world: PortfolioWorld) -> None:
    for name in ("nowhere", "../policies/standard", ""):
        given = upload(GOOD)
        given["data"]["mapping"] = name
        assert "duecourse" in problem(await manager.post("/v1/imports", **given), 422)["detail"]


async def test_a_broken_mapping_is_named_with_its_line(manager: Client, problem: Problem, world: PortfolioWorld) -> None:
    files = {"file": ("x.csv", f"{HEADER}\n{GOOD}\n".encode()), "mapping_file": ("mine.yaml", b"mapping: mine\nfeilds: {}\n")}
    assert "mine.yaml:2" in problem(await manager.post("/v1/imports", files=files), 422)["detail"]


async def test_a_file_that_cannot_be_used_is_a_problem(manager: Client, problem: Problem, world: PortfolioWorld) -> None:
    files = {"file": ("x.csv", b"a,b\n1,2\n")}
    problem(await manager.post("/v1/imports", files=files, data={"mapping": "duecourse"}), 422)


async def test_an_import_under_one_key_runs_once(manager: Client, world: PortfolioWorld) -> None:
    first = await manager.post("/v1/imports", **upload(GOOD), headers={"Idempotency-Key": "k"})
    again = await manager.post("/v1/imports", **upload(GOOD), headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    with world.database.reading() as session:
        assert len(session.exec(select(ImportRun)).all()) == 1


async def test_an_unknown_import_is_not_found(manager: Client, problem: Problem, world: PortfolioWorld) -> None:
    problem(await manager.get("/v1/imports/none"), 404)
    problem(await manager.get("/v1/imports/none/rejected.csv"), 404)


async def test_each_invoice_gets_a_result_and_a_bad_one_stops_no_other(manager: Client, world: PortfolioWorld) -> None:
    bad = {**INVOICE, "id": "I-2", "account": {**INVOICE["account"], "time_zone": "Mars/Olympus"}}
    answer = await manager.post("/v1/invoices", json={"invoices": [bad, INVOICE]})
    first, second = answer.json()["results"]
    assert (first["invoice_id"], first["verdict"], "time_zone" in first["reason"]) == ("I-2", "rejected", True)
    assert (second["invoice_id"], second["verdict"], second["reason"]) == ("I-1", "new", "")
    with world.database.reading() as session:
        invoice = session.exec(select(Invoice)).one()
        assert (invoice.id, invoice.open_balance, invoice.currency) == ("I-1", 25_000, "EUR")
        assert session.exec(select(Account)).one().name == "Brauerei Nord"
        assert session.exec(select(LedgerEvent)).one().invoice_id == "I-1"
    assert world.cases.deliveries == 1


async def test_the_same_invoice_again_changes_nothing_and_a_changed_one_is_followed(manager: Client, world: PortfolioWorld) -> None:
    async def verdict(invoice: dict[str, Any]) -> str:
        answer = await manager.post("/v1/invoices", json={"invoices": [invoice]})
        return str(answer.json()["results"][0]["verdict"])

    assert [await verdict(INVOICE), await verdict(INVOICE), await verdict({**INVOICE, "due_date": "2013-02-20"})] == [
        "new",
        "unchanged",
        "changed",
    ]


async def test_a_name_with_commas_quotes_and_line_breaks_stays_one_name(manager: Client, world: PortfolioWorld) -> None:
    account = {**INVOICE["account"], "name": 'Müller, "Sons"\n& Co; Ltd'}
    await manager.post("/v1/invoices", json={"invoices": [{**INVOICE, "account": account}]})
    with world.database.reading() as session:
        assert session.exec(select(Account)).one().name == 'Müller, "Sons" & Co; Ltd'


async def test_two_currencies_in_one_invoice_are_refused(manager: Client, problem: Problem, world: PortfolioWorld) -> None:
    invoice = {**INVOICE, "open_balance": {"amount": "1.00", "currency": "USD"}}
    document = problem(await manager.post("/v1/invoices", json={"invoices": [invoice]}), 422)
    assert document["errors"][0]["pointer"] == "/invoices/0"


async def test_what_a_complete_list_lacks_is_closed_once_confirmed(manager: Client, problem: Problem, world: PortfolioWorld) -> None:
    other = GOOD.replace("2013-1,", "2013-9,")
    await manager.post("/v1/imports", **upload(GOOD, other))
    given = upload(GOOD)
    given["data"]["complete"] = "true"
    run = (await manager.post("/v1/imports", **given)).json()
    assert (run["missing"]["count"], run["missing"]["shown"][0]["invoice_id"]) == (1, "2013-9")
    assert (await manager.get(f"/v1/imports/{run['id']}")).json() == run

    closure = f"/v1/imports/{run['id']}/closure"
    assert "not 5" in problem(await manager.post(closure, json={"count": 5}), 409)["detail"]
    problem(await manager.post(closure, json={}), 422)
    problem(await manager.post("/v1/imports/none/closure", json={"count": 1}), 404)
    assert (await manager.post(closure, json={"count": 1})).json() == {"closed": 1}
    with world.database.reading() as session:
        assert {invoice.id: invoice.status for invoice in session.exec(select(Invoice))} == {"2013-1": "open", "2013-9": "paid"}


async def test_a_mapping_that_is_too_large_is_refused(manager: Client, problem: Problem, world: PortfolioWorld) -> None:
    files = {"file": ("x.csv", f"{HEADER}\n{GOOD}\n".encode()), "mapping_file": ("mine.yaml", b"#" * 300 * 1024)}
    assert "256 KB" in problem(await manager.post("/v1/imports", files=files), 422)["detail"]


async def test_what_was_guessed_and_what_to_look_at_are_in_the_answer(manager: Client, world: PortfolioWorld) -> None:
    given = upload()
    early = GOOD.replace("2013-02-10", "2013-01-09").replace("Brauerei Nord", "Bräu")
    given["files"]["file"] = ("x.csv", f"{HEADER}\n{early}\n".encode("cp1252"), "text/csv")
    run = (await manager.post("/v1/imports", **given)).json()
    assert ("cp1252" in run["notes"][0], run["warnings"][0]["row"], run["verdicts"]["new"]) == (True, 2, 1)
    assert (await manager.get(f"/v1/imports/{run['id']}")).json() == run
    rejected = await manager.get(f"/v1/imports/{run['id']}/rejected.csv")
    assert rejected.headers["content-type"] == "text/csv; charset=cp1252"


async def test_ids_are_taken_as_they_are_or_refused_in_words(manager: Client, problem: Problem, world: PortfolioWorld) -> None:
    for odd in ("A  B", "../x", "K#1", "00042"):
        (verdict,) = (await manager.post("/v1/invoices", json={"invoices": [{**INVOICE, "id": odd}]})).json()["results"]
        assert (verdict["invoice_id"], verdict["verdict"]) == (odd, "new")
    for refused in ("..", "a\nb", "a\u00a0b", "a\u200bb", "\ud800"):
        problem(await manager.post("/v1/invoices", content=json.dumps({"invoices": [{**INVOICE, "id": refused}]})), 422)
    account = {**INVOICE["account"], "name": "Nord\n" + "," * 15 + "\n" + "," * 15}
    (verdict,) = (await manager.post("/v1/invoices", json={"invoices": [{**INVOICE, "id": "I-9", "account": account}]})).json()["results"]
    assert verdict["verdict"] == "new"
    with world.database.reading() as session:
        assert {invoice.id for invoice in session.exec(select(Invoice))} == {"A  B", "../x", "K#1", "00042", "I-9"}
