"""The calls of accounts, over HTTP and on the real workflows: one call for all the invoices that ask for one.

Invoices are of EUR 100, due on a Monday; the call falls due on the Monday two weeks later.
"""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from adapters.cases.approval_facts import ApprovalFactsLoader
from adapters.database.tables import CallRequest, Task
from domain.invoice.requested_call import ESCALATED_CALL_PREFIX
from domain.roles import Role
from tests.databases import KINDS
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec
from tests.workflows.people import People

pytestmark = pytest.mark.parametrize("shared_environment", KINDS, indirect=True)


async def called(environment: CollectionEnvironment, people: People, account: str, *lag: int, **terms: Any) -> tuple[list[str], date]:
    """The invoices of an account, whose timelines have just asked for a call; those that lag behind by so many days have yet to."""
    monday = await environment.pass_to_monday()
    await environment.pass_to(monday + DAY)
    bills = [InvoiceSpec(monday, account=account, **terms), InvoiceSpec(monday, account=account, total="50.00", **terms)]
    invoices = await environment.open_invoices(*bills, *(InvoiceSpec(monday + days * DAY, account=account) for days in lag))
    await environment.play.run_morning(monday + DAY)
    await environment.play.run_mornings(monday + 7 * DAY, monday + 8 * DAY)
    await environment.pass_to(monday + 14 * DAY)
    people.now = await environment.play.environment.get_current_time()
    return invoices, monday + 14 * DAY


def calls(environment: CollectionEnvironment, account: str) -> list[tuple[str, date, str, str | None]]:
    """(state, due on, outcome, closed by) of the account's calls, in order."""
    with environment.database.reading() as session:
        tasks = session.scalars(select(Task).filter_by(account_id=account, kind="call").order_by(col(Task.id)))
        return [(task.state, task.due_on, task.outcome, task.closed_by) for task in tasks]


def requests(environment: CollectionEnvironment, invoices: list[str]) -> dict[str, str]:
    """The state of what each invoice asks for."""
    with environment.database.reading() as session:
        rows = session.scalars(select(CallRequest).where(col(CallRequest.invoice_id).in_(invoices)))
        return {row.invoice_id: row.state for row in rows}


async def test_all_invoices_that_ask_for_a_call_make_one_task_for_their_account(environment: CollectionEnvironment, people: People) -> None:
    (first, second), monday = await called(environment, people, "CALL-1")
    assert calls(environment, "CALL-1") == [("open", monday, "", None)]
    mia = await people("mia", Role.COLLECTOR)
    (task,) = (await mia.get("/v1/tasks", params={"account": "CALL-1", "kind": "call"})).json()["items"]
    assert (task["invoice_id"], {invoice["id"] for invoice in task["invoices"]}) == (None, {first, second})


async def test_a_call_that_is_logged_counts_for_every_invoice_that_asked_and_each_says_so(
    environment: CollectionEnvironment, people: People
) -> None:
    (first, second), monday = await called(environment, people, "CALL-2")
    mia = await people("mia", Role.COLLECTOR)
    answer = await mia.post(f"/v1/invoices/{first}/calls", json={"outcome": "reached"})
    assert (answer.status_code, answer.json()["recorded"]) == (200, "now"), answer.text
    call = answer.json()["act_id"]
    await environment.wait_for_entries(second, "call.logged")
    (on_first,) = environment.entry_facts(first, "call.logged")
    (on_second,) = environment.entry_facts(second, "call.logged")
    assert on_first == {"act": call, "outcome": "reached", "note": None, "call": call, "step": "phone_call"}
    assert on_second == on_first | {"act": f"{call}:{second}"}
    assert calls(environment, "CALL-2") == [("done", monday, "reached", "mia")]
    assert set(requests(environment, [first, second]).values()) == {"done"}
    contacts = ApprovalFactsLoader(environment.database).load("CALL-2", {}, []).contacts
    assert (contacts.calls, contacts.last_call) == (1, "reached"), "who decides reads of one call, not of one for each invoice"


async def test_an_invoice_that_asks_later_joins_the_open_call_and_a_later_one_begins_another(
    environment: CollectionEnvironment, people: People
) -> None:
    (first, second, third, fourth), monday = await called(environment, people, "CALL-3", 1, 15)
    assert len(requests(environment, [first, second, third])) == 2
    await environment.play.run_mornings(monday + DAY, monday + 8 * DAY)
    assert requests(environment, [first, second, third]) == dict.fromkeys((first, second, third), "open")
    assert calls(environment, "CALL-3") == [("open", monday, "", None)]
    mia = await people("mia", Role.COLLECTOR)
    await mia.post(f"/v1/invoices/{third}/calls", json={"outcome": "no_answer"})
    await environment.wait_for_entries(second, "call.logged")
    await environment.play.run_mornings(monday + 9 * DAY, monday + 25 * DAY)
    assert "phone_call" in environment.steps(fourth)
    assert [state for state, *_ in calls(environment, "CALL-3")] == ["done", "open"]


