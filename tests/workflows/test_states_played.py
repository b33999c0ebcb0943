"""An account's suspension as it is read everywhere while its workflow goes on: account, invoices, lists, timeline, Temporal's own lists."""

from typing import NamedTuple

from temporalio.common import SearchAttributeKey

from adapters.read_model.accounts import find_account, list_accounts
from adapters.read_model.invoices import InvoiceFilter, find_invoice, list_invoices
from adapters.read_model.suspensions import SuspensionStanding
from api.presenters.account_suspensions import describe_suspension, describe_suspension_end
from api.presenters.phrases import load_phrases
from api.presenters.taken_steps import describe_taken_step
from domain import identifiers as ids
from domain.approval.commands import ApprovalVerdict
from domain.suspension.commands import ReinstateAccount
from tests.patience import Looks
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec
from tests.workflows.dispute_commands import next_act_id
from workflows.account_suspension import AccountSuspension

STAGE = SearchAttributeKey.for_keyword(ids.SEARCH_ATTRIBUTES[2])
ENGLISH = load_phrases("en")


class Reading(NamedTuple):
    """What a reader finds on a day: how the account's suspension stands, in which words, and what ends it."""

    standing: str
    says: str
    ends: str


async def read(environment: CollectionEnvironment, account: str, invoice: str) -> Reading:
    """Account and invoice say the same."""
    today = await environment.today()
    detail, row = find_account(environment.database, account, today), find_invoice(environment.database, invoice)
    assert detail is not None
    assert row is not None
    assert detail.suspension == row.suspension
    suspension = row.suspension
    assert isinstance(suspension, SuspensionStanding)
    return Reading(suspension.standing, describe_suspension(suspension, ENGLISH), describe_suspension_end(suspension, ENGLISH))


async def wait_for_listed_stage(environment: CollectionEnvironment, invoice: str, stage: str) -> None:
    """Until Temporal's own lists show the invoice at this stage: they learn it when the task ends that wrote the journal."""
    async for _ in Looks():
        described = await environment.case(invoice).describe()
        if (listed := described.typed_search_attributes.get(STAGE)) == stage:
            return
    raise AssertionError(f"{invoice} is still listed as {listed}")


def day(value: object) -> str:
    return ENGLISH.shared.format_day(value)  # type: ignore[arg-type]


async def test_every_stage_of_a_suspension_is_said_alike_on_account_and_invoice(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), _ = await cases.open_overdue_invoices("SAID", 40)
    case = await cases.request_suspension("SAID", invoice)
    approval = await cases.wait_for_approval(case)
    asked = day(await environment.today())
    before = "It ends when what is owed is settled, when it is not approved, or when it is withdrawn"
    told = await read(environment, "SAID", invoice)
    awaits = f"Waits for approval of the suspension warning by the collections manager since {asked}; asked for by mia"
    assert told == ("warning_approval", awaits, before)

    await cases.decide(approval, "anna")
    await cases.deliver_letters(case, "suspension.warning_delivered")
    (delivered,) = cases.entry_dates(case, "suspension.warning_delivered")
    runs = f"The suspension warning was delivered on {day(delivered)}; the notice runs until {day(delivered + 14 * DAY)}"
    assert await read(environment, "SAID", invoice) == ("notice", runs, before)

    await environment.pass_to(delivered + 15 * DAY)
    approval = await cases.wait_for_approval(case, 2)
    signs = f"Waits for sign-off of the suspension by the collections manager since {day(delivered + 15 * DAY)}; asked for by mia"
    assert await read(environment, "SAID", invoice) == ("sign_off", signs, before)

    await cases.decide(approval, "anna")
    await cases.wait_for_entries(case, "suspension.suspended")
    on = await environment.today()
    told = await read(environment, "SAID", invoice)
    assert (told.standing, told.says) == ("suspended", f"Suspended since {day(on)}, signed off by anna, asked for by mia")
    assert told.ends.startswith("It ends when the invoices of the warning are settled, or the collections manager reinstates the account; ")

    await environment.pay(invoice, 10_000)
    await cases.wait_for_entries(case, "suspension.ended")
    account = find_account(environment.database, "SAID", on)
    assert account is not None
    assert (account.suspension, account.suspended_on) == (None, None)


