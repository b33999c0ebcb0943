"""Errors are problem documents that say what to do."""

from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from adapters.billing.errors import BillingAwayError, BillingError
from api.web.middleware import MAX_JSON_BYTES
from api.web.problems import build_problem
from domain.errors import OperatingError, UserError
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import PortfolioWorld
from tests.user_errors import list_user_errors, make_user_error

CALLERS_ERRORS = [kind for kind in list_user_errors() if not issubclass(kind, OperatingError)]


@pytest.mark.parametrize("kind", CALLERS_ERRORS)
def test_every_user_error_is_a_problem_with_its_own_message(kind: type[UserError]) -> None:
    problem = build_problem(make_user_error(kind, "say what to do"))
    assert problem.detail == "say what to do"
    assert (problem.status, problem.kind, problem.title) == (kind.status, kind.problem_type, kind.title)
    assert [fault.pointer for fault in problem.errors] == ([kind.pointer] if kind.pointer else [])


def test_every_refusal_of_billing_is_the_callers_to_mend() -> None:
    refusals = [kind for kind in CALLERS_ERRORS if issubclass(kind, BillingError)]
    assert len(refusals) == 19
    assert all(400 <= build_problem(make_user_error(kind, "say what to do")).status < 500 for kind in refusals)


@pytest.mark.parametrize("kind", [OperatingError, *(kind for kind in list_user_errors() if issubclass(kind, OperatingError))])
def test_what_only_the_operator_can_mend_tells_a_caller_nothing_of_its_inside(kind: type[UserError]) -> None:
    problem = build_problem(make_user_error(kind, "password=hunter2"))
    assert (problem.status, problem.kind, problem.title) == (500, "unexpected", "Something went wrong here")
    assert "hunter2" not in problem.detail


async def test_an_unknown_route_is_a_problem(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    assert "/openapi.json" in problem(await collector.get("/v1/nothing"), 404)["detail"]


async def test_another_method_is_a_problem_that_names_the_right_one(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    answer = await collector.delete("/v1/accounts")
    assert "GET" in problem(answer, 405)["detail"]
    assert "GET" in answer.headers["allow"]


async def test_every_fault_of_a_request_is_named(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    document = problem(await collector.post("/v1/invoices/I-1/promises", json={"amount": "12,34", "currency": "EUR", "bye": 1}), 422)
    assert {fault["pointer"] for fault in document["errors"]} >= {"/amount", "/by", "/bye"}
    assert "'12.34'" in document["detail"]


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("0", "EUR"), ("-1", "EUR"), ("1.001", "EUR"), ("1.5", "JPY"), ("1", "XX1"), ("1e3", "EUR"), ("NaN", "EUR"), (12, "EUR")],
)
async def test_what_is_no_amount_of_money_is_refused(
    collector: Client, problem: Problem, world: PortfolioWorld, amount: object, currency: str
) -> None:
    world.account()
    world.invoice("I-1")
    problem(await collector.post("/v1/invoices/I-1/promises", json={"amount": amount, "currency": currency, "by": "2013-03-10"}), 422)
    assert world.cases.acts == []


async def test_a_body_that_is_not_json_is_a_problem(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    problem(await collector.post("/v1/invoices/I-1/notes", content=b"{", headers={"Content-Type": "application/json"}), 422)


async def test_a_body_that_says_it_is_too_large_is_refused_unread(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    problem(await collector.post("/v1/invoices/I-1/notes", content=b"x" * (MAX_JSON_BYTES + 1)), 413)


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}])
async def test_a_body_that_grows_too_large_is_refused(
    collector: Client, problem: Problem, world: PortfolioWorld, key: dict[str, str]
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_JSON_BYTES // 65_536 + 2):
            yield b"x" * 65_536

    world.account()
    world.invoice("I-1")
    problem(await collector.post("/v1/invoices/I-1/notes", content=chunks(), headers=key), 413)


async def test_our_own_fault_tells_nothing_of_its_inside(app: object, collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    async def broken(invoice_id: str) -> None:
        raise RuntimeError("password=hunter2")

    world.account()
    world.invoice("I-1")
    world.cases.query_invoice_case = broken  # type: ignore[method-assign]
    answer = await collector.get("/v1/invoices/I-1")
    assert "hunter2" not in answer.text
    problem(answer, 500)


async def test_a_person_sees_a_page_instead(as_role: As, collector: Client, world: PortfolioWorld) -> None:
    answer = await collector.get("/accounts/nobody", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "There is no such account" in answer.text


async def test_every_answer_keeps_a_browser_from_loading_anything_foreign(collector: Client, world: PortfolioWorld) -> None:
    for path in ("/", "/v1/invoices", "/healthz", "/nothing", "/openapi.json"):
        answer = await collector.get(path)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'"), path
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_while_the_database_is_away_everybody_is_told_to_come_again(
    as_role: As, collector: Client, problem: Problem, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_connection(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, psycopg.OperationalError("connection failed: hunter2"))

    world.account()
    monkeypatch.setattr("api.web.authentication.get_context", lose_connection)
    for answer in (await collector.get("/v1/accounts"), await collector.post("/v1/invoices/I-1/notes", json={"text": "hello"})):
        document = problem(answer, 503)
        assert (document["title"], answer.headers["retry-after"]) == ("The database does not answer", "5")
        assert "hunter2" not in answer.text
    page = await collector.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, "The database does not answer" in page.text) == (503, True)


async def test_while_a_billing_system_is_away_everybody_is_told_to_send_the_same_again(
    collector: Client, problem: Problem, world: PortfolioWorld
) -> None:
    async def lose_answer(invoice_id: str) -> None:
        raise BillingAwayError("Stripe answers 503", 7.2)

    world.account()
    world.invoice("I-1")
    world.cases.query_invoice_case = lose_answer  # type: ignore[method-assign]
    answer = await collector.get("/v1/invoices/I-1")
    document = problem(answer, 503)
    assert (document["title"], answer.headers["retry-after"]) == ("The billing system does not answer", "8")
    assert "send it again under the same Idempotency-Key" in document["detail"]
    page = await collector.get("/invoices/I-1", headers={"Accept": "text/html"})
    assert (page.status_code, "The billing system does not answer" in page.text) == (503, True)


async def test_what_the_database_says_of_a_fault_of_ours_stays_inside(
    collector: Client, problem: Problem, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_a_rule(*_: object) -> None:
        raise IntegrityError("INSERT", {}, psycopg.errors.UniqueViolation("hunter2"))

    monkeypatch.setattr("api.web.authentication.get_context", break_a_rule)
    answer = await collector.get("/v1/accounts")
    assert "hunter2" not in answer.text
    problem(answer, 500)
