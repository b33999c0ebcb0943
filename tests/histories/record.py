"""Records the histories that `tests/workflows/test_replay.py` replays: `python -m tests.histories.record`.

A history is a promise to the workflows that run in production: code that cannot replay one would break them. So a file is recorded anew
only when no run of its kind is left; a change of the code is guarded with `workflow.patched`, and adds a file. A file that exists is
never written again. A change that gives runs other commands gets a series of its own: its files are called by `SERIES`, and `RUNS` names
the runs that differ. The series so far:

- `2026-11`: every kind of workflow. Its invoices were started without a coarse stage: each shows its step in `DuecourseStage`.
- `2026-11b`: invoices that were started with a coarse stage (docs/decisions/0020). No other kind's commands changed.
- `2026-11c`: the adoption of a policy, and an invoice that it moved to a later version (docs/decisions/0027).
- `2026-11d`: the digest of approvals (docs/decisions/0032).
- `2026-11e`: the digest of approvals, which first tells what waited for somebody to be told.
- `2026-11f`: requests to credit or cancel an invoice by hand (docs/decisions/0033). No other kind's commands changed.
- `2026-11g`: an invoice whose letters did not arrive (docs/decisions/0030).
- `2026-11h`: the standing check of the cases, and an invoice that it began again (docs/decisions/0040).
- `2026-11i`: the reading of connected billing systems (docs/decisions/0054).
- `2026-11j`: their reading each on its own, and their comparison (docs/decisions/0064).
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

from adapters.database.engine import Database
from adapters.mail.smtp_client import DeliveryOutcome
from adapters.shipped_files import PROJECT
from domain import identifiers as ids
from domain.approval.commands import ApprovalVerdict
from domain.case.workflow_input import Recovery
from domain.invoice.commands import AddNote, MakePromise, PauseCollection, ResumeCollection, SkipLetter
from domain.policy.dispute_rules import DisputeResolution
from domain.roles import Role
from tests.histories.account_scenarios import ACCOUNTS
from tests.histories.credit_scenarios import CREDITS
from tests.histories.policy_scenarios import moved_to_a_later_version
from tests.histories.system_scenarios import check_cases, keep_house_lives
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment, fix_delivery, start_collection_environment
from tests.workflows.dispute_commands import DisputeCommands
from worker import build_case_checker
from workflows.approval_digest import ApprovalDigest
from workflows.billing_sync import BillingSync
from workflows.compared_systems import ComparedSystems
from workflows.connected_systems import ConnectedSystems
from workflows.correspondence_run import CorrespondenceRun
from workflows.credit_referrals import Referrals
from workflows.invoice_collection import InvoiceCollection

FOLDER = PROJECT / "tests" / "histories"
SERIES = "2026-11j"
"""When the newest were recorded; they stand beside those of the earlier series."""

RUNS = frozenset({"connected_systems", "compared_systems"})
"""Kind and life of the runs that the series keeps."""

KINDS = {
    "invoice": "invoice_collection",
    "dispute": "dispute",
    "approval": "approval",
    "plan": "payment_plan",
    "suspension": "account_suspension",
    "credit_review": "credit_review",
    "write_off": "write_off",
    "adoption": "policy_adoption",
    "credit_request": "credit_request",
}
"""How the files of a case are called, by what its id begins with."""


async def paid_without_a_letter(environment: CollectionEnvironment) -> str:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday + 10 * DAY)
    await environment.pass_to(monday + 2 * DAY)
    await environment.pay(invoice, 10_000)
    await environment.outcome(invoice)
    return invoice


async def paid_after_a_courtesy_note(environment: CollectionEnvironment) -> str:
    return await _paid_on(environment, 1)


async def paid_after_a_reminder(environment: CollectionEnvironment) -> str:
    return await _paid_on(environment, 8)


async def paid_after_a_second_reminder(environment: CollectionEnvironment) -> str:
    return await _paid_on(environment, 15)


async def _paid_on(environment: CollectionEnvironment, days: int) -> str:
    """So many days after a Monday; the due date is the Thursday after it."""
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday + 3 * DAY)
    await environment.play.run_mornings(monday, monday + days * DAY)
    await environment.pay(invoice, 10_000)
    await environment.outcome(invoice)
    return invoice


async def full_timeline_to_paid(environment: CollectionEnvironment) -> str:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday + 3 * DAY)
    await environment.play.run_mornings(monday, monday + 36 * DAY)
    await environment.pay(invoice, 10_000)
    await environment.outcome(invoice)
    return invoice


async def promise_broken(environment: CollectionEnvironment) -> str:
    invoice, monday = await environment.open_reminded_invoice()
    promise = MakePromise(act_id="promise", actor="mia", amount=10_000, by=monday + 4 * DAY)
    await environment.case(invoice).execute_update(InvoiceCollection.make_promise, promise)
    await environment.play.run_mornings(monday + 2 * DAY, monday + 15 * DAY)
    return invoice


async def reopened_after_a_bounced_payment(environment: CollectionEnvironment) -> str:
    invoice, monday = await environment.open_reminded_invoice()
    payment = await environment.pay(invoice, 10_000)
    await environment.outcome(invoice)
    await environment.pass_to(monday + 9 * DAY)
    now = await environment.play.now()
    environment.play.parts.billing.reverse_payment(payment, now.date(), at=now)
    await environment.sync_until_entry(invoice, "payment.reversed")
    await environment.play.run_mornings(monday + 9 * DAY, monday + 18 * DAY)
    return invoice


async def paused_and_resumed(environment: CollectionEnvironment) -> str:
    invoice, monday = await environment.open_reminded_invoice()
    await environment.case(invoice).execute_update(InvoiceCollection.pause, PauseCollection(act_id="pause", actor="mia", reason="r"))
    await environment.pass_to(monday + 6 * DAY)
    await environment.case(invoice).signal(InvoiceCollection.note_added, AddNote(act_id="note", actor="mia", note_id="N1"))
    await environment.case(invoice).execute_update(InvoiceCollection.resume, ResumeCollection(act_id="resume", actor="mia"))
    await environment.play.run_mornings(monday + 6 * DAY, monday + 12 * DAY)
    return invoice


async def letter_withdrawn_and_late(environment: CollectionEnvironment) -> str:
    """A pause takes the reminder back; asked for again, it goes so late that the invoice waits for it."""
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - DAY)
    pause = PauseCollection(act_id="pause", actor="mia", reason="r", until=monday + 2 * DAY)
    await environment.case(invoice).execute_update(InvoiceCollection.pause, pause)
    await environment.pass_to(monday + 14 * DAY)
    await environment.play.run_mornings(monday + 14 * DAY, monday + 18 * DAY)
    return invoice


async def refused_and_in_doubt(environment: CollectionEnvironment) -> str:
    """The reminder is refused, asked for again, and arrives; of the second one nobody knows, and people go on without it; then it pays."""
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - DAY)
    mailer = environment.play.parts.mailer
    with patch.object(mailer, "send", fix_delivery(DeliveryOutcome.REFUSED, 554, "no")):
        await environment.play.run_morning(monday)
    await environment.wait_until(lambda: "letter.refused" in environment.entry_kinds(invoice))
    await environment.play.run_mornings(monday + DAY, monday + 13 * DAY)
    with patch.object(mailer, "send", fix_delivery(DeliveryOutcome.UNKNOWN, None, "the line was cut")):
        await environment.play.run_morning(monday + 14 * DAY)
    await environment.wait_until(lambda: "letter.unknown" in environment.entry_kinds(invoice))
    await environment.pass_to(monday + 16 * DAY)
    skip = SkipLetter(act_id="skip", actor="mia", reason="spoken to at the fair")
    await environment.case(invoice).execute_update(InvoiceCollection.skip_letter, skip)
    await environment.play.run_mornings(monday + 17 * DAY, monday + 28 * DAY)
    await environment.pay(invoice, 10_000)
    await environment.outcome(invoice)
    return invoice


async def terminated_and_begun_again(environment: CollectionEnvironment) -> str:
    """While it waits for what was promised."""
    invoice, monday = await environment.open_reminded_invoice()
    case_id = ids.invoice_case_id(invoice)
    promise = MakePromise(act_id="promise", actor="mia", amount=10_000, by=monday + 4 * DAY)
    await environment.case(invoice).execute_update(InvoiceCollection.make_promise, promise)
    await environment.case(invoice).terminate("by mistake")
    checker = build_case_checker(environment.play.client, environment.play.parts)
    assert await checker.begin_again(case_id, Recovery(reason="terminated"))
    await environment.wait_until(lambda: "case.recovered" in environment.entry_kinds(invoice))
    await environment.play.run_mornings(monday + 2 * DAY, monday + 15 * DAY)
    await environment.pay(invoice, 10_000)
    await environment.outcome(invoice)
    return invoice


async def disputed_and_credited(environment: CollectionEnvironment) -> str:
    """The first answer is returned, the second approved after an escalation, and the credit booked."""
    invoice, monday = await environment.open_reminded_invoice()
    cases = DisputeCommands(environment)
    dispute = await cases.raise_dispute(invoice, amount=4_000)
    await environment.pass_to(monday + 11 * DAY)
    await cases.wait_for_entries(dispute, "dispute.escalated")
    await cases.resolve(dispute, DisputeResolution.CREDIT_NOTE, 4_000, role=Role.SALES)
    await cases.decide(await cases.wait_for_approval(dispute), "anna", verdict=ApprovalVerdict.RETURN, note="note:1")
    await cases.wait_for_entries(dispute, "dispute.returned")
    await cases.resolve(dispute, DisputeResolution.CREDIT_NOTE, 2_500)
    approval = await cases.wait_for_approval(dispute, 2)
    await environment.pass_to(monday + 16 * DAY)
    await cases.wait_for_entries(approval, "approval.escalated")
    await cases.decide(approval, "dora", Role.FINANCE_DIRECTOR)
    await cases.wait_for_entries(dispute, "dispute.resolved")
    await environment.play.run_mornings(monday + 16 * DAY, monday + 18 * DAY)
    return invoice


async def paid_while_disputed(environment: CollectionEnvironment) -> str:
    invoice, _ = await environment.open_reminded_invoice()
    cases = DisputeCommands(environment)
    dispute = await cases.raise_dispute(invoice)
    await cases.resolve(dispute, DisputeResolution.CREDIT_NOTE, 2_500)
    await cases.wait_for_approval(dispute)
    await environment.pay(invoice, 10_000)
    await environment.outcome(invoice)
    return invoice


INVOICES: tuple[Callable[[CollectionEnvironment], Awaitable[str]], ...] = (
    paid_without_a_letter,
    paid_after_a_courtesy_note,
    paid_after_a_reminder,
    paid_after_a_second_reminder,
    full_timeline_to_paid,
    promise_broken,
    reopened_after_a_bounced_payment,
    paused_and_resumed,
    letter_withdrawn_and_late,
    refused_and_in_doubt,
    terminated_and_begun_again,
)


DISPUTES = (disputed_and_credited, paid_while_disputed)

REPEATED_RUNS = ("billing_sync", "correspondence_run", "referrals", "approval_digest")

HOUSE_RUNS = ("erasing.refused", "erasing.erased", ids.DAILY_SEAL_ID, ids.HISTORY_ARCHIVE_ID)


async def record(folder: Path = FOLDER) -> None:
    """Play the lives of which the series keeps a run."""
    with tempfile.TemporaryDirectory() as scratch:
        database = Database(f"sqlite:///{scratch}/duecourse.db")
        database.migrate()
        if ids.CONNECTED_SYSTEMS_ID in RUNS:
            _connect_two_systems(Path(scratch) / "data")
        async with start_collection_environment(database, Path(scratch), date(2013, 1, 6)) as environment:
            for life in filter(_is_played, INVOICES):
                await _keep(environment, [ids.invoice_case_id(await life(environment))], life.__name__, folder)
            for dispute in filter(_is_played, DISPUTES):
                await _keep(environment, _dispute(environment, await dispute(environment)), dispute.__name__, folder)
            for account in filter(_is_played, (*ACCOUNTS, moved_to_a_later_version, *CREDITS)):
                await _keep(environment, await account(environment), account.__name__, folder)
            if RUNS.intersection(REPEATED_RUNS):
                await _runs(environment, folder)
            if ids.STANDING_CHECK_ID in RUNS:
                await check_cases(environment)
                await write_history(environment, ids.STANDING_CHECK_ID, ids.STANDING_CHECK_ID, folder)
            if ids.CONNECTED_SYSTEMS_ID in RUNS:
                await _run(environment, ConnectedSystems.run, ids.CONNECTED_SYSTEMS_ID, folder)
            if ids.COMPARED_SYSTEMS_ID in RUNS:
                await _run(environment, ComparedSystems.run, ids.COMPARED_SYSTEMS_ID, folder)
            await environment.close()
        database.close()
    if RUNS.intersection(HOUSE_RUNS):
        await record_house(folder)


def _connect_two_systems(folder: Path) -> None:
    """Which do not answer."""
    shared = {"kind": "odoo", "address": "http://127.0.0.1:1", "country": "DE", "time_zone": "Europe/Berlin", "language": "de"}
    os.environ |= {"DUECOURSE_BILLING_KEY_NORTH": "key", "DUECOURSE_BILLING_KEY_SOUTH": "key"}
    connections = {"connections": [{"name": name, **shared} for name in ("north", "south")]}
    folder.mkdir()
    (folder / "connections.yaml").write_text(json.dumps(connections))


def _is_played(life: Callable[[CollectionEnvironment], Awaitable[Any]]) -> bool:
    return any(run.partition(".")[2] == life.__name__ for run in RUNS)


async def record_house(folder: Path = FOLDER) -> None:
    """What the house does for itself, in an environment of their own: ten years pass there."""
    with tempfile.TemporaryDirectory() as scratch:
        database = Database(f"sqlite:///{scratch}/duecourse.db")
        database.migrate()
        async with start_collection_environment(database, Path(scratch), date(2013, 1, 6)) as environment:
            async for workflow, name in keep_house_lives(environment):
                await write_history(environment, workflow, name, folder)
        database.close()


def _dispute(environment: CollectionEnvironment, invoice: str) -> list[str]:
    """The invoice's own case, its dispute's, and that of the last approval that was asked."""
    dispute = ids.dispute_case_id(invoice, 1)
    return [
        ids.invoice_case_id(invoice),
        dispute,
        ids.approval_case_id(dispute, DisputeCommands(environment).row(dispute).summary["approvals"]),
    ]


async def _keep(environment: CollectionEnvironment, case_ids: list[str], life: str, folder: Path) -> None:
    """The latest run of each of these cases, which are each of another kind."""
    for case_id in case_ids:
        await write_history(environment, case_id, f"{KINDS[case_id.partition(':')[0]]}.{life}", folder)


async def _runs(environment: CollectionEnvironment, folder: Path) -> None:
    """A delivery of one event, a run that sends one letter, one that refers an account whose exposure is over its limit, and a digest."""
    cases = AccountCommands(environment)
    invoice, monday = await environment.open_reminded_invoice(account="OVER", total="1000.00")
    await cases.refer_account("OVER")
    await cases.give_verdict("OVER", "able", "willing", limit=1_000, currency="EUR")
    await environment.pass_to(monday + 7 * DAY, hour=15)
    environment.play.parts.billing.change_invoice(invoice, total=200_000, at=await environment.play.now())
    for workflow, name in ((BillingSync.run, "billing_sync"), (CorrespondenceRun.run, "correspondence_run")):
        await _run(environment, workflow, name, folder)
    await environment.pass_to(monday + 40 * DAY)
    await _run(environment, Referrals.run, "referrals", folder)
    await cases.wait_for_entries(ids.credit_review_case_id("OVER"), "credit_review.referred", 2)
    await _run(environment, ApprovalDigest.run, ids.APPROVAL_DIGEST_ID, folder)


async def _run(environment: CollectionEnvironment, workflow: Any, name: str, folder: Path) -> None:
    with environment.play.environment.auto_time_skipping_disabled():
        await environment.play.client.execute_workflow(workflow, id=name, task_queue=ids.TASK_QUEUE)
    await write_history(environment, name, name, folder)


async def write_history(environment: CollectionEnvironment, workflow: str, run: str, folder: Path) -> None:
    """Write the workflow's latest run, if the series keeps it. Raises FileExistsError: what was recorded is never written again."""
    if run not in RUNS:
        return
    file = folder / f"{run}.{SERIES}.json"
    history = await environment.play.client.get_workflow_handle(workflow).fetch_history()
    content = {"workflow_id": workflow, "history": json.loads(history.to_json())}
    with file.open("x", encoding="utf-8") as new_file:
        new_file.write(json.dumps(content, indent=1, sort_keys=True) + "\n")
    print(f"{file.name}: {len(history.events)} events", flush=True)


if __name__ == "__main__":
    asyncio.run(record(Path(sys.argv[1]) if sys.argv[1:] else FOLDER))
    sys.stdout.flush()
    os._exit(0)  # after Temporal's test server the interpreter can abort while it shuts down
