"""Plans, suspensions, reviews and escalations as people begin and answer them: over HTTP, on the real workflows.

Invoices are of EUR 100; a plan over as much takes a manager.
"""

from typing import Any

from domain import identifiers as ids
from domain.roles import Role
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from tests.workflows.people import People
from tests.workflows.test_decisions_over_http import decide


async def owing(environment: CollectionEnvironment, people: People) -> tuple[str, str]:
    """An invoice that was reminded, and its account, as people find them today."""
    invoice, _ = await environment.open_reminded_invoice()
    people.now = await environment.play.environment.get_current_time()
    return invoice, f"A-{invoice}"


async def test_a_plan_is_proposed_approved_accepted_and_shown_over_http(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    invoice, account = await owing(environment, people)
    mia, anna = await people("mia", Role.COLLECTOR), await people("anna", Role.COLLECTIONS_MANAGER)
    first_on = (await environment.today() + 7 * DAY).isoformat()
    expected: dict[str, Any] = {"invoices": [invoice], "currency": "EUR", "terms": {"first_on": first_on, "equal": 2, "rhythm": "weekly"}}
    tried = (await mia.post(f"/v1/accounts/{account}/plans/preview", json=expected)).json()
    assert [one["amount"]["amount"] for one in tried["instalments"]] == ["50.00", "50.00"]
    made = await mia.post(f"/v1/accounts/{account}/plans", json={**expected, "comment": "rang today"})
    assert (made.status_code, made.json()["recorded"]) == (201, "now"), made.text
    plan = made.json()["plan_id"]
    approval = await cases.wait_for_approval(plan)
    assert (await decide(await people("mia", Role.COLLECTIONS_MANAGER), approval)).status_code == 409
    assert (await decide(anna, approval)).status_code == 200
    await cases.wait_for_entries(plan, "plan.offered")
    agreed = await mia.post(f"/v1/plans/{plan}/acceptance", json={"revision": 1})
    assert (agreed.status_code, agreed.json()["recorded"]) == (200, "now"), agreed.text
    again = await mia.post(f"/v1/accounts/{account}/plans", json=expected)
    assert (again.status_code, again.json()["detail"]) == (409, f"invoice {invoice} is part of another plan")
    shown = (await mia.get(f"/v1/plans/{plan}")).json()
    assert (shown["stage"], shown["in_force"], len(shown["instalments"])) == ("active", True, 2)
    assert [each["comment"] for each in shown["revisions"]] == ["rang today"]


async def test_a_suspension_is_asked_for_joined_and_withdrawn_over_http(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    _, account = await owing(environment, people)
    mia = await people("mia", Role.COLLECTOR)
    asked = await mia.post(f"/v1/accounts/{account}/suspension", json={})
    assert (asked.status_code, asked.json()["recorded"]) == (200, "now"), asked.text
    shown = (await mia.get(f"/v1/accounts/{account}/suspension")).json()
    assert (shown["stage"], shown["asked_by"], shown["owed"]) == (
        "warning_approval",
        ["mia"],
        [{"amount": "100.00", "currency": "EUR"}],
    )
    twice = await mia.post(f"/v1/accounts/{account}/suspension", json={})
    assert (twice.status_code, twice.json()["detail"]) == (409, "these invoices are in the suspension case already")
    early = await mia.post(f"/v1/accounts/{account}/suspension/extension", json={"until": "2099-01-01", "reason": "strike"})
    assert (early.status_code, early.json()["detail"]) == (409, "no notice is running")
    dropped = await mia.post(f"/v1/accounts/{account}/suspension/withdrawal", json={"reason": "a guarantee"})
    assert dropped.status_code == 200, dropped.text
    assert await cases.wait_for_suspension_end(account) == "withdrawn"
    late = await mia.post(f"/v1/accounts/{account}/suspension/withdrawal", json={"reason": "a guarantee"})
    assert (late.status_code, late.json()["detail"].startswith("this suspension is over: withdrawn")) == (409, True)


async def test_an_account_is_referred_judged_and_let_go_over_http(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    _, account = await owing(environment, people)
    mia, kim = await people("mia", Role.COLLECTOR), await people("kim", Role.CREDIT_ANALYST)
    review = ids.credit_review_case_id(account)
    assert (await mia.post(f"/v1/accounts/{account}/credit-reviews", json={"comment": "two branches closed"})).status_code == 200
    verdict = {"ability": "able", "willingness": "willing", "conditions": "prepayment"}
    given = await kim.post(f"/v1/credit-reviews/{review}/verdict", json=verdict)
    assert given.status_code == 200, given.text
    shown = (await kim.get(f"/v1/credit-reviews/{review}")).json()
    assert (shown["course"], shown["verdict_by"], shown["conditions"]) == ("gentle", "kim", "prepayment")
    assert (await kim.post(f"/v1/credit-reviews/{review}/closing")).status_code == 200
    await environment.wait_until(lambda: cases.row(review).outcome is not None)
    late = await kim.post(f"/v1/credit-reviews/{review}/verdict", json=verdict)
    assert late.status_code == 409, late.text


async def test_an_escalation_and_its_answer_stand_in_the_invoices_history(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    invoice, _ = await owing(environment, people)
    mia, sven = await people("mia", Role.COLLECTOR), await people("sven", Role.SALES)
    asked = await mia.post(f"/v1/invoices/{invoice}/escalations", json={"role": "sales", "comment": "was a discount promised?"})
    assert (asked.status_code, asked.json()["recorded"]) == (200, "now"), asked.text
    answer = {"escalation": asked.json()["act_id"], "comment": "it was not"}
    answered = await sven.post(f"/v1/invoices/{invoice}/escalations/answer", json=answer)
    assert answered.status_code == 200, answered.text
    entries = (await mia.get(f"/v1/invoices/{invoice}/history")).json()["entries"]
    told = [(entry["kind"], entry["actor"], entry["text"]) for entry in entries if entry["kind"].startswith("escalation.")]
    assert ("escalation.raised", "mia", "was a discount promised?") in told
    assert ("escalation.answered", "sven", "it was not") in told


async def test_an_escalation_to_a_role_without_people_waits_and_its_history_says_whom_it_reached_at_last(
    environment: CollectionEnvironment, people: People
) -> None:
    invoice, _ = await owing(environment, people)
    mia, ada = await people("mia", Role.COLLECTOR), await people("ada", Role.ADMIN)
    await mia.post(f"/v1/invoices/{invoice}/escalations", json={"role": "sales", "comment": "was a discount promised?"})
    await environment.wait_for_entries(invoice, "escalation.told")
    unreached = {item["id"]: item["why"][0] for item in (await ada.get("/v1/worklist?kind=unreached_role")).json()["items"]}
    assert f"invoice (A-{invoice})" in unreached["role:sales"]
    people.identity.add_user("sven", Role.SALES, email="sven@ours.test")
    await environment.play.send_digests()
    await environment.wait_for_entries(invoice, "escalation.told", 2)
    assert "role:sales" not in [item["id"] for item in (await ada.get("/v1/worklist?kind=unreached_role")).json()["items"]]
    assert [facts["told"] for facts in environment.entry_facts(invoice, "escalation.told")] == ["", "sven"]
    assert [mail.subject for mail in environment.mails("sven@ours.test")] == [f"Your attention, please: invoice {invoice}"]
    await environment.play.send_digests()
    assert len(environment.mails("sven@ours.test")) == 1, "told once"
