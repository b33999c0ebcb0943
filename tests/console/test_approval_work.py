"""Deciding approvals on their page: what each decision causes, who decides, why it comes back, and on to the next one."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import quote

import pytest
from sqlmodel import select

from adapters.database.tables import Note
from adapters.i18n.languages import LANGUAGES
from adapters.identity.delegation_store import DelegationStore
from adapters.identity.users_and_tokens import IdentityStore
from adapters.temporal.case_commands import FactsHaveChanged
from api.presenters.phrases import load_phrases
from domain.approval.approval_case import ApprovalCase
from domain.approval.commands import REASONS_OF_VERDICT, ApprovalVerdict, DecideApproval, DecisionReason
from domain.approval.delegation import Delegation
from domain.approval.facts import StaleFacts
from domain.approval.result import LapseReason
from domain.approval.review import DecisionReview
from domain.approval.revision import apply_revision, find_stale_facts
from domain.approval.view import build_case_view
from domain.case.command import CommandReceipt
from domain.identifiers import CaseKind
from domain.journal.entry import FactValue
from domain.policy.approval_type import ApprovalType
from domain.roles import Role
from tests.api.account_cases import NOW, PLAN, create_proposed_plan, write_case
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.api.stored_approvals import build_facts, store_approval
from tests.api.test_decision_reasons import store_decided
from tests.console.test_act_forms import fields_of
from tests.console.test_pages import page, words


@pytest.fixture
def identity(world: PortfolioWorld) -> IdentityStore:
    return IdentityStore(world.database)


def address(case_id: str) -> str:
    return f"/approvals/{quote(case_id, safe='')}"


async def test_a_rejection_and_a_return_need_a_reason_and_a_comment_and_nothing_typed_is_lost(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    case_id = store_approval(world, {"EUR": 10_000}).journal.case_id
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        form = fields_of(await page(manager, address(case_id)))
        unsaid = await manager.post("/act/decide_approval", data=form)
        assert (unsaid.status_code, "f-decision-fault" in unsaid.text) == (422, True)
        bare = await manager.post("/act/decide_approval", data={**form, "decision": "return"})
        assert bare.status_code == 422
        assert "f-reason-return-fault" in bare.text
        assert "f-comment-fault" in bare.text
        other = {**form, "decision": "return", "reason": "against_policy", "comment": "erst nachfragen"}
        refused = await manager.post("/act/decide_approval", data=other)
        assert refused.status_code == 422, "a reason of another decision is none"
        assert ">erst nachfragen</textarea>" in refused.text
        assert world.cases.acts == []
        done = await manager.post("/act/decide_approval", data={**other, "reason": "ask_customer"})
        assert done.status_code == 303, done.text
        assert "Returned for changes: suspension warning" in words(await page(manager, done.headers["location"]))
    [command] = world.cases.acts
    assert isinstance(command, DecideApproval)
    assert (command.reason, command.verdict) == (DecisionReason.ASK_CUSTOMER, ApprovalVerdict.RETURN)


async def test_an_approval_needs_neither_and_a_reason_that_was_chosen_before_is_left_out(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    case_id = store_approval(world, {"EUR": 10_000}).journal.case_id
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        form = fields_of(await page(manager, address(case_id)))
        done = await manager.post("/act/decide_approval", data={**form, "decision": "approve", "reason": "other"})
        assert done.status_code == 303, done.text
    [command] = world.cases.acts
    assert isinstance(command, DecideApproval)
    assert command.reason is None


async def test_many_are_rejected_for_one_reason(as_role: As, world: PortfolioWorld) -> None:
    cases = []
    for number in (1, 2):
        world.account(f"A-{number}")
        cases.append(store_approval(world, {"EUR": 10_000}, f"A-{number}").journal.case_id)
    chosen = "&".join(f"approval={quote(case, safe='')}" for case in cases)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        form = {
            **fields_of(await page(manager, f"/approval-decisions?{chosen}")),
            "approval": cases,
            "decision": "reject",
            "comment": "nein",
        }
        bare = await manager.post("/approval-decisions", data=form)
        assert (bare.status_code, world.cases.acts) == (422, [])
        assert "f-reason-reject-fault" in bare.text
        told = await manager.post("/approval-decisions", data={**form, "reason": "customer_record"})
        assert told.status_code == 200
    assert [command.reason for command in world.cases.acts if isinstance(command, DecideApproval)] == [DecisionReason.CUSTOMER_RECORD] * 2


@pytest.mark.parametrize("language", LANGUAGES)
async def test_each_reason_is_offered_where_it_goes_with_the_decision(
    as_role: As, world: PortfolioWorld, identity: IdentityStore, language: str
) -> None:
    world.account()
    case_id = store_approval(world, {"EUR": 10_000}).journal.case_id
    identity.add_user("collections_manager-1", Role.COLLECTIONS_MANAGER, language=language)
    phrases = load_phrases(language)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        html = await page(manager, address(case_id))
    for verdict in (ApprovalVerdict.REJECT, ApprovalVerdict.RETURN):
        part = html[html.index(f"reasons for-{verdict.value}") :]
        part = words(part[: part.index("</fieldset>")]).lower()
        for reason in REASONS_OF_VERDICT[verdict]:
            assert phrases.translate("decision_reasons", reason.value).lower() in part


async def test_it_is_counted_why_requests_came_back_for_those_who_decide(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    store_decided(world, 1, ApprovalVerdict.REJECT, DecisionReason.AGAINST_POLICY)
    store_decided(world, 2, ApprovalVerdict.RETURN, DecisionReason.AMOUNT_WRONG)
    store_decided(world, 3, ApprovalVerdict.RETURN, DecisionReason.AMOUNT_WRONG)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        shown = words(await page(manager, "/approvals"))
        story = words(await page(manager, address("approval:suspension:A-1:1")))
    assert "Why requests came back in the last 90 days (3)" in shown
    assert "returned for changes The amount is wrong: 2" in shown
    assert "rejected Against policy: 1" in shown
    assert "Decided because Against policy" in story
    assert "The collections manager rejected: suspension warning (against policy)" in story
    async with as_role(Role.COLLECTOR, Accept="text/html") as collector:
        assert "Why requests came back" not in await page(collector, "/approvals")


@pytest.mark.parametrize(
    ("matter", "details", "said"),
    [
        (
            ApprovalType.SUSPENSION_WARNING,
            {},
            "The next letters warn Kunde 1 that the service will be suspended: €100.00, 1 invoice",
        ),
        (ApprovalType.SUSPENSION, {}, "Billing suspends the service of Kunde 1, if it still owes: €100.00, 1 invoice"),
        (ApprovalType.PAYMENT_PLAN, {}, "The plan over €100.00 is offered to Kunde 1"),
        (ApprovalType.CREDIT_NOTE, {}, "A credit note of €100.00 is booked on invoice No. EUR"),
        (ApprovalType.CREDIT_NOTE, {"reduction": "cancellation"}, "Invoice No. EUR over €100.00 is cancelled"),
        (ApprovalType.WRITE_OFF, {}, "€100.00 are written off in billing, 1 invoice"),
        (ApprovalType.FEE_WAIVER, {}, "Fees of €100.00 are waived"),
        (
            ApprovalType.POLICY_CHANGE,
            {"policy": "standard", "policy_version": 7, "invoices_affected": 12},
            "12 open invoices go on by version 7 of the policy “standard”",
        ),
    ],
)
async def test_each_decision_says_what_it_causes(
    as_role: As, world: PortfolioWorld, matter: ApprovalType, details: dict[str, FactValue], said: str
) -> None:
    world.account(name="Kunde 1")
    case = store_approval(world, {"EUR": 10_000}, matter=matter, details=details)
    role = case.awaited_roles[0]
    async with as_role(role, Accept="text/html") as reader:
        shown = words(await page(reader, address(case.journal.case_id)))
    approve, returned, rejected = (shown.index(each) for each in ("If you approve", "If you return it", "If you reject it"))
    assert approve < shown.index(said) < returned < rejected
    assert shown.index("The answer goes to mia at once, with your reason") > returned


async def test_a_plan_says_its_instalments_and_days(as_role: As, world: PortfolioWorld) -> None:
    world.account(name="Kunde 1")
    world.invoice("I-1")
    create_proposed_plan(world)
    case = store_approval(world, {"EUR": 25_000}, matter=ApprovalType.PAYMENT_PLAN, subject=PLAN)
    async with as_role(case.awaited_roles[0], Accept="text/html") as reader:
        shown = words(await page(reader, address(case.journal.case_id)))
    assert (
        "An offer goes to Kunde 1, 2 instalments of €250.00 in all: the first of €125.00 on 11 Mar 2013, the last on 11 Apr 2013" in shown
    )
    assert "The terms go back to mia; unless they are revised in time, the proposal lapses" in shown


async def test_who_decides_is_named_tier_by_tier_with_who_may_not_and_why(
    as_role: As, world: PortfolioWorld, identity: IdentityStore
) -> None:
    world.account()
    for name, role in (("greta", Role.COLLECTIONS_MANAGER), ("mia", Role.COLLECTIONS_MANAGER), ("fritz", Role.FINANCE_DIRECTOR)):
        identity.add_user(name, role)
    case = store_approval(world, {"EUR": 2_000_000}, matter=ApprovalType.WRITE_OFF)
    assert len(case.tiers) > 1, "the matrix asks several for that much"
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as reader:
        shown = words(await page(reader, address(case.journal.case_id)))
    decides = shown[shown.index("Who decides") :]
    assert "Collections manager: you or greta" in decides
    assert "Finance director: " in decides
    assert "fritz" in decides
    assert "Not mia: whoever asks does not decide." in decides
    assert "Then the finance director is asked, until" in shown


async def test_of_many_who_may_decide_that_is_said_and_where_nobody_may_that(
    as_role: As, world: PortfolioWorld, identity: IdentityStore
) -> None:
    world.account()
    for number in range(7):
        identity.add_user(f"greta{number}", Role.COLLECTIONS_MANAGER)
    case = store_approval(world, {"EUR": 2_000_000}, matter=ApprovalType.WRITE_OFF)
    path = address(case.journal.case_id)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager, as_role(Role.AUDITOR, Accept="text/html") as auditor:
        mine, theirs = [words(await page(person, path)).partition("Who decides")[2] for person in (manager, auditor)]
    assert "Collections manager: you or anybody who has this role, until" in mine
    assert "Collections manager: anybody who has this role, until" in theirs
    for shown in (mine, theirs):
        assert "Finance director: nobody may at present (after that)" in shown
        assert "–" not in shown.partition("Finance director")[0]


async def test_after_a_decision_the_next_that_waits_is_open_and_the_page_says_what_was_decided(as_role: As, world: PortfolioWorld) -> None:
    cases = []
    for number in (1, 2, 3):
        world.account(f"A-{number}", name=f"Kunde {number}")
        at = moment_on(TODAY - timedelta(days=3 - number))
        cases.append(store_approval(world, {"EUR": 10_000 * number}, f"A-{number}", at=at).journal.case_id)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        first = await page(manager, "/approvals")
        assert fields_of(first)["approval_id"] == cases[0], "the first that waits is open"
        form = fields_of(await page(manager, address(cases[1])))
        done = await manager.post("/act/decide_approval", data={**form, "decision": "approve"})
        assert done.headers["location"].partition("?")[0] == address(cases[2])
        html = await page(manager, done.headers["location"])
        assert fields_of(html)["approval_id"] == cases[2]
        assert "Approved: suspension warning, Kunde 2, €200.00. The next one that waits is open now." in words(html)
        form = fields_of(html)
        done = await manager.post("/act/decide_approval", data={**form, "decision": "approve"})
        assert done.headers["location"].partition("?")[0] == address(cases[0]), "after the last one those before it"


async def test_what_is_decided_in_somebodys_place_can_be_seen_alone(as_role: As, world: PortfolioWorld, identity: IdentityStore) -> None:
    for number, requester in ((1, "mia"), (2, "mia")):
        world.account(f"A-{number}", name=f"Kunde {number}")
        matter = ApprovalType.SUSPENSION_WARNING if number == 1 else ApprovalType.WRITE_OFF
        store_approval(world, {"EUR": 10_000}, f"A-{number}", requester=requester, matter=matter)
    identity.add_user("greta", Role.COLLECTIONS_MANAGER)
    given = Delegation(
        delegation_id="d", from_user="greta", to_user="finance_director-1", role=Role.COLLECTIONS_MANAGER, first_day=TODAY, last_day=TODAY
    )
    DelegationStore(world.database).add(given, "greta")
    async with as_role(Role.FINANCE_DIRECTOR, Accept="text/html") as director:
        shown = words(await page(director, "/approvals"))
        assert "In place of greta" in shown
        html = await page(director, "/approvals?place=greta")
        assert "Kunde 1" in html
        done = await director.post("/act/decide_approval", data={**fields_of(html), "decision": "approve"})
        assert "place=greta" in done.headers["location"], "the work goes on among them"


async def test_an_older_address_of_the_form_leads_to_the_approval(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    case = store_approval(world, {"EUR": 10_000}, at=NOW)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        answer = await manager.get(f"/act/decide_approval?approval_id={quote(case.journal.case_id, safe='')}")
    assert (answer.status_code, answer.headers["location"]) == (303, address(case.journal.case_id))
    assert case.subject.case_id.startswith(CaseKind.SUSPENSION)


def revise(world: PortfolioWorld, case: ApprovalCase, *amounts: int) -> None:
    """Its facts change as often, each time to this amount in EUR."""
    for amount in amounts:
        apply_revision(case, None, DecisionReview(facts=build_facts({"EUR": amount})), NOW)
    write_case(world, case, build_case_view)


def refuse_as_changed(world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch, case: ApprovalCase) -> list[DecideApproval]:
    """Every decision on another version than the case's is refused, as its workflow does it; the decisions that were sent."""
    sent = list[DecideApproval]()

    async def refuse(case_id: str, command: DecideApproval) -> CommandReceipt:
        sent.append(command)
        if case_id == case.journal.case_id and (stale := find_stale_facts(case, command)):
            raise FactsHaveChanged(str(stale.reason), stale)
        return CommandReceipt(act_id=command.act_id, seq=2)

    monkeypatch.setattr(world.cases, "submit_command", refuse)
    return sent