async def test_a_returned_approval_is_said_to_have_come_back(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), _ = await cases.open_overdue_invoices("BACK", 40)
    case = await cases.request_suspension("BACK", invoice)
    await cases.decide(await cases.wait_for_approval(case), "anna", verdict=ApprovalVerdict.RETURN, note="note:why")
    await cases.wait_for_entries(case, "suspension.approval_answered")
    told = await read(environment, "BACK", invoice)
    assert told.standing == "returned"
    assert told.says.startswith(f"The approval of the suspension came back for changes on {day(await environment.today())}")


async def test_filters_find_a_suspended_account_and_all_its_open_invoices(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    """One of its invoices is in no suspension, and is found all the same: its account's service is off."""
    (invoice,), _ = await cases.open_overdue_invoices("FOUND", 40)
    await cases.bring_to_suspended("FOUND", invoice)
    today = await environment.today()
    (other,) = await environment.open_invoices(InvoiceSpec(today + 10 * DAY, account="FOUND"))
    rows, _ = list_invoices(environment.database, InvoiceFilter(stage="suspended", account="FOUND"), today, 50, None)
    assert {row.id for row in rows} == {invoice, other}
    assert {row.stage for row in rows} == {"suspended"}
    for stage in ("new", "reminder", "waiting"):
        assert list_invoices(environment.database, InvoiceFilter(stage=stage, account="FOUND"), today, 50, None)[0] == []
    for stage, found in (("suspended", True), ("sign_off", False)):
        accounts, _ = list_accounts(environment.database, today, 200, None, None, None, stage)
        assert ("FOUND" in {account.id for account in accounts}) is found


async def test_an_invoice_that_joins_a_suspended_account_is_told_so_and_shows_it_in_temporals_lists(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), monday = await cases.open_overdue_invoices("JOINED", 40)
    case = await cases.bring_to_suspended("JOINED", invoice)
    (late,) = await environment.open_invoices(InvoiceSpec(monday, account="JOINED"))
    (claim,) = cases.case_input_loader.load_claims("JOINED", [late])
    await cases.suspension_handle("JOINED").signal(AccountSuspension.invoice_asks, claim)
    await cases.wait_for_account_entries(late, ["suspension.asked", "suspension.suspended"])
    for each in (invoice, late):
        await wait_for_listed_stage(environment, each, "Suspended")
    reinstate = ReinstateAccount(act_id=next_act_id(), actor="anna", reason="a guarantee was given")
    await cases.suspension_handle("JOINED").execute_update(AccountSuspension.reinstate, reinstate)
    await cases.wait_for_entries(case, "suspension.ended")
    await cases.wait_for_account_entries(late, ["suspension.asked", "suspension.suspended", "suspension.reinstated", "suspension.ended"])


async def test_a_step_that_asked_for_a_suspension_says_what_it_waits_for(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    monday = await environment.pass_to_monday()
    (invoice,) = await environment.open_invoices(InvoiceSpec(monday + DAY, account="WAITS"))
    await environment.play.run_mornings(monday, monday + 48 * DAY)
    case = "suspension:WAITS"
    await cases.wait_for_approval(case)
    row = find_invoice(environment.database, invoice)
    assert row is not None
    assert row.case is not None
    (step,) = [past for past in row.case.taken if past.act == "suspension_warning"]
    (asked,) = cases.entry_dates(case, "suspension.approval_asked")
    says = describe_taken_step(step, row.case, row.suspension, ENGLISH)
    assert says == f"Waits for approval of the suspension warning by the collections manager since {day(asked)}"
    letters = [describe_taken_step(past, row.case, row.suspension, ENGLISH) for past in row.case.taken if past.act == "letter"]
    assert set(letters) == {"delivered to the mail server"}
