"""A corrected policy reaches the open invoices through the real workflows: asked for, agreed to, and moved one and all."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col

from adapters.audit.histories.account_replay import AccountReplayer
from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.replayer import HistoryReplayer
from adapters.audit.histories.run_history_loader import RunHistoryLoader
from adapters.audit.verification.verification import Verification
from adapters.database.tables import Case
from adapters.document_store import DocumentStore
from adapters.journal.account_state import AccountStateQuery
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.adoption_query import AdoptionPreview, AdoptionQuery
from adapters.policies.adoption_start import NothingToAdoptError, build_adoption_command, build_adoption_start, build_force_command
from adapters.policies.policy_store import PolicyStore
from adapters.read_model.cases import CaseFilter, list_cases
from adapters.shipped_files import PROJECT
from adapters.temporal.case_commands import CommandRejected, TemporalCaseCommands
from adapters.temporal.case_signals import CaseSignals
from api.presenters.approvals import present_approval
from domain import identifiers as ids
from domain.approval.commands import ApprovalVerdict
from domain.identifiers import CaseKind
from domain.invoice.commands import PauseCollection, ResumeCollection
from domain.policy.adoption import PolicyMove
from domain.policy.collection_policy import PolicySnapshot
from domain.policy.policy_parsing import parse_policy
from domain.projection.explanation import explain_day
from domain.roles import Role
from tests.time_skipping_runs import TimeSkippingRuns
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec
from tests.workflows.dispute_commands import next_act_id
from tests.workflows.test_worker_crash import WorkerDies
from worker import WORKFLOWS
from workflows.invoice_collection import InvoiceCollection

ADOPTION = ids.policy_adoption_case_id("standard")
STANDARD = (PROJECT / "policies" / "standard.yaml").read_text(encoding="utf-8")
_versions = count(4)

Publish = Callable[..., int]


@pytest.fixture
def publish(environment: CollectionEnvironment, tmp_path: Path) -> Publish:
    """Puts a new version of the standard policy in force, with these texts replaced; its number."""

    def put_in_force(*changes: tuple[str, str]) -> int:
        version, text = next(_versions), STANDARD.replace("version: 3", "version: {version}")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "standard.yaml").write_text(text.replace("{version}", str(version)), encoding="utf-8")
        environment.play.parts.policies.load_folder(tmp_path)
        return version

    return put_in_force


LATER_SECOND = ("{day: 7,  step: second_reminder,", "{day: 10, step: second_reminder,")
CALL_FIRST = (
    "  - {day: 7,  step: second_reminder,",
    "  - {day: 4,  step: early_call, act: call}\n  - {day: 7,  step: second_reminder,",
)


def query(environment: CollectionEnvironment) -> AdoptionQuery:
    return AdoptionQuery(environment.database, environment.play.parts.policies)


async def preview(environment: CollectionEnvironment) -> AdoptionPreview:
    return query(environment).preview("standard", await environment.today())


async def ask(environment: CollectionEnvironment, actor: str = "mira") -> int:
    """Ask for the adoption of the version in force; the number of its entry."""
    commands = TemporalCaseCommands(environment.play.client, update_seconds=60)
    command = build_adoption_command(query(environment), "standard", next_act_id(), actor)
    receipt = await commands.submit_or_start_case(build_adoption_start("standard", environment.play.parts.clock), command)
    seq = getattr(receipt, "seq", None)
    assert isinstance(seq, int)
    return seq


async def agree(cases: AccountCommands, verdict: ApprovalVerdict = ApprovalVerdict.APPROVE, note: str | None = None) -> str:
    """The director decides the last approval that was asked for; its id."""
    approvals = cases.row(ADOPTION).summary["approvals"]
    approval = await cases.wait_for_approval(ADOPTION, approvals)
    await cases.decide(approval, "dora", Role.FINANCE_DIRECTOR, verdict, note)
    return approval


async def wait_for_end(environment: CollectionEnvironment, cases: AccountCommands, ending: str) -> dict[str, object]:
    """The facts of the last entry, once the adoption has ended so and another may be asked for. Its looks at what is left come by real
    seconds, which are skipped."""
    times = len([facts for facts in cases.entry_facts(ADOPTION, "policy_adoption.ended") if facts["ending"] == ending])
    for _ in range(200):
        if cases.row(ADOPTION).outcome == ending:
            break
        await environment.play.skip_to(await environment.play.now() + timedelta(seconds=6))
    assert cases.row(ADOPTION).outcome == ending, (cases.row(ADOPTION).summary, times)
    with environment.play.environment.auto_time_skipping_disabled():
        await environment.play.client.get_workflow_handle(ADOPTION).result()
    return cases.entry_facts(ADOPTION, "policy_adoption.ended")[-1]


async def adopt(environment: CollectionEnvironment, cases: AccountCommands) -> dict[str, object]:
    await ask(environment)
    await agree(cases)
    return await wait_for_end(environment, cases, "adopted")


def state(environment: CollectionEnvironment, invoice: str, day: date) -> tuple[int, str | None, date | None]:
    """Version, next step and its day at the end of a past day, from the journal."""
    account = environment.account_and_currency(invoice)[0]
    shown = next(each for each in AccountStateQuery(environment.database).load_state(account, day).invoices if each.invoice_id == invoice)
    assert shown.policy is not None
    return shown.policy.version, shown.next_step, shown.next_on


async def test_the_open_invoices_go_on_by_the_corrected_policy_and_nothing_is_done_again(
    environment: CollectionEnvironment, cases: AccountCommands, publish: Publish
) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    before = environment.row(invoice)
    version = publish(LATER_SECOND)

    shown = await preview(environment)
    facts = await adopt(environment, cases)

    (group,) = shown.groups
    assert (group.step_before, group.step_after, group.change, group.invoices) == ("second_reminder", "second_reminder", "later", 1)
    assert (before.next_on, group.first_on, environment.row(invoice).next_on) == (monday + 7 * DAY, monday + 10 * DAY, monday + 10 * DAY)
    (moved,) = environment.entry_facts(invoice, "policy.adopted")
    assert (moved["policy_version_before"], moved["policy_version"], moved["case"]) == (before.policy_version, version, ADOPTION)
    assert (facts["told"], facts["left"]) == (1, 0)
    await environment.play.run_mornings(monday + 3 * DAY, monday + 11 * DAY)
    assert environment.letters(invoice) == [("reminder", monday + DAY), ("second_reminder", monday + 10 * DAY)]
    assert environment.entry_kinds(invoice).count("policy.adopted") == 1


async def test_the_past_is_told_by_the_version_that_was_in_force_then(
    environment: CollectionEnvironment, cases: AccountCommands, publish: Publish
) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    old, due = environment.row(invoice).policy_version, environment.row(invoice).next_on
    version = publish(CALL_FIRST)
    await environment.pass_to(monday + 3 * DAY)
    await adopt(environment, cases)
    await environment.play.run_mornings(monday + 4 * DAY, monday + 8 * DAY)

    assert environment.steps(invoice) == ["reminder", "early_call", "second_reminder"]
    assert state(environment, invoice, monday + 2 * DAY) == (old, "second_reminder", due)
    assert state(environment, invoice, monday + 3 * DAY) == (version, "early_call", monday + 4 * DAY)
    entries, policies = AccountStateQuery(environment.database).load_entries(environment.account_and_currency(invoice)[0])
    for day, expected in ((monday + DAY, old), (monday + 2 * DAY, old), (monday + 3 * DAY, version), (monday + 7 * DAY, version)):
        why = explain_day(entries, invoice, day, policies).policy
        assert why is not None
        assert (day, why.version) == (day, expected)


async def test_invoices_on_hold_in_dispute_and_under_a_plan_take_the_policy_and_stay_held(
    environment: CollectionEnvironment, cases: AccountCommands, publish: Publish
) -> None:
    paused, monday = await environment.open_reminded_invoice()
    others = await environment.open_invoices(InvoiceSpec(monday - DAY), InvoiceSpec(monday - DAY, account="PLANNED"))
    disputed, planned = others
    pause = PauseCollection(act_id=next_act_id(), actor="mia", until=monday + 30 * DAY, reason="holiday")
    await environment.case(paused).execute_update(InvoiceCollection.pause, pause)
    await cases.raise_dispute(disputed)
    plan = await cases.propose_plan("PLANNED", planned, first_on=monday + 10 * DAY)
    await environment.wait_until(lambda: all(cases.hold_ids(each) for each in (paused, disputed, planned)))
    held = {each: cases.hold_ids(each) for each in (paused, disputed, planned)}
    version = publish(LATER_SECOND)

    shown = await preview(environment)
    await adopt(environment, cases)

    assert sum(group.on_hold for group in shown.groups) == 3
    for invoice, holds in held.items():
        assert (environment.row(invoice).policy_version, cases.hold_ids(invoice)) == (version, holds)
        assert environment.entry_kinds(invoice).count("policy.adopted") == 1
    assert plan in held[planned]
    await environment.case(paused).execute_update(InvoiceCollection.resume, ResumeCollection(act_id=next_act_id(), actor="mia"))
    await environment.wait_until(lambda: not cases.hold_ids(paused))
    assert environment.row(paused).next_step == "second_reminder"


async def test_without_agreement_nothing_moves_and_it_may_be_asked_for_again(
    environment: CollectionEnvironment, cases: AccountCommands, publish: Publish
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    old = environment.row(invoice).policy_version
    version = publish(LATER_SECOND)

    await ask(environment)
    asked = await cases.wait_for_approval(ADOPTION, cases.row(ADOPTION).summary["approvals"])
    listed, _ = list_cases(environment.database, CaseFilter(kind=CaseKind.APPROVAL, open=True, roles=[Role.FINANCE_DIRECTOR]), 10, None)
    today = await environment.today()
    shown = next(present_approval(row, today) for row in listed if row.case_id == asked)
    assert (shown.matter, shown.account_name, shown.amounts) == ("policy_change", "", [])
    assert f"would go on by version {version}" in shown.reason
    approval = await agree(cases, ApprovalVerdict.REJECT, "note:1")
    await wait_for_end(environment, cases, "rejected")

    assert (environment.row(invoice).policy_version, cases.row(approval).summary["matter"]) == (old, "policy_change")
    assert "policy.adopted" not in environment.entry_kinds(invoice)
    await adopt(environment, cases)
    assert environment.row(invoice).policy_version == version


async def test_whoever_asked_does_not_agree_to_it(environment: CollectionEnvironment, cases: AccountCommands, publish: Publish) -> None:
    await environment.open_reminded_invoice()
    publish(LATER_SECOND)
    await ask(environment, "dora")

    with pytest.raises(Exception, match="Workflow update failed"):
        await agree(cases)

    assert cases.row(ADOPTION).stage == "approval"
    await cases.decide(await cases.wait_for_approval(ADOPTION, cases.row(ADOPTION).summary["approvals"]), "dan", Role.FINANCE_DIRECTOR)
    await wait_for_end(environment, cases, "adopted")


async def test_a_second_adoption_is_refused_while_one_is_under_way(
    environment: CollectionEnvironment, cases: AccountCommands, publish: Publish
) -> None:
    await environment.open_reminded_invoice()
    version = publish(LATER_SECOND)
    await ask(environment)

    with pytest.raises(CommandRejected, match=f"the adoption of standard version {version} is under way, asked for by mira"):
        await ask(environment, "otto")

    await agree(cases)
    await wait_for_end(environment, cases, "adopted")
    with pytest.raises(NothingToAdoptError, match="there is nothing to move"):
        await ask(environment)


async def test_what_was_agreed_to_is_not_carried_out_once_a_later_version_is_in_force(
    environment: CollectionEnvironment, cases: AccountCommands, publish: Publish
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    old = environment.row(invoice).policy_version
    publish(LATER_SECOND)
    await ask(environment)
    newest = publish(CALL_FIRST)

    await agree(cases)
    facts = await wait_for_end(environment, cases, "overtaken")

    assert (facts["overtaken_by"], environment.row(invoice).policy_version) == (newest, old)


async def test_an_invoice_that_cannot_be_moved_stops_no_other_and_is_named(
    environment: CollectionEnvironment, cases: AccountCommands, publish: Publish
) -> None:
    good, monday = await environment.open_reminded_invoice()
    (bad,) = await environment.open_invoices(InvoiceSpec(monday - DAY, number="0-BAD"))
    old = environment.row(bad).policy_version
    version = publish(LATER_SECOND)
    # its case follows the version already, though its row says otherwise: told as often as one likes, it writes nothing
    await environment.case(bad).signal(
        InvoiceCollection.move_to_version,
        PolicyMove(policy=PolicySnapshot.model_validate(environment.play.parts.policies.get_for_segment("x")), adoption="other"),
    )
    await environment.wait_for_entries(bad, "policy.adopted")
    with environment.database.writing() as session:
        session.execute(update(Case).where(col(Case.invoice_id) == bad).values(policy_version=old))

    await ask(environment)
    await agree(cases)
    facts = await wait_for_end(environment, cases, "incomplete")

    assert (facts["left"], facts["sample"]) == (1, bad)
    assert environment.row(good).policy_version == version
    assert cases.row(ADOPTION).summary["left"] == 1
    with environment.database.writing() as session:
        session.execute(update(Case).where(col(Case.invoice_id) == bad).values(policy_version=version))


async def test_an_invoice_told_twice_or_of_an_older_version_does_nothing(environment: CollectionEnvironment, publish: Publish) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    policies = environment.play.parts.policies
    first = policies.get_version("standard", environment.row(invoice).policy_version or 0)
    version = publish(LATER_SECOND)
    latest = policies.get_version("standard", version)
    assert first
    assert latest

    for policy in (latest, latest, first):
        await environment.case(invoice).signal(InvoiceCollection.move_to_version, PolicyMove(policy=policy, adoption="a"))
    await environment.wait_for_entries(invoice, "policy.adopted")
    await environment.play.wait_for_rest()

    assert environment.entry_kinds(invoice).count("policy.adopted") == 1
    assert environment.row(invoice).policy_version == version


async def test_an_invoice_that_is_reopened_under_a_later_version_says_so_and_does_nothing_again(
    environment: CollectionEnvironment, publish: Publish
) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    old = environment.row(invoice).policy_version
    payment = await environment.pay(invoice, 10_000)
    await environment.outcome(invoice)
    version = publish(LATER_SECOND)

    now = await environment.play.now()
    environment.play.parts.billing.reverse_payment(payment, now.date(), at=now)
    await environment.play.sync()
    await environment.wait_for_entries(invoice, "case.reopened")
    await environment.wait_for_entries(invoice, "policy.adopted")

    (moved,) = environment.entry_facts(invoice, "policy.adopted")
    assert (moved["policy_version_before"], moved["policy_version"]) == (old, version)
    await environment.play.run_mornings(monday + 3 * DAY, monday + 9 * DAY)
    assert environment.steps(invoice) == ["reminder"]


async def test_a_worker_that_dies_in_the_middle_of_a_batch_goes_on_and_adopts_for_nobody_twice(
    environment: CollectionEnvironment, cases: AccountCommands, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has told some of the invoices, and dies before it can say so; whoever takes over tells the whole batch again."""
    monday = await environment.pass_to_monday()
    invoices = await environment.open_invoices(*(InvoiceSpec(monday + 20 * DAY, account=f"BATCH-{number % 3}") for number in range(9)))
    version = publish(LATER_SECOND)
    tell, told = CaseSignals.move_invoice, list[str]()

    async def dies_half_way(signals: CaseSignals, invoice_id: str, move: PolicyMove) -> bool:
        told.append(invoice_id)
        if len(told) == 5:
            raise WorkerDies(invoice_id)
        return await tell(signals, invoice_id, move)

    monkeypatch.setattr(CaseSignals, "move_invoice", dies_half_way)
    facts = await adopt(environment, cases)
    assert len(told) > len(set(told)), "the batch was told twice"
    for invoice in invoices:
        assert [facts["policy_version"] for facts in environment.entry_facts(invoice, "policy.adopted")] == [version]
    assert facts["left"] == 0