@pytest.mark.parametrize("language", LANGUAGES)
async def test_facts_that_changed_and_changed_back_are_told_in_words(
    as_role: As, world: PortfolioWorld, identity: IdentityStore, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    world.account()
    case = store_approval(world, {"EUR": 10_000})
    identity.add_user("collections_manager-1", Role.COLLECTIONS_MANAGER, language=language)
    said = load_phrases(language).approvals
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        form = fields_of(await page(manager, address(case.journal.case_id)))
        revise(world, case, 20_000, 10_000)
        refuse_as_changed(world, monkeypatch, case)
        refused = await manager.post("/act/decide_approval", data={**form, "decision": "approve"})
        assert refused.status_code == 409
        shown = words(refused.text)
        assert words(said["changed_read"]) in shown
        assert words(said["changed_back"]) in shown
        again = fields_of(refused.text)
        assert again["facts_version"] == "3"
        assert (await manager.post("/act/decide_approval", data={**again, "decision": "approve"})).status_code == 303


async def test_of_many_one_whose_facts_changed_back_can_be_decided_once_more(
    as_role: As, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.account()
    case = store_approval(world, {"EUR": 10_000})
    case_id = case.journal.case_id
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        form = fields_of(await page(manager, f"/approval-decisions?approval={quote(case_id, safe='')}"))
        revise(world, case, 20_000, 10_000)
        refuse_as_changed(world, monkeypatch, case)
        told = await manager.post("/approval-decisions", data={**form, "decision": "approve"})
        assert "The facts are again as they were when you read them." in words(told.text)
        again = fields_of(told.text)
        assert again[f"version.{case_id}"] == "3"
        assert "Decided: 1" in words((await manager.post("/approval-decisions", data={**again, "decision": "approve"})).text)


async def test_many_that_were_chosen_are_confirmed_with_what_has_changed_since_the_queue_was_read(
    as_role: As, world: PortfolioWorld
) -> None:
    cases = []
    for number in (1, 2, 3):
        world.account(f"A-{number}", name=f"Kunde {number}")
        cases.append(store_approval(world, {"EUR": 10_000}, f"A-{number}"))
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        queue = await page(manager, "/approvals")
        chosen = [unescape(value) for value in re.findall(r'name="approval" value="([^"]*)"', queue)]
        same = await manager.get("/approval-decisions", params={"approval": chosen})
        assert "The facts have changed" not in words(same.text)
        revise(world, cases[0], 20_000)
        revise(world, cases[1], 20_000, 10_000)
        html = (await manager.get("/approval-decisions", params={"approval": chosen})).text
    shown = words(html)
    assert "The facts have changed since you read them, so nothing is decided yet." in shown
    assert "€200.00 asked for, before €100.00" in shown
    assert shown.count("The facts are again as they were when you read them.") == 1
    assert [fields_of(html)[f"version.{case.journal.case_id}"] for case in cases] == ["2", "3", "1"]


async def test_a_refused_decision_comes_back_as_another_request_unless_it_may_have_been_taken(
    as_role: As, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the old key the refusal would be told again, though the case has taken in by then what was booked; and the comment that was
    refused would go with the decision that replaced it."""
    world.account()
    case = store_approval(world, {"EUR": 10_000})
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        form = {**fields_of(await page(manager, address(case.journal.case_id))), "decision": "return", "reason": "other"}
        world.cases.is_reachable = False
        unknown = await manager.post("/act/decide_approval", data={**form, "comment": "erst"})
        assert (unknown.status_code, fields_of(unknown.text)["form_key"]) == (503, form["form_key"])
        world.cases.is_reachable = True
        world.cases.running[case.journal.case_id] = "not by you"
        refused = await manager.post("/act/decide_approval", data={**form, "comment": "dann"})
        assert refused.status_code == 409
        ruled_out = fields_of(refused.text)
        assert ruled_out["form_key"] not in ("", form["form_key"])

        sent = refuse_as_unreported(world, monkeypatch)
        pending = await manager.post("/act/decide_approval", data={**form, **ruled_out, "comment": "nun"})
        assert "the case takes it in just now; decide again in a moment" in words(pending.text)
        await manager.post("/act/decide_approval", data={**form, **fields_of(pending.text), "comment": "jetzt"})
    first, second = sent
    assert (first.facts_version, first.act_id != second.act_id) == (second.facts_version, True)
    with world.database.reading() as session:
        noted = {note.id: note.text for note in session.exec(select(Note))}
    assert second.note_id is not None
    assert noted[second.note_id] == "jetzt"


def refuse_as_unreported(world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch) -> list[DecideApproval]:
    """Billing has booked what no version of the facts says yet; the decisions that were sent."""
    sent = list[DecideApproval]()

    async def refuse(_: str, command: DecideApproval) -> CommandReceipt:
        sent.append(command)
        stale = StaleFacts(facts_version=command.facts_version or 0, changes=[])
        raise FactsHaveChanged(str(stale.reason), stale)

    monkeypatch.setattr(world.cases, "submit_command", refuse)
    return sent


async def test_whoever_comes_too_late_is_told_who_decided_whatever_they_left_out(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    case = store_approval(world, {"EUR": 10_000})
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        form = fields_of(await page(manager, address(case.journal.case_id)))
        case.lapse(LapseReason.SETTLED, NOW)
        write_case(world, case, build_case_view)
        del world.cases.running[case.journal.case_id]
        late = await manager.post("/act/decide_approval", data={**form, "decision": "reject"})
        noted = await manager.post("/act/decide_approval", data={**form, "decision": "approve", "comment": "gern"})
    assert late.status_code == 409
    assert "the approval of the suspension warning lapsed" in words(late.text)
    assert 'id="refusal"' in late.text
    assert noted.status_code == 409
    with world.database.reading() as session:
        assert session.exec(select(Note)).all() == [], "what was decided too late is written nowhere"
