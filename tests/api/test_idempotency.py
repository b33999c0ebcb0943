"""`Idempotency-Key`: the same request gets the same answer, and nothing happens twice."""

from datetime import timedelta
from typing import Any

from fastapi import Request
from sqlmodel import select

from adapters.database.tables import IdempotencyKey
from adapters.identity.idempotency_keys import ABANDONED_AFTER
from api.web.idempotency import REPLAYED_HEADER, hash_request
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import REAL_NOW, PortfolioWorld

NOTE = "/v1/invoices/I-1/notes"
KEY = {"Idempotency-Key": "k-1"}


def an_invoice(world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")


def forget_answer(world: PortfolioWorld, since: timedelta) -> None:
    """As if the server had died in the middle of the request, `since` ago."""
    with world.database.writing() as session:
        row = session.exec(select(IdempotencyKey)).one()
        row.status, row.body, row.created_at = None, None, REAL_NOW - since


async def test_the_same_request_gets_the_same_answer_and_happens_once(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    first = await collector.post(NOTE, json={"text": "x"}, headers=KEY)
    again = await collector.post(NOTE, json={"text": "x"}, headers=KEY)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert (REPLAYED_HEADER in first.headers, again.headers[REPLAYED_HEADER]) == (False, "true")
    assert len(world.cases.acts) == 1


async def test_another_request_under_the_same_key_is_refused(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    await collector.post(NOTE, json={"text": "x"}, headers=KEY)
    assert "another request" in problem(await collector.post(NOTE, json={"text": "y"}, headers=KEY), 422)["title"]
    assert len(world.cases.acts) == 1


async def test_a_request_in_progress_is_not_begun_again(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    await collector.post(NOTE, json={"text": "x"}, headers=KEY)
    forget_answer(world, timedelta(seconds=1))
    answer = await collector.post(NOTE, json={"text": "x"}, headers=KEY)
    assert problem(answer, 409)["type"].endswith("in-progress")
    assert answer.headers["retry-after"] == "2"


async def test_an_abandoned_request_is_taken_over_and_its_act_still_counts_once(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    first = await collector.post(NOTE, json={"text": "x"}, headers=KEY)
    forget_answer(world, ABANDONED_AFTER + timedelta(seconds=1))
    again = await collector.post(NOTE, json={"text": "x"}, headers=KEY)
    assert again.json() == {**first.json(), "seq": None, "repeated": True}


async def test_a_refused_request_may_be_mended_under_its_key(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    problem(await collector.post(NOTE, json={}, headers=KEY), 422)
    assert (await collector.post(NOTE, json={"text": "x"}, headers=KEY)).status_code == 200


async def test_a_key_belongs_to_its_user(as_role: As, collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    await collector.post(NOTE, json={"text": "x"}, headers=KEY)
    async with as_role(Role.COLLECTIONS_MANAGER) as manager:
        answer = await manager.post(NOTE, json={"text": "y"}, headers=KEY)
    assert answer.status_code == 200
    assert len(world.cases.acts) == 2


async def test_a_key_that_is_no_key_is_refused(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    problem(await collector.post(NOTE, json={"text": "x"}, headers={"Idempotency-Key": "x" * 201}), 422)


async def test_keys_are_forgotten_after_a_week(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    await collector.post(NOTE, json={"text": "x"}, headers=KEY)
    forget_answer(world, timedelta(days=8))
    await collector.post(NOTE, json={"text": "x"}, headers={"Idempotency-Key": "k-2"})
    with world.database.reading() as session:
        assert [row.key for row in session.exec(select(IdempotencyKey))] == ["k-2"]


async def test_a_multipart_boundary_makes_no_other_request() -> None:
    def sent(boundary: str, content: str) -> Request:
        body = f'--{boundary}\r\nContent-Disposition: form-data; name="file"\r\n\r\n{content}\r\n--{boundary}--\r\n'.encode()
        headers = [(b"content-type", f"multipart/form-data; boundary={boundary}".encode())]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        return Request({"type": "http", "method": "POST", "path": "/v1/imports", "query_string": b"", "headers": headers}, receive)

    assert await hash_request(sent("aaa111", "x")) == await hash_request(sent("bbb222", "x"))
    assert await hash_request(sent("aaa111", "x")) != await hash_request(sent("aaa111", "y"))
