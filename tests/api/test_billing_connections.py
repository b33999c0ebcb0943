"""Connections over the API: added and changed by administrators, read and compared by those who book; and calls of systems."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from adapters.config.settings import Settings
from adapters.connections.connection_registry import ConnectionRegistry
from adapters.database.engine import Database
from api.web.middleware import MAX_WEBHOOK_BYTES
from domain import identifiers as ids
from domain.roles import Role
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.connections.house import GOOD_KEY, OTHER_KEY, describe_house, join_house
from tests.adapters.ledger.builders import TODAY
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import PortfolioWorld
from tests.databases import open_sqlite_database

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def house(tmp_path: Path, app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[LedgerConnectedWorld]:
    with open_sqlite_database(tmp_path / "house.db") as other:
        join_house(other, monkeypatch)
        parts = app.state.parts
        systems = ConnectionRegistry(database, Settings.load(data_dir=tmp_path), lambda: parts.business_now)
        app.state.parts = replace(parts, systems=systems)
        yield LedgerConnectedWorld(other)


def build_body(name: str = "house", kind: str = "house", key: str = GOOD_KEY, **more: Any) -> dict[str, Any]:
    described = describe_house(name, kind)
    options = {field: value for field, value in described.items() if field not in ("name", "kind")}
    return {"name": name, "kind": kind, "options": options, "secrets": {"api_key": key}, **more}


async def connect(admin: Client, **body: Any) -> dict[str, Any]:
    answer = await admin.post("/v1/connections", json=build_body(**body))
    assert answer.status_code == 201, answer.text
    connected: dict[str, Any] = answer.json()
    return connected


async def finish_runs(app: FastAPI) -> None:
    await asyncio.gather(*app.state.connection_tasks)


@ON_SQLITE
async def test_a_system_is_connected_tested_read_and_compared(
    app: FastAPI, as_role: As, house: LedgerConnectedWorld, world: PortfolioWorld
) -> None:
    house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    async with as_role(Role.ADMIN) as admin, as_role(Role.BILLING_OPS) as billing:
        tested = await connect(admin)
        assert (tested["id"], tested["works"], [step["works"] for step in tested["steps"]]) == ("house:1", False, [True, False])
        assert (await billing.post("/v1/connections/house/test")).json() == tested
        before = (await billing.get("/v1/connections/house")).json()
        assert (before["standing"], before["invoices_read"], before["is_of_file"]) == ("not_read", 0, False)
        for run in ("comparison", "reading", "comparison"):
            assert (await billing.post(f"/v1/connections/house:1/{run}")).status_code == 200
            await finish_runs(app)
            shown = (await billing.get("/v1/connections/house:1")).json()
            assert shown["runs"][run]["failure"] == ""
            if before["differences_now"] == []:
                assert [each["kind"] for each in shown["differences_now"]] == ["missing_here"]
            before = shown
    assert (before["standing"], before["invoices_read"], before["differences"]) == ("works", 1, 0)
    assert [event["kind"] for event in before["events"]] == ["added"]
    assert world.cases.deliveries == 3, "what was read is told to the cases at once"


@ON_SQLITE
async def test_no_answer_repeats_a_secret(as_role: As, house: LedgerConnectedWorld, problem: Problem) -> None:
    async with as_role(Role.ADMIN) as admin:
        answers = [
            await admin.post("/v1/connections", json=build_body(key="Sesam-1", untested=True), headers={"Idempotency-Key": "k"}),
            await admin.post("/v1/connections", json=build_body(key="Sesam-1", untested=True), headers={"Idempotency-Key": "k"}),
            await admin.post("/v1/connections", json=build_body("north", key="Sesam-1")),
            await admin.post("/v1/connections", json={**build_body("north"), "secrets": {"api_key": ["Sesam-1"]}}),
            await admin.post("/v1/connections", json={**build_body("north"), "secrets": {"api_key": "Sesam-1\nx", "b": "Sesam-1"}}),
            await admin.post("/v1/connections", json={**build_body("north"), "options": {"api_key": "Sesam-1"}}),
            await admin.post("/v1/connections/house/secret", json={"secret": "api_key", "value": "Sesam-1"}),
            await admin.post("/v1/connections/house/secret", json={"secret": "Sesam", "value": "Sesam-1", "x": 1}),
            await admin.post("/v1/connections/house/webhook-secret", json={"value": "Sesam-1"}),
            await admin.get("/v1/connections"),
            await admin.get("/v1/connections/house"),
        ]
    assert [answer.status_code for answer in answers] == [201, 201, 409, 422, 422, 422, 409, 422, 200, 200, 200]
    assert [answer.text for answer in answers if "Sesam-1" in answer.text] == []
    faults = problem(answers[5], 422)["errors"]
    assert {fault["pointer"] for fault in faults} == {"/options/api_key", "/options/country", "/options/time_zone", "/options/language"}


@ON_SQLITE
async def test_another_secret_is_tried_and_read_with_at_once(
    as_role: As, house: LedgerConnectedWorld, world: PortfolioWorld, problem: Problem
) -> None:
    async with as_role(Role.ADMIN) as admin:
        await connect(admin)
        problem(await admin.post("/v1/connections/house/secret", json={"secret": "api_key", "value": "wrong"}), 409)
        assert world.cases.triggered == []
        assert (await admin.post("/v1/connections/house/secret", json={"secret": "api_key", "value": OTHER_KEY})).status_code == 200
        assert world.cases.triggered == [ids.CONNECTED_SYSTEMS_ID]
        problem(await admin.post("/v1/connections/nobody/secret", json={"secret": "api_key", "value": OTHER_KEY}), 404)


@ON_SQLITE
async def test_one_that_is_switched_off_says_so_until_it_is_switched_on(as_role: As, house: LedgerConnectedWorld) -> None:
    async with as_role(Role.ADMIN) as admin:
        await connect(admin)
        for way, standing in (("off", "switched_off"), ("off", "switched_off"), ("on", "not_read")):
            assert (await admin.post(f"/v1/connections/house/switch-{way}")).json() == {"id": "house:1", "standing": standing}


@ON_SQLITE
async def test_while_it_is_read_it_is_not_read_again(app: FastAPI, as_role: As, house: LedgerConnectedWorld, problem: Problem) -> None:
    async with as_role(Role.ADMIN) as admin:
        await connect(admin)
        first = await admin.post("/v1/connections/house/reading")
        again = await admin.post("/v1/connections/house/reading")
        assert first.status_code == 200
        if again.status_code != 200:  # it may have been quick
            assert "is being read" in problem(again, 409)["detail"]
        await finish_runs(app)


@ON_SQLITE
async def test_a_call_is_taken_whatever_it_is_about_and_a_forged_one_refused(
    app: FastAPI, as_role: As, house: LedgerConnectedWorld, world: PortfolioWorld, problem: Problem
) -> None:
    async with as_role(Role.ADMIN) as admin, as_role(None) as system:
        await connect(admin)
        made = await admin.post("/v1/connections/house/webhook-secret", json={}, headers={"Idempotency-Key": "w"})
        address = made.json()["address"]
        assert address.startswith("http://duecourse.test/v1/webhooks/house/")
        again = await admin.post("/v1/connections/house/webhook-secret", json={}, headers={"Idempotency-Key": "w"})
        assert again.json() == {"address": None}
        for body in ({"id": "e1", "invoice": "R1"}, {"id": "e1", "invoice": "R1"}, {"id": "e2", "invoice": None}):
            assert (await system.post(address, content=json.dumps(body))).status_code == 200
        by_header = {"X-Duecourse-Secret": address.rsplit("/", 1)[1]}
        told = await system.post("/v1/webhooks/house:1", content=b'{"id": "e3", "invoice": "R1"}', headers=by_header)
        assert told.status_code == 200
        assert world.cases.triggered == [ids.CONNECTED_SYSTEMS_ID] * 3
        problem(await system.post("/v1/webhooks/house/forged", content=b"{}"), 403)
        problem(await system.post(address, content=b"no json"), 403)
        problem(await system.post("/v1/webhooks/nobody", content=b"{}"), 404)
        problem(await system.post(address, content=b" " * (MAX_WEBHOOK_BYTES + 1)), 413)
        counts = (await admin.get("/v1/connections/house")).json()["webhook_counts"]
        assert (counts["taken"], counts["repeated"], counts["foreign"], counts["forged"], counts["waiting"]) == (2, 1, 1, 2, 2)


@ON_SQLITE
async def test_how_each_stands_is_in_the_metrics(as_role: As, house: LedgerConnectedWorld, world: PortfolioWorld) -> None:
    async with as_role(Role.ADMIN) as admin:
        await connect(admin)
        await admin.post("/v1/webhooks/house/forged", content=b"{}")
        metrics = (await admin.get("/metrics")).text
    assert 'duecourse_billing_connection{system="house:1",standing="not_read"} 1' in metrics
    assert 'duecourse_billing_connection{system="house:1",standing="away"} 0' in metrics
    assert 'duecourse_billing_webhook_calls{system="house:1",outcome="forged"} 1' in metrics
