"""All that the API can do is done at the console too: by a form, or on a page that stands here."""

import re
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI

from adapters.database.tables import Account, Task
from adapters.identity.delegation_store import DelegationStore
from api.console.acts.forms import load_act_forms
from domain.case.case_view import TaskKind
from domain.invoice.commands import AnswerEscalation, CallCourse
from domain.invoice.requested_call import RequestedCall
from domain.roles import Role
from tests.api.conftest import As, Client
from tests.api.portfolio_world import TODAY, PortfolioWorld
from tests.api.test_delegations import given
from tests.console.test_act_forms import fields_of, find_link
from tests.console.test_pages import page, words

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
DONE_ELSEWHERE = {
    "apply_portfolio_rules": "/team",
    "write_portfolio_rules": "/team",
    "apply_unapplied_credit": "/accounts/{account_id}",
    "take_back_application": "/accounts/{account_id}",
    "import_file": "/import",
    "bring_in_invoices": "/import",
    "log_call": "/act/log_account_call",
    "preview_plan": "/accounts/{account_id}/plan",
    "preview_written_letter": "/accounts/{account_id}/write",
    "retry_set_aside": "/set-aside",
    "set_clock": "/",
    "read_mentions": "/mentions",
}
"""Operations without a form of their own, and where people do what they do."""


def test_there_is_no_operation_that_people_cannot_do(application: FastAPI) -> None:
    paths = application.openapi()["paths"]
    changing = {
        each["operationId"] for path in paths.values() for method, each in path.items() if method in ("post", "put", "patch", "delete")
    }
    forms = set(load_act_forms())
    assert forms <= changing
    assert changing - forms == set(DONE_ELSEWHERE)


@pytest.fixture
def owing(world: PortfolioWorld) -> PortfolioWorld:
    world.account()
    world.invoice("I-1")
    return world


async def act(client: Client, shown_on: str, name: str, **typed: str) -> str:
    """Open the form to which a page leads, fill it in and send it; return what the page says then."""
    form = fields_of(await page(client, find_link(await page(client, shown_on), f"/act/{name}")))
    answer = await client.post(f"/act/{name}", data={**form, **typed})
    assert answer.status_code == 303, answer.text
    return words(await page(client, answer.headers["location"]))


@ON_SQLITE
async def test_an_escalation_is_answered_by_those_who_were_asked_where_they_see_it(as_role: As, owing: PortfolioWorld) -> None:
    owing.account("A-2")
    owing.invoice("I-2", "A-2")
    async with as_role(Role.COLLECTOR, Accept="text/html") as collector:
        for invoice in ("I-1", "I-2"):
            await act(collector, f"/invoices/{invoice}", "escalate_invoice", role="sales", comment="Rabatt?")
            asked = owing.cases.acts[-1].act_id
            owing.add(
                Task(
                    key=f"escalation:{asked}",
                    kind=TaskKind.ESCALATION,
                    role="sales",
                    account_id=f"A-{invoice[-1]}",
                    invoice_id=invoice,
                    due_on=TODAY,
                )
            )
        assert "/act/answer_escalation" not in await page(collector, "/invoices/I-1")
    async with as_role(Role.SALES, Accept="text/html") as sales:
        assert "The escalation is answered." in await act(sales, "/invoices/I-1", "answer_escalation", comment="Nein.")
        assert "The escalation is answered." in await act(sales, "/accounts/A-2", "answer_escalation", comment="Ja.")
        assert "/act/answer_escalation?" in await page(sales, "/today?kind=escalation")
        html = await page(sales, find_link(await page(sales, "/accounts/A-1"), "/act/answer_escalation"))
        assert 'name="assignee"' not in html, "nobody is asked who is to call where no call was missed"
        again = await sales.post("/act/answer_escalation", data={**fields_of(html), "comment": "Nein."})
        assert again.status_code == 409
    answers = [command for command in owing.cases.acts if isinstance(command, AnswerEscalation)]
    assert [(each.role, each.course) for each in answers[:2]] == [(Role.SALES, None), (Role.SALES, None)]
    assert len({each.escalation for each in answers[:2]}) == 2


@ON_SQLITE
async def test_a_call_that_nobody_made_is_called_off_by_answering_its_escalation(as_role: As, owing: PortfolioWorld) -> None:
    case = owing.cases.cases["I-1"]
    case.requested_call = RequestedCall(step="phone_call", task="call:invoice:I-1:phone_call", due_on=TODAY)
    key = case.requested_call.escalation_key
    owing.task("I-1")
    owing.add(Task(key=key, kind=TaskKind.ESCALATION, role="collections_manager", account_id="A-1", invoice_id="I-1", due_on=TODAY))
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        html = await page(manager, find_link(await page(manager, "/invoices/I-1"), "/act/answer_escalation"))
        both = {**fields_of(html), "comment": "Insolvent.", "call_off": "yes", "assignee": "maria"}
        assert (await manager.post("/act/answer_escalation", data=both)).status_code == 422
        assert (await manager.post("/act/answer_escalation", data={**both, "assignee": ""})).status_code == 303
    [answer] = [command for command in owing.cases.acts if isinstance(command, AnswerEscalation)]
    assert (answer.escalation, answer.course) == (key, CallCourse.CALLED_OFF)


