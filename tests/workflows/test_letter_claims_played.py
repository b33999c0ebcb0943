"""What a letter says of the past holds by the record: through the real workflows, in the letters that went."""

import pytest

from adapters.mail.smtp_client import DeliveryOutcome
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec, fix_delivery

CLAIM = "Although we have reminded you"


async def read_warning(environment: CollectionEnvironment, cases: AccountCommands, account: str, invoice: str) -> str:
    """Ask for the suspension, have the warning approved and sent; its text, in one line. It keeps its distance from a letter
    that went before."""
    case = await cases.request_suspension(account, invoice)
    await cases.decide(await cases.wait_for_approval(case), "anna")
    await cases.wait_for_entries(case, "suspension.warning_requested")
    today = await environment.today()
    await environment.play.run_mornings(today, today + 10 * DAY)
    (warning,) = [letter for letter in environment.sent_letters(account) if letter.letter == "suspension_warning"]
    return " ".join(warning.text.split())


async def test_a_warning_of_what_was_never_reminded_does_not_say_that_it_was(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), _ = await cases.open_overdue_invoices("UNTOLD", 40)
    text = await read_warning(environment, cases, "UNTOLD", invoice)
    assert CLAIM not in text
    assert f"Our invoice {invoice} of" in text


async def test_a_warning_says_that_a_reminder_went_where_one_did(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    monday = await environment.pass_to_monday()
    (invoice,) = await environment.open_invoices(InvoiceSpec(monday - DAY, account="TOLD"))
    await environment.play.run_mornings(monday, monday + DAY)
    assert environment.letters(invoice)
    assert CLAIM in await read_warning(environment, cases, "TOLD", invoice)


async def test_a_reminder_that_was_refused_reminded_nobody(
    environment: CollectionEnvironment, cases: AccountCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = await environment.pass_to_monday()
    (invoice,) = await environment.open_invoices(InvoiceSpec(monday - DAY, account="DEAF"))
    with monkeypatch.context() as changed:
        changed.setattr(environment.play.parts.mailer, "send", fix_delivery(DeliveryOutcome.REFUSED, 450, "mailbox full"))
        await environment.play.run_mornings(monday, monday + DAY)
    await environment.wait_for_entries(invoice, "letter.refused")
    assert CLAIM not in await read_warning(environment, cases, "DEAF", invoice)
