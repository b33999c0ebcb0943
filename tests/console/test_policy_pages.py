"""Policies at the console: pictures, versions and what differs, who follows which, a draft that is checked, what is not set up."""

import re
from dataclasses import replace
from html import unescape

import pytest
from fastapi import FastAPI

from adapters.database.tables import PolicyVersion, Setting
from adapters.document_store import DocumentStore
from adapters.identity.users_and_tokens import IdentityStore
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.in_force import IN_FORCE_SETTING
from adapters.policies.policy_store import PolicyStore
from api.console.policies.policy_differences import list_differences, write_policy
from api.console.policies.setup_gaps import GapKind, SetupGap, find_setup_gaps
from api.console.policies.timeline_picture import draw_timeline
from domain import identifiers as ids
from domain.approval.facts import DecisionFacts
from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.journal.entry import FactValue
from domain.journal.journal import Journal
from domain.policy.approval_type import ApprovalType
from domain.policy.collection_policy import PolicySnapshot
from domain.policy_adoption.adoption_case import AdoptionCase
from domain.policy_adoption.commands import RequestPolicyAdoption
from domain.policy_adoption.progress import ForceResult
from domain.policy_adoption.view import build_case_view
from domain.roles import Role
from tests.api.account_cases import NOW, write_case
from tests.api.conftest import As, Client
from tests.api.portfolio_world import POLICY, REAL_NOW, PortfolioWorld
from tests.api.stored_approvals import store_approval
from tests.console.test_languages import find_english, visible_words
from tests.console.test_pages import NASTY, page, words
from tests.form_tokens import find_form_token

OLD = POLICY.load_policy()
NEW = OLD.model_copy(update={"version": OLD.version + 1, "catch_up_days": OLD.catch_up_days + 2, "timeline": OLD.timeline[:-1]})


@pytest.fixture
def two_versions(world: PortfolioWorld) -> PortfolioWorld:
    """The second is in force, and an open invoice follows the first."""
    new = PolicySnapshot.from_policy(NEW)
    world.account()
    world.invoice("I-1")
    world.add(PolicyVersion(name=new.name, version=new.version, snapshot=new.text, sha256=new.sha256, created_at=REAL_NOW))
    world.add(Setting(name=IN_FORCE_SETTING, value={"names": [new.name]}))
    return world