# --- a version that was never in force


async def ask_to_force(environment: CollectionEnvironment, adopts: bool, actor: str, *changes: tuple[str, str]) -> PolicySnapshot:
    """Ask to put a draft in force, as the API does: its text is stored for those who decide."""
    adoption = query(environment)
    in_force = adoption.require_target("standard")
    text = STANDARD
    for old, new in (("version: 3", f"version: {max(next(_versions), in_force.version + 1)}"), *changes):
        assert old in text
        text = text.replace(old, new)
    draft = PolicySnapshot.from_policy(parse_policy(text, "draft.yaml", LetterTemplates().list_templates("en")))
    now = await environment.play.now()
    DocumentStore(environment.database).add("draft.json", "application/json", draft.text.encode(), actor, now)
    command = build_force_command(adoption, draft, in_force.version, adopts, next_act_id(), actor)
    commands = TemporalCaseCommands(environment.play.client, update_seconds=60)
    await commands.submit_or_start_case(build_adoption_start("standard", environment.play.parts.clock), command)
    return draft


async def find_audit_flaws(environment: CollectionEnvironment) -> list[str]:
    """What verification of the database, and a replay of the adoption's histories, find."""
    client, archive = environment.play.client, RunArchive(environment.database)
    histories = RunHistoryLoader(client, archive, TimeSkippingRuns(client))
    replayed = await AccountReplayer(environment.database, histories, HistoryReplayer(WORKFLOWS)).replay_case(ADOPTION)
    assert replayed.is_replayed, replayed.runs
    found = Verification(environment.database).run().faults
    return [*(f"{fault}" for fault in found), *(f"{difference}" for difference in replayed.differences)]


