"""How a worklist is read: of all that there has been, what it is made of; and that summing up in the database changes nothing of it."""

from datetime import timedelta
from typing import Any

from sqlalchemy import event

from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import CallRequest, Task
from adapters.read_model.journal import list_countable_acts
from adapters.read_model.worklist import WorklistScope, load_whole_worklist
from domain.case.case_view import TaskKind
from domain.clock import start_of_day
from domain.roles import Role
from tests.api.conftest import Client
from tests.api.portfolio_world import TODAY, PortfolioWorld

ME = "collector-1"


async def test_a_call_counts_an_invoice_once_and_weighs_each_currency_by_itself(world: PortfolioWorld, collector: Client) -> None:
    world.account("A-1", collector=ME)
    for invoice, total, currency in (("I-1", 100_00, "GBP"), ("I-2", 250_00, "EUR"), ("I-3", 40_00, "EUR"), ("I-4", 999_00, "EUR")):
        world.invoice(invoice, account="A-1", total=total, currency=currency, started=False)
    call = Task(key="call:A-1", kind=TaskKind.CALL, account_id="A-1", due_on=TODAY)
    world.add(call)
    asked = (("I-1", "phone_call"), ("I-1", "second_call"), ("I-2", "phone_call"), ("I-3", "phone_call"))
    world.add(*(CallRequest(invoice_id=invoice, step=step, task_id=call.id or 0, due_on=TODAY) for invoice, step in asked))
    world.add(CallRequest(invoice_id="I-4", step="phone_call", task_id=call.id or 0, due_on=TODAY, state=TaskState.DROPPED))
    (item,) = (await collector.get("/v1/worklist")).json()["items"]
    assert item["why"][0] == "The customer is to be called: 3 invoices ask for it"
    assert {(each["amount"], each["currency"]) for each in item["at_risk"]} == {("100.00", "GBP"), ("290.00", "EUR")}
    assert sorted(each["id"] for each in item["invoices"]) == ["I-1", "I-2", "I-3"]


def note_statements(database: Database) -> list[tuple[str, Any]]:
    """What is read from here on, each with what it is given."""
    read: list[tuple[str, Any]] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: read.append((given[2], given[3])))
    return read


def test_a_list_is_found_by_what_it_is_made_of_and_not_by_all_that_the_accounts_ever_had(world: PortfolioWorld) -> None:
    """SQLite, which knows of no numbers, would go through the whole history of each of a collector's accounts."""
    if not world.database.is_sqlite:
        return
    read = note_statements(world.database)
    load_whole_worklist(world.database, WorklistScope(user=ME, role=Role.COLLECTOR), TODAY)
    list_countable_acts(world.database, ME, [ME], start_of_day(TODAY) - timedelta(days=1))
    with world.database.engine.connect() as connection:
        explained = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given) for sql, given in read if sql.startswith("SELECT")]
        plan = "\n".join(step.detail for steps in explained for step in steps)
    assert not [index for index in ("ix_cases_account", "ix_journal_account") if index in plan], plan
    assert all(index in plan for index in ("ix_cases_promised", "ix_journal_broken_promises", "ix_journal_acts")), plan


def test_a_list_says_itself_which_states_it_looks_for(world: PortfolioWorld) -> None:
    """PostgreSQL, which after a few times plans for whatever a statement may be given, took all calls but those of one state for none."""
    world.account("A-1")
    world.invoice("I-1", account="A-1")
    world.task("I-1")
    read = note_statements(world.database)
    load_whole_worklist(world.database, WorklistScope(user="maria", role=Role.COLLECTOR), TODAY)
    called, weighed = (next(sql for sql, _ in read if part in sql) for part in ("FROM call_requests", "FROM invoices"))
    assert "call_requests.state != 'dropped'" in called
    assert "tasks.state = 'open'" in called
    assert "invoices.status = 'open'" in weighed
