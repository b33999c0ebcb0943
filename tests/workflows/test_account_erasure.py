"""An erasure as it is asked for over HTTP: by an admin, in a case of its own, with an entry in its own chain."""

from sqlalchemy import func, select
from sqlmodel import col

from adapters.database.tables import Contact, JournalEntry
from domain import identifiers as ids
from domain.roles import Role
from tests.workflows.chain_assertions import assert_whole_chain, fetch_history_head
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from tests.workflows.people import People

TEN_YEARS_AND_THE_REST_OF_ONE = 11 * 366


def contacts(environment: CollectionEnvironment, account: str) -> int:
    with environment.database.reading() as session:
        counted = select(func.count()).select_from(Contact).where(col(Contact.account_id) == account)
        return int(session.execute(counted).scalar_one())


async def test_an_erasure_is_refused_before_its_time_and_then_done_once_in_a_chain_of_its_own(
    environment: CollectionEnvironment, people: People
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    account, admin = f"A-{invoice}", await people("adam", Role.ADMIN)
    path = f"/v1/audit/accounts/{account}/erasure"
    early = await admin.post(path)
    assert (early.status_code, early.json()["type"]) == (409, "urn:duecourse:problem:refused")
    assert early.json()["detail"].startswith("1 of its invoices are open; 1 of its cases are open; its records must be kept until 20")
    await environment.pay(invoice, 10_000)
    await environment.outcome(invoice)
    await environment.pass_to(await environment.today() + TEN_YEARS_AND_THE_REST_OF_ONE * DAY)
    people.now = await environment.play.environment.get_current_time()

    done = await admin.post(path, headers={"Idempotency-Key": "once"})
    assert (done.status_code, done.json()["recorded"]) == (200, "now"), done.text
    assert contacts(environment, account) == 0
    case = environment.case_row(ids.erasure_case_id(account))
    assert (case.stage, case.outcome, case.seq) == ("erased", "erased", 1)
    [(kind, facts)] = environment.play.case_journal(case.case_id)
    assert (kind, facts["contacts"], facts["letters"], facts["report"]) == ("account.erased", 1, 1, done.json()["act_id"])
    head = await fetch_history_head(environment.play.client.get_workflow_handle(case.case_id))
    assert assert_whole_chain(environment.database, case) == head

    again = await admin.post(path)
    assert again.status_code == 200, again.text
    assert [kind for kind, _ in environment.play.case_journal(case.case_id)] == ["account.erased", "account.erased"]
    shown = (await admin.get(path)).json()
    assert [report["erased"][0]["count"] for report in shown["before"]] == [0, 1]
    with environment.database.reading() as session:
        told = session.scalars(select(JournalEntry).where(col(JournalEntry.case_id) == case.case_id)).all()
        assert {entry.actor for entry in told} == {"adam"}