async def send_draft(client: Client, draft: str) -> str:
    token = find_form_token(await page(client, "/policies"))
    answer = await client.post("/policies", data={"form_token": token, "draft": draft})
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_policy_is_a_picture_and_its_versions_say_what_differs_and_who_follows(as_role: As, two_versions: PortfolioWorld) -> None:
    async with as_role(Role.FINANCE_DIRECTOR, Accept="text/html") as client:
        listed = await page(client, "/policies")
        assert listed.count("<circle") == len(NEW.timeline)
        assert f"1 open invoice on version {OLD.version}" in words(listed)
        shown = await page(client, "/policies/standard")
        assert f"<del>- catch_up_days: {OLD.catch_up_days}</del>" in shown
        assert f"<ins>+ catch_up_days: {NEW.catch_up_days}</ins>" in shown
        assert f"1 open invoice follows an older version than {NEW.version}" in words(shown)
        asking = re.findall(r'href="(/act/adopt_policy[^"]*)"', shown)[0].replace("&amp;", "&")
        asked = await page(client, asking)
        form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', asked))
        answer = await client.post("/act/adopt_policy", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/policies/standard?acted=adopt_policy")
        (begun,) = two_versions.cases.begun
        assert begun.case_id == "adoption:standard"
        old = await page(client, f"/policies/standard?version={OLD.version}&beside={NEW.version}")
        assert f"<ins>+ catch_up_days: {OLD.catch_up_days}</ins>" in old
        for nowhere in ("/policies/none", "/policies/standard?version=99", f"/policies/standard?beside={NEW.version + 5}"):
            assert (await client.get(nowhere)).status_code == 404
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        assert "/act/adopt_policy" not in await page(client, "/policies/standard")


async def test_a_draft_is_checked_as_the_next_start_would_and_changes_nothing(as_role: As, two_versions: PortfolioWorld) -> None:
    third = NEW.model_copy(update={"version": NEW.version + 1, "title": "Drittes"})
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as client:
        good = await send_draft(client, write_policy(third))
        assert "The draft is good" in good
        assert "<ins>+ title: Drittes</ins>" in good
        changed = await send_draft(client, write_policy(NEW.model_copy(update={"title": "Anders"})))
        assert "The next start would refuse it" in changed, "another text under a version that was in force"
        assert "/tmp" not in changed, "files are named without their folders"
        broken = await send_draft(client, "policy: [")
        assert "The next start would refuse it" in broken
        assert "<script>" not in await send_draft(client, f"policy: '{NASTY}'")
        stale = await client.post("/policies", data={"form_token": "x", "draft": "policy: x"})
        assert stale.status_code == 422
        token = find_form_token(good)
        sent = await client.post("/policies", data={"form_token": token}, files={"file": ("p.yaml", write_policy(third).encode())})
        assert "The draft is good" in sent.text
        too_long = await client.post("/policies", data={"form_token": token}, files={"file": ("p.yaml", b"#" * 100_001)})
        assert too_long.status_code == 422
        assert "Drittes" not in await page(client, "/policies")


async def test_what_is_wrong_with_a_draft_is_told_in_the_readers_language(as_role: As, two_versions: PortfolioWorld) -> None:
    IdentityStore(two_versions.database).add_user("collections_manager-1", Role.COLLECTIONS_MANAGER, language="de")
    good = write_policy(NEW)
    drafts = {
        good.replace("catch_up_days", "catch_up_dayz"): "den Schlüssel „catch_up_dayz“ gibt es nicht; ist „catch_up_days“ gemeint",
        write_policy(NEW.model_copy(update={"title": "Anders"})): "war mit einem anderen Text in Kraft, und Rechnungen beruhen darauf",
        "policy: [": "das ist kein YAML",
    }
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as client:
        for draft, said in drafts.items():
            checked = words(await send_draft(client, draft))
            assert said in checked


async def test_a_good_draft_is_asked_for_from_the_page_that_checked_it(as_role: As, two_versions: PortfolioWorld) -> None:
    third = write_policy(NEW.model_copy(update={"version": NEW.version + 1, "title": "Drittes"}))
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as client:
        checked = await send_draft(client, third)
        assert f"1 open invoice follows an older version than {NEW.version + 1}" in words(checked)
        form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', checked))
        assert (form["name"], form["replaces"]) == ("standard", str(NEW.version))
        sent = {name: unescape(value) for name, value in form.items()}
        stale = await client.post("/act/put_policy_in_force", data={**sent, "replaces": str(OLD.version), "applies_to": "new_invoices"})
        assert stale.status_code == 409
        assert "compare the draft with it" in stale.text
        assert two_versions.cases.begun == []
        asked = await client.post("/act/put_policy_in_force", data={**sent, "applies_to": "open_invoices"})
        assert (asked.status_code, asked.headers["location"]) == (303, "/policies/standard?acted=put_policy_in_force")
        (command,) = two_versions.cases.acts
        assert isinstance(command, RequestPolicyAdoption)
        assert (command.policy.load_policy().title, command.adopts, command.puts_in_force) == ("Drittes", True, True)
        same = await send_draft(client, write_policy(NEW))
        assert f"raise its version to {NEW.version + 1}" in same
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        assert "/act/put_policy_in_force" not in await send_draft(client, third)


async def test_whoever_decides_sees_what_would_be_in_force_and_everybody_who_asked(as_role: As, two_versions: PortfolioWorld) -> None:
    draft = PolicySnapshot.from_policy(NEW.model_copy(update={"version": NEW.version + 1, "title": "Drittes"}))
    case = submit_draft(two_versions, draft)
    details: dict[str, FactValue] = {
        "policy": "standard",
        "policy_version": draft.version,
        "invoices_affected": 1,
        "draft_sha256": draft.sha256,
    }
    approval = store_approval(
        two_versions, {"XXX": 0}, account="", requester="mira", matter=ApprovalType.POLICY_CHANGE, facts=DecisionFacts(), details=details
    )
    async with as_role(Role.FINANCE_DIRECTOR, Accept="text/html") as client:
        shown = await page(client, "/policies/standard")
        assert f"Version {draft.version} is to be put in force" in words(shown)
        assert "Asked for by mira; it would reach 1 open invoice." in words(shown)
        assert "<ins>+ title: Drittes</ins>" in shown
        deciding = await page(client, f"/approvals/{approval.journal.case_id}")
        assert f"Version {draft.version} of the policy “standard” would be put in force; 1 open invoice would go on by it." in words(
            deciding
        )
        assert "<ins>+ title: Drittes</ins>" in deciding
        case.apply_approval_outcome(ApprovalOutcome(number=1, result=ApprovalResult.APPROVED, by="dora"), NOW)
        PolicyStore(two_versions.database, LetterTemplates()).put_in_force(draft, NEW.version)
        case.apply_force_result(ForceResult(), NOW)
        write_case(two_versions, case, build_case_view)
        put = words(await page(client, "/policies/standard"))
        assert "asked for by mira, agreed to by dora" in put
        assert "is to be put in force" not in put


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_folder_that_lies_behind_is_told(as_role: As, two_versions: PortfolioWorld) -> None:
    value = {"names": ["standard"], "folder": {"standard": OLD.version}, "newest": {"standard": NEW.version}}
    with two_versions.database.writing() as session:
        session.merge(Setting(name=IN_FORCE_SETTING, value=value))
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        for path in ("/policies", "/policies/standard"):
            assert f"The folder of policies has version {OLD.version} of “standard”" in words(await page(client, path))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_the_list_of_cases_names_who_asked_for_a_draft_to_be_put_in_force(as_role: As, two_versions: PortfolioWorld) -> None:
    submit_draft(two_versions, PolicySnapshot.from_policy(NEW.model_copy(update={"version": NEW.version + 1, "title": "Drittes"})))
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as client:
        shown = await page(client, "/cases?kind=policy_adoption")
        [row] = re.findall(r"<tbody>.*</tbody>", shown, re.DOTALL)
        assert "mira" in words(row)


def submit_draft(world: PortfolioWorld, draft: PolicySnapshot) -> AdoptionCase:
    """Its case as it waits for approval, with its text where those who decide find it."""
    DocumentStore(world.database).add("draft.json", "application/json", draft.text.encode(), "mira", NOW.business)
    case = AdoptionCase(journal=Journal(case_id=ids.policy_adoption_case_id(draft.name), account_id=""))
    command = RequestPolicyAdoption(act_id="a", actor="mira", policy=draft, invoices=1, puts_in_force=True, replaces=NEW.version)
    case.request_adoption(command, NOW)
    write_case(world, case, build_case_view)
    return case


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_what_is_not_set_up_is_named(app: FastAPI, as_role: As, two_versions: PortfolioWorld) -> None:
    identity = IdentityStore(two_versions.database)
    identity.add_user("paul", Role.CREDIT_ANALYST)
    gaps = find_setup_gaps(app.state.parts)
    assert SetupGap(GapKind.ADDRESS, user="paul") in gaps
    assert SetupGap(GapKind.ROLE, Role.WRITE_OFF_ANALYST) in gaps
    assert SetupGap(GapKind.ROLE, Role.CREDIT_ANALYST) not in gaps
    assert GapKind.MAIL in [gap.kind for gap in gaps]
    async with as_role(Role.ADMIN, Accept="text/html") as client:
        assert re.search(r"Nobody has the role: ([\w ]+, )*write-off analyst\b", words(await page(client, "/policies")))
    for role in Role:
        identity.add_user(f"one-{role.value}", role, email="x@lindenhof.de")
    identity.add_user("paul", Role.CREDIT_ANALYST, email="paul@lindenhof.de")
    identity.add_user("admin-1", Role.ADMIN, email="a@lindenhof.de")
    company = app.state.parts.company.model_copy(update={"name": "Lindenhof GmbH"})
    ready = replace(app.state.parts, inbox=None, letter_sender="mahnung@lindenhof.de", company=company)
    assert find_setup_gaps(ready) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_the_pages_are_in_the_readers_language(as_role: As, two_versions: PortfolioWorld) -> None:
    for language in ("de", "fr", "es"):
        IdentityStore(two_versions.database).add_user("admin-1", Role.ADMIN, language=language)
        async with as_role(Role.ADMIN, Accept="text/html") as client:
            for html in (
                await page(client, "/policies/standard"),
                await send_draft(client, write_policy(NEW)),
                await send_draft(client, write_policy(NEW.model_copy(update={"version": NEW.version + 1}))),
                await send_draft(client, "x"),
            ):
                said = re.sub(r'<li lang="en">.*?</li>|<textarea.*?</textarea>', " ", html, flags=re.DOTALL)
                assert find_english(" ".join(visible_words(said)), language) == []


def test_steps_stand_in_their_order_and_near_ones_have_their_numbers_apart() -> None:
    picture = draw_timeline(OLD)
    places = [drawn.x for drawn in picture.steps]
    assert places == sorted(places)
    assert 0 <= picture.due_x <= 100
    assert [drawn.number for drawn in picture.steps] == list(range(1, len(OLD.timeline) + 1))


def test_a_policy_beside_itself_has_no_differences() -> None:
    assert list_differences(OLD, OLD) == []
    kinds = [line.kind for line in list_differences(OLD, NEW)]
    assert "added" in kinds
    assert "removed" in kinds