@ON_SQLITE
async def test_letters_that_a_manager_stopped_are_let_go_from_any_page(as_role: As, owing: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager, as_role(Role.COLLECTOR, Accept="text/html") as collector:
        await act(manager, "/preview", "stop_letters", reason="Umzug")
        assert "/act/end_letter_stop" not in await page(collector, "/invoices")
        assert "Umzug" not in await act(manager, "/invoices", "end_letter_stop")
        await act(manager, "/accounts/A-1", "stop_letters", reason="Verkauf")
        assert "Verkauf" not in await act(manager, "/accounts/A-1", "end_letter_stop")


@ON_SQLITE
async def test_a_delegation_is_made_and_taken_back_beside_the_approvals(as_role: As, world: PortfolioWorld) -> None:
    given(world, by="anna", to="bert")
    async with (
        as_role(Role.FINANCE_DIRECTOR, Accept="text/html") as other,
        as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager,
    ):
        assert "bert in the place of anna (collections manager)" in words(html := await page(other, "/approvals"))
        assert "/act/revoke_delegation" not in html, "it is not theirs to take back"
        typed = {"to_user": "finance_director-1", "first_day": TODAY.isoformat(), "last_day": TODAY.isoformat()}
        assert "finance_director-1 in the place of collections_manager-1" in await act(manager, "/approvals", "make_delegation", **typed)
        assert "bert" not in await act(manager, "/approvals", "revoke_delegation")
    assert sum(each.revoked_at is None for each in DelegationStore(world.database).list_delegations()) == 1


@ON_SQLITE
async def test_how_an_account_is_served_is_changed_on_its_page(as_role: As, owing: PortfolioWorld) -> None:
    async with as_role(Role.BILLING_OPS, Accept="text/html") as billing, as_role(Role.COLLECTOR, Accept="text/html") as collector:
        assert "Served in advance of its money" in await act(billing, "/accounts/A-1", "change_service", prepaid="yes")
        assert 'name="prepaid" value="yes" checked' in await page(billing, "/act/change_service?account_id=A-1")
        assert "Served in advance" not in await act(billing, "/accounts/A-1", "change_service")
        assert "/act/change_service" not in await page(collector, "/accounts/A-1")
    with owing.database.reading() as session:
        assert session.get_one(Account, "A-1").prepaid is False


@ON_SQLITE
async def test_a_letter_without_a_trace_is_sent_again(as_role: As, owing: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as collector:
        form = fields_of(await page(collector, "/act/resend_letter?invoice_id=I-1"))
        refused = await collector.post("/act/resend_letter", data=form)
        assert refused.status_code == 409, "there is a trace, or no letter at all"


@ON_SQLITE
async def test_personal_details_are_erased_by_an_administrator_alone_and_not_while_anything_is_open(
    as_role: As, owing: PortfolioWorld
) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as admin, as_role(Role.AUDITOR, Accept="text/html") as auditor:
        assert "/act/erase_account" not in await page(auditor, "/audit/accounts/A-1")
        form = fields_of(await page(admin, find_link(await page(admin, "/audit/accounts/A-1"), "/act/erase_account")))
        refused = await admin.post("/act/erase_account", data=form)
        assert refused.status_code == 409
        assert "Nothing was done: " in words(refused.text)
    assert owing.cases.begun == []


@ON_SQLITE
async def test_a_payment_that_bounced_is_taken_back_on_the_accounts_page(as_role: As, owing: PortfolioWorld) -> None:
    paid = {"amount": "10.00", "received_on": "2013-03-01", "reference": "bank 4711"}
    async with as_role(Role.BILLING_OPS, Accept="text/html") as billing:
        form = fields_of(await page(billing, "/act/record_payment?invoice_id=I-1"))
        assert (await billing.post("/act/record_payment", data={**form, **paid})).status_code == 303
        assert "€10.00 , 1 Mar 2013, bank 4711" in words(await page(billing, "/accounts/A-1"))
        shown = await page(billing, "/accounts/A-1")
        [payment] = re.findall(r'type="radio" form="reverse" name="payment_id" value="([^"]+)" required', shown)
        asked = {"payment_id": payment, "for_account": "A-1", "back": "/accounts/A-1"}
        assert f'name="back" value="{asked["back"]}"' in shown
        assert "The chosen payment: The payment bounced" in words(shown)
        form = fields_of(await page(billing, f"/act/reverse_payment?{urlencode(asked)}"))
        done = await billing.post("/act/reverse_payment", data=form)
        assert "bank 4711 bounced on 1 Mar 2013" in words(await page(billing, done.headers["location"]))
        assert "/act/reverse_payment" not in await page(billing, "/accounts/A-1")