async def test_a_call_is_about_fewer_invoices_when_one_is_settled_and_dropped_with_the_last(
    environment: CollectionEnvironment, people: People
) -> None:
    (first, second), _ = await called(environment, people, "CALL-4")
    await environment.pay(first, 10_000)
    assert await environment.outcome(first) == "paid"
    assert requests(environment, [first, second]) == {first: "dropped", second: "open"}
    assert [state for state, *_ in calls(environment, "CALL-4")] == ["open"]
    await environment.pay(second, 5_000)
    assert await environment.outcome(second) == "paid"
    assert [(state, outcome) for state, _, outcome, _ in calls(environment, "CALL-4")] == [("dropped", "settled")]


async def test_a_call_on_a_settled_invoice_is_refused_and_the_accounts_call_stays_open(
    environment: CollectionEnvironment, people: People
) -> None:
    (first, second), _ = await called(environment, people, "CALL-5")
    await environment.pay(first, 10_000)
    await environment.outcome(first)
    mia = await people("mia", Role.COLLECTOR)
    answer = await mia.post(f"/v1/invoices/{first}/calls", json={"outcome": "reached"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:duecourse:problem:closed")
    assert [state for state, *_ in calls(environment, "CALL-5")] == ["open"]
    assert environment.entry_facts(second, "call.logged") == []


def escalations(environment: CollectionEnvironment, account: str, begins: str = "") -> list[tuple[str, str, str]]:
    """(role, state, closed by) of what was escalated about the account. `begins`: with which the keys of the tasks begin."""
    with environment.database.reading() as session:
        tasks = session.scalars(select(Task).filter_by(account_id=account, kind="escalation").order_by(col(Task.id)))
        return [(task.role, task.state, task.closed_by or "") for task in tasks if task.key.startswith(begins)]


def raised_calls(environment: CollectionEnvironment, invoices: list[str]) -> list[str]:
    """The keys by which the invoices have said that they escalated a call."""
    entries = [facts for invoice in invoices for facts in environment.entry_facts(invoice, "escalation.raised")]
    return [facts["act"] for facts in entries if facts.get("act", "").startswith(ESCALATED_CALL_PREFIX)]


async def wait_for_escalation(environment: CollectionEnvironment, invoices: list[str], times: int = 1) -> None:
    """Until each invoice has said so often that the call is overdue, and one of them that it escalated it."""
    for invoice in invoices:
        await environment.wait_for_entries(invoice, "call.overdue", times)
    await environment.wait_until(lambda: len(raised_calls(environment, invoices)) == times)
    await environment.play.wait_for_rest()


async def test_a_call_that_nobody_makes_is_escalated_to_the_manager_once_for_the_account(
    environment: CollectionEnvironment, people: People
) -> None:
    (first, second), monday = await called(environment, people, "CALL-6")
    await environment.pass_to(monday + 3 * DAY)
    assert escalations(environment, "CALL-6") == []
    await environment.pass_to(monday + 4 * DAY)
    await wait_for_escalation(environment, [first, second])
    assert escalations(environment, "CALL-6") == [("collections_manager", "open", "")]
    raised = [facts for invoice in (first, second) for facts in environment.entry_facts(invoice, "escalation.raised")]
    assert [(facts["role"], facts["step"]) for facts in raised] == [("collections_manager", "phone_call")]
    mia = await people("mia", Role.COLLECTOR)
    await mia.post("/v1/accounts/CALL-6/calls", json={"outcome": "reached"})
    assert escalations(environment, "CALL-6") == [("collections_manager", "done", "mia")]


async def escalated(environment: CollectionEnvironment, people: People, account: str) -> tuple[list[str], str]:
    """Two invoices of an account whose call nobody made, and the id under which that is answered, as the manager's worklist names it."""
    invoices, monday = await called(environment, people, account)
    await environment.pass_to(monday + 4 * DAY)
    await wait_for_escalation(environment, invoices)
    people.now = await environment.play.environment.get_current_time()
    anna = await people("anna", Role.COLLECTIONS_MANAGER)
    listed = (await anna.get("/v1/worklist?kind=escalation&limit=200")).json()["items"]
    (item,) = (item for item in listed if item["account_id"] == account)
    assert "answer_escalation" in item["can_do"]
    return invoices, item["escalation"]


async def test_a_manager_gives_an_escalated_call_to_somebody_and_the_call_is_still_to_be_made(
    environment: CollectionEnvironment, people: People
) -> None:
    (first, second), escalation = await escalated(environment, people, "CALL-9")
    anna, mia = await people("anna", Role.COLLECTIONS_MANAGER), await people("mia", Role.COLLECTOR)
    path, answer = f"/v1/invoices/{first}/escalations/answer", {"escalation": escalation, "comment": "Kim calls", "assignee": "kim"}
    assert (await anna.post(path, json=answer)).status_code == 422, "nobody called kim collects"
    people.identity.add_user("kim", Role.COLLECTOR)
    assert (await mia.post(path, json=answer)).json()["status"] in (403, 409), "it was not escalated to collectors"
    answered = await anna.post(path, json=answer)
    assert (answered.status_code, answered.json()["recorded"]) == (200, "now"), answered.text
    assert escalations(environment, "CALL-9") == [("collections_manager", "done", "anna")]
    with environment.database.reading() as session:
        assert [(task.state, task.assignee) for task in session.scalars(select(Task).filter_by(account_id="CALL-9", kind="call"))] == [
            ("open", "kim")
        ]
    for invoice in (first, second):
        (facts,) = environment.entry_facts(invoice, "escalation.answered")
        assert (facts["escalation"], facts["outcome"], facts["assignee"]) == (escalation, "assigned", "kim")
    again = await anna.post(path, json={"escalation": escalation, "comment": "Or not", "call_off": True})
    assert (again.status_code, again.json()["detail"]) == (409, "anna has answered this escalation already")
    # kim has as many days as anybody had; then the manager hears of it once more, and once for the account
    given_on = await environment.today()
    await environment.pass_to(given_on + 3 * DAY)
    assert len(escalations(environment, "CALL-9", ESCALATED_CALL_PREFIX)) == 1
    await environment.pass_to(given_on + 4 * DAY)
    await wait_for_escalation(environment, [first, second], times=2)
    assert escalations(environment, "CALL-9", ESCALATED_CALL_PREFIX)[1] == ("collections_manager", "open", "")
    overdue = environment.entry_facts(first, "call.overdue")[1]
    assert (overdue["assignee"], overdue["due_on"]) == ("kim", given_on.isoformat())
    assert sorted(raised_calls(environment, [first, second])) == [escalation, f"{escalation}#1"]
    await mia.post("/v1/accounts/CALL-9/calls", json={"outcome": "reached"})
    assert [state for state, *_ in calls(environment, "CALL-9")] == ["done"]
    assert escalations(environment, "CALL-9", ESCALATED_CALL_PREFIX)[1] == ("collections_manager", "done", "mia")
    assert (await anna.post(path, json=answer)).status_code == 409


async def test_a_manager_calls_an_escalated_call_off_and_no_invoice_waits_for_it(
    environment: CollectionEnvironment, people: People
) -> None:
    invoices, escalation = await escalated(environment, people, "CALL-10")
    anna = await people("anna", Role.COLLECTIONS_MANAGER)
    answer = {"escalation": escalation, "comment": "They told me that they pay on Friday", "call_off": True}
    answered = await anna.post(f"/v1/invoices/{invoices[1]}/escalations/answer", json=answer)
    assert answered.status_code == 200, answered.text
    assert escalations(environment, "CALL-10") == [("collections_manager", "done", "anna")]
    assert [(state, outcome, by) for state, _, outcome, by in calls(environment, "CALL-10")] == [("done", "called_off", "anna")]
    assert set(requests(environment, invoices).values()) == {"done"}
    history = (await anna.get(f"/v1/invoices/{invoices[0]}/history")).json()["entries"]
    told = [(entry["sentence"], entry["text"]) for entry in history if entry["kind"] == "escalation.answered"]
    assert told == [("The escalation was answered: the call is not to be made", "They told me that they pay on Friday")]


async def test_a_call_that_was_made_in_time_is_escalated_to_nobody(environment: CollectionEnvironment, people: People) -> None:
    (first, second), monday = await called(environment, people, "CALL-7")
    mia = await people("mia", Role.COLLECTOR)
    await mia.post("/v1/accounts/CALL-7/calls", json={"outcome": "no_answer"})
    await environment.pass_to(monday + 6 * DAY)
    assert escalations(environment, "CALL-7") == []
    assert [environment.entry_facts(invoice, "call.overdue") for invoice in (first, second)] == [[], []]


async def test_an_escalated_call_outlives_the_invoice_that_raised_it_and_ends_with_the_last(
    environment: CollectionEnvironment, people: People
) -> None:
    (first, second), monday = await called(environment, people, "CALL-8")
    await environment.pass_to(monday + 4 * DAY)
    await wait_for_escalation(environment, [first, second])
    (raiser,) = (invoice for invoice in (first, second) if environment.entry_facts(invoice, "escalation.raised"))
    other = second if raiser == first else first
    await environment.pay(raiser, 10_000 if raiser == first else 5_000)
    await environment.outcome(raiser)
    assert escalations(environment, "CALL-8") == [("collections_manager", "open", "")]
    await environment.pay(other, 10_000 if other == first else 5_000)
    await environment.outcome(other)
    assert escalations(environment, "CALL-8") == [("collections_manager", "dropped", "")]