async def test_a_version_from_the_console_is_in_force_for_new_invoices_once_another_person_agrees(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    old_invoice, monday = await environment.open_reminded_invoice()
    before = environment.row(old_invoice).policy_version
    elsewhere = PolicyStore(environment.database, LetterTemplates())
    assert elsewhere.get_for_segment("standard").version == before

    draft = await ask_to_force(environment, False, "dora")
    with pytest.raises(Exception, match="Workflow update failed"):
        await agree(cases)
    assert elsewhere.get_for_segment("standard").version == before, "nobody agrees to what they asked for"
    await cases.decide(await cases.wait_for_approval(ADOPTION, cases.row(ADOPTION).summary["approvals"]), "dan", Role.FINANCE_DIRECTOR)
    facts = await wait_for_end(environment, cases, "in_force")

    assert (facts["told"], environment.row(old_invoice).policy_version) == (0, before)
    assert elsewhere.get_for_segment("standard") == draft, "another process follows it, too"
    put = cases.entry_facts(ADOPTION, "policy.put_in_force")[-1]
    assert (put["policy_sha256"], put["requester"], put["granted_by"]) == (draft.sha256, "dora", "dan")
    (fresh,) = await environment.open_invoices(InvoiceSpec(monday - DAY))
    assert environment.row(fresh).policy_version == draft.version
    assert await find_audit_flaws(environment) == []


async def test_a_version_from_the_console_reaches_the_open_invoices_where_that_was_chosen_and_nothing_when_refused(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    before = environment.row(invoice).policy_version

    refused = await ask_to_force(environment, True, "mira", LATER_SECOND)
    with pytest.raises(CommandRejected, match=f"putting in force standard version {refused.version} is under way, asked for by mira"):
        await ask_to_force(environment, True, "otto")
    await agree(cases, ApprovalVerdict.REJECT, "note:1")
    await wait_for_end(environment, cases, "rejected")
    assert environment.play.parts.policies.get_version("standard", refused.version) is None

    draft = await ask_to_force(environment, True, "mira", LATER_SECOND)
    await agree(cases)
    facts = await wait_for_end(environment, cases, "adopted")

    assert facts["left"] == 0
    assert environment.row(invoice).policy_version == draft.version != before
    assert await find_audit_flaws(environment) == []
