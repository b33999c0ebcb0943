"""An invoice that a file calls disputed is a dispute that somebody must answer: it opens with the flag, and ends with it."""

from dataclasses import replace

import pytest

from adapters.read_model.invoices import find_invoice
from domain.invoice.commands import PauseCollection
from domain.policy.dispute_rules import DisputeResolution
from domain.roles import Role
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec
from tests.workflows.dispute_commands import DisputeCommands, next_act_id
from workflows.invoice_collection import InvoiceCollection


@pytest.fixture
def disputes(environment: CollectionEnvironment) -> DisputeCommands:
    return DisputeCommands(environment)


async def flag(environment: CollectionEnvironment, spec: InvoiceSpec, disputed: str) -> None:
    """Import the invoice's row again, as the file has it now."""
    await environment.open_invoices(replace(spec, disputed=disputed))


async def open_flagged(environment: CollectionEnvironment, disputed: str = "yes") -> tuple[InvoiceSpec, str]:
    monday = await environment.pass_to_monday()
    spec = InvoiceSpec(monday - 10 * DAY, disputed=disputed).named()
    (invoice,) = await environment.open_invoices(spec)
    return spec, f"dispute:{invoice}:1"


async def test_a_flagged_invoice_opens_a_dispute_of_its_file(environment: CollectionEnvironment, disputes: DisputeCommands) -> None:
    """Over all that is open, for another reason, with the department and the deadline of that; the customer is written nothing."""
    spec, case = await open_flagged(environment)
    await disputes.wait_for_entries(case, "dispute.raised")
    (raised,) = disputes.entry_facts(case, "dispute.raised")
    assert [raised[name] for name in ("reason", "amount", "source", "department")] == ["other", 10_000, "file", "billing_ops"]
    row = find_invoice(environment.database, spec.number)
    assert row is not None
    assert row.dispute is not None
    assert (row.dispute.contested, row.dispute.department, row.dispute.raised_by) == (10_000, Role.BILLING_OPS, "duecourse")
    assert row.dispute.deadline == await environment.today() + 10 * DAY
    today = await environment.today()
    await environment.play.run_mornings(today, today + 3 * DAY)
    assert environment.sent_letters(spec.account) == []


async def test_importing_the_same_file_again_opens_no_second_one(environment: CollectionEnvironment, disputes: DisputeCommands) -> None:
    spec, case = await open_flagged(environment)
    await disputes.wait_for_entries(case, "dispute.raised")
    await flag(environment, spec, "yes")
    await environment.open_invoices(replace(spec, disputed="yes", due=spec.due + DAY))
    await environment.wait_for_entries(spec.number, "invoice.changed")
    assert environment.entry_kinds(spec.number).count("dispute.opened") == 1


async def test_a_flag_that_goes_away_ends_the_dispute_and_a_new_one_opens_another(
    environment: CollectionEnvironment, disputes: DisputeCommands
) -> None:
    spec, case = await open_flagged(environment)
    await disputes.wait_for_entries(case, "dispute.raised")
    await flag(environment, spec, "no")
    await environment.wait_for_entries(spec.number, "dispute.closed")
    assert disputes.entry_facts(case, "dispute.resolved")[0]["resolution"] == "withdrawn"
    await environment.wait_until(lambda: not environment.row(spec.number).holds)
    await flag(environment, spec, "yes")
    await disputes.wait_for_entries(f"dispute:{spec.number}:2", "dispute.raised")
    today = await environment.today()
    await environment.play.run_mornings(today, today + 2 * DAY)
    assert environment.sent_letters(spec.account) == []


async def test_a_flag_does_not_touch_what_a_customer_told_a_person(environment: CollectionEnvironment, disputes: DisputeCommands) -> None:
    """No second dispute beside it, and the flag's end leaves it open."""
    spec, case = await open_flagged(environment, "no")
    await disputes.raise_dispute(spec.number, 4_000)
    await flag(environment, spec, "yes")
    await environment.wait_for_entries(spec.number, "invoice.changed")
    await flag(environment, spec, "no")
    await environment.wait_for_entries(spec.number, "invoice.changed", 2)
    assert environment.entry_kinds(spec.number).count("dispute.opened") == 1
    assert "dispute.resolved" not in disputes.entry_kinds(case)


async def test_a_flag_that_outlives_the_departments_answer_raises_nothing_anew(
    environment: CollectionEnvironment, disputes: DisputeCommands
) -> None:
    """The file's own word still holds the invoice; the department has said what it had to say."""
    spec, case = await open_flagged(environment)
    await disputes.wait_for_entries(case, "dispute.raised")
    await disputes.resolve(case, DisputeResolution.REJECTED, role=Role.BILLING_OPS)
    await environment.wait_for_entries(spec.number, "dispute.closed")
    await environment.open_invoices(replace(spec, disputed="yes", due=spec.due + DAY))
    await environment.wait_for_entries(spec.number, "invoice.changed")
    assert environment.entry_kinds(spec.number).count("dispute.opened") == 1
    assert [hold["kind"] for hold in environment.row(spec.number).holds] == ["dispute"]


async def test_a_flag_that_goes_while_a_credit_waits_for_approval_takes_the_question_back(
    environment: CollectionEnvironment, disputes: DisputeCommands
) -> None:
    spec, case = await open_flagged(environment)
    await disputes.wait_for_entries(case, "dispute.raised")
    await disputes.resolve(case, DisputeResolution.CREDIT_NOTE, 10_000, role=Role.BILLING_OPS)
    approval = await disputes.wait_for_approval(case)
    await flag(environment, spec, "no")
    await environment.wait_for_entries(spec.number, "dispute.closed")
    await disputes.wait_for_entries(approval, "approval.lapsed")


async def test_a_paid_invoice_ends_its_files_dispute(environment: CollectionEnvironment, disputes: DisputeCommands) -> None:
    spec, case = await open_flagged(environment)
    await disputes.wait_for_entries(case, "dispute.raised")
    await environment.pay(spec.number, 10_000)
    await disputes.wait_for_entries(case, "dispute.resolved")
    assert disputes.entry_facts(case, "dispute.resolved")[0]["resolution"] == "settled"
    assert await environment.outcome(spec.number) == "paid"


async def test_a_pause_beside_a_flag_holds_on_when_the_flag_goes(environment: CollectionEnvironment, disputes: DisputeCommands) -> None:
    spec, case = await open_flagged(environment)
    await disputes.wait_for_entries(case, "dispute.raised")
    command = PauseCollection(act_id=next_act_id(), actor="mia", reason="stock")
    await environment.case(spec.number).execute_update(InvoiceCollection.pause, command)
    await flag(environment, spec, "no")
    await environment.wait_for_entries(spec.number, "dispute.closed")
    await environment.wait_until(lambda: [hold["kind"] for hold in environment.row(spec.number).holds] == ["pause"])
