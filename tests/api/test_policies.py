"""The policies in force, and what the last start refused."""

from datetime import timedelta
from pathlib import Path

import pytest

from adapters.cases.case_store import CaseStore
from adapters.config.settings import PROJECT
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.policy_drafts import find_draft
from adapters.policies.policy_store import PolicyStore
from domain.case_write import CaseWrite
from domain.invoice.carried_state import CarriedState
from domain.journal.journal import Journal
from domain.policy_adoption.adoption_case import AdoptionCase
from domain.policy_adoption.commands import RequestPolicyAdoption
from domain.policy_adoption.view import build_case_view
from domain.roles import Role
from tests.adapters.policies.test_policy_store import folder
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import POLICY, TODAY, PortfolioWorld, moment_on

STANDARD = (PROJECT / "policies" / "standard.yaml").read_text(encoding="utf-8")


@pytest.fixture
def store(world: PortfolioWorld) -> PolicyStore:
    """The project's own policies are in force."""
    store = PolicyStore(world.database, LetterTemplates())
    store.load_folder_or_keep(PROJECT / "policies")
    return store


def refuse(store: PolicyStore, tmp_path: Path) -> None:
    store.load_folder_or_keep(folder(tmp_path / "p", standard=STANDARD.replace("catch_up_days: 3", "catch_up_days: 1")))


async def test_the_policies_in_force_are_listed(store: PolicyStore, auditor: Client) -> None:
    answer = (await auditor.get("/v1/policies")).json()

    assert [(row["policy"], row["version"], row["segments"]) for row in answer["items"]] == [("standard", POLICY.version, [])]
    assert answer["matrix_version"] == 1
    assert answer["refused"] is None


async def test_what_the_last_start_refused_is_said_wherever_somebody_may_look(
    store: PolicyStore, auditor: Client, as_role: As, tmp_path: Path
) -> None:
    refuse(store, tmp_path)

    answer = (await auditor.get("/v1/policies")).json()
    metrics = (await auditor.get("/metrics")).text
    async with as_role(None) as probe:
        ready = await probe.get("/readyz")
    async with as_role(Role.ADMIN) as admin:
        page = (await admin.get("/")).text

    assert f"raise the version to {POLICY.version + 1}" in answer["refused"]["faults"][0]
    assert [row["version"] for row in answer["items"]] == [POLICY.version]
    assert "\nduecourse_policies_refused 1\n" in metrics
    assert ready.status_code == 200
    assert "GET /v1/policies" in ready.json()["warnings"][0]
    assert 'role="alert"' in page
    assert f"raise the version to {POLICY.version + 1}" in page


async def test_nothing_is_said_while_all_is_well(store: PolicyStore, as_role: As) -> None:
    async with as_role(None) as probe:
        assert (await probe.get("/readyz")).json() == {"status": "ok", "warnings": []}
    async with as_role(Role.ADMIN) as admin:
        assert '<div class="banner"' not in (await admin.get("/")).text


# --- a later version reaches the open invoices


def put_later_version_in_force(store: PolicyStore, tmp_path: Path) -> None:
    later = STANDARD.replace("version: 3", "version: 4").replace("{day: 7,  step: second_reminder,", "{day: 10, step: second_reminder,")
    assert later.count("day: 10, step: second_reminder") == 1
    store.load_folder(folder(tmp_path / "p", standard=later))


async def test_what_an_adoption_would_change_is_shown_and_nothing_is_changed(
    store: PolicyStore, world: PortfolioWorld, collector: Client, tmp_path: Path
) -> None:
    world.account()
    reminded = world.invoice("I-1", due=TODAY - timedelta(days=2))
    assert reminded
    world.steps(reminded, 1)
    world.invoice("I-2")
    put_later_version_in_force(store, tmp_path)

    shown = (await collector.get("/v1/policies/standard/adoption")).json()

    assert (shown["version"], shown["invoices"], shown["by_version"], shown["adoption"]) == (4, 2, {"3": 2}, None)
    changes = {change["step_before"]: (change["change"], change["invoices"], change["examples"]) for change in shown["changes"]}
    assert changes["second_reminder"] == ("later", 1, ["I-1"])
    assert world.cases.begun == []


async def test_an_adoption_is_begun_for_whoever_may_ask(
    store: PolicyStore, world: PortfolioWorld, manager: Client, problem: Problem, tmp_path: Path
) -> None:
    world.account()
    world.invoice("I-1")
    put_later_version_in_force(store, tmp_path)

    answer = await manager.post("/v1/policies/standard/adoption")

    assert answer.status_code == 200, answer.text
    (begun,), (command,) = world.cases.begun, world.cases.acts
    assert (begun.case_id, begun.account_id) == ("adoption:standard", "")
    assert isinstance(command, RequestPolicyAdoption)
    assert (command.policy.version, command.invoices, command.actor) == (4, 1, "collections_manager-1")
    world.cases.running["adoption:standard"] = "the adoption of standard version 4 is under way"
    assert "under way" in problem(await manager.post("/v1/policies/standard/adoption"), 409)["detail"]


async def test_an_adoption_of_nothing_or_of_no_policy_is_refused_and_a_collector_may_ask_for_none(
    store: PolicyStore, world: PortfolioWorld, manager: Client, collector: Client, problem: Problem
) -> None:
    world.account()
    world.invoice("I-1")

    assert "nothing to move" in problem(await manager.post("/v1/policies/standard/adoption"), 409)["detail"]
    assert "name one of: standard" in problem(await manager.post("/v1/policies/gentle/adoption"), 404)["detail"]
    assert "name one of: standard" in problem(await manager.get("/v1/policies/gentle/adoption"), 404)["detail"]
    assert "collections_manager" in problem(await collector.post("/v1/policies/standard/adoption"), 403)["detail"]
    assert world.cases.begun == []


async def test_how_far_an_adoption_has_come_is_shown_and_its_approval_is_in_the_list(
    store: PolicyStore, world: PortfolioWorld, auditor: Client
) -> None:
    case = AdoptionCase(journal=Journal(case_id="adoption:standard", account_id=""))
    case.request_adoption(RequestPolicyAdoption(act_id="a", actor="mira", policy=POLICY, invoices=12), moment_on(TODAY))
    case.left = 5
    record = CaseWrite(
        now=moment_on(TODAY).business,
        entries=list(case.journal.pending),
        case=build_case_view(case, "run"),
        carried=CarriedState(**case.build_earlier_run().model_dump()),
    )
    CaseStore(world.database).write([record])

    shown = (await auditor.get("/v1/policies/standard/adoption")).json()["adoption"]

    assert (shown["stage"], shown["total"], shown["left"], shown["requester"]) == ("approval", 12, 5, "mira")
    assert shown["approval"] == "approval:adoption:standard:1"


# --- a later version is put in force


LATER = STANDARD.replace("version: 3", "version: 4").replace("{day: 7,  step: second_reminder,", "{day: 10, step: second_reminder,")


async def test_a_later_version_is_asked_for_with_its_text_for_those_who_decide(
    store: PolicyStore, world: PortfolioWorld, manager: Client
) -> None:
    world.account()
    world.invoice("I-1")
    answer = await manager.post("/v1/policies/standard/versions", json={"text": LATER, "applies_to": "open_invoices", "replaces": 3})
    assert answer.status_code == 200, answer.text
    (begun,), (command,) = world.cases.begun, world.cases.acts
    assert begun.case_id == "adoption:standard"
    assert isinstance(command, RequestPolicyAdoption)
    assert (command.puts_in_force, command.adopts, command.replaces, command.invoices) == (True, True, 3, 1)
    draft = find_draft(world.database, command.policy.sha256)
    assert draft is not None
    assert draft.version == 4
    assert [snapshot.version for snapshot in store.list_in_force()] == [3], "nothing is in force before somebody agrees"
    world.cases.running["adoption:standard"] = "putting in force standard version 4 is under way"
    assert (await manager.post("/v1/policies/standard/versions", json={"text": LATER})).status_code == 409


async def test_what_cannot_be_put_in_force_is_said_fault_by_fault_and_nothing_is_begun(
    store: PolicyStore, world: PortfolioWorld, manager: Client, collector: Client, problem: Problem
) -> None:
    async def ask(text: str, name: str = "standard", status: int = 422, **more: object) -> str:
        answer = problem(await manager.post(f"/v1/policies/{name}/versions", json={"text": text, **more}), status)
        return " ".join([answer["detail"], *(error["detail"] for error in answer["errors"])])

    assert "draft.yaml:" in await ask(LATER.replace("catch_up_days: 3", "catch_up_days: 0"))
    assert "draft.yaml:" in await ask("policy: [")
    assert "raise the version to 4" in await ask(STANDARD)
    assert "was in force with another text" in await ask(LATER.replace("version: 4", "version: 3"))
    assert "not of 'standard'" in await ask(LATER.replace("policy: standard", "policy: gentle").replace("segments: []", "segments: [soft]"))
    assert "approval matrix" in await ask((PROJECT / "policies" / "approvals.yaml").read_text(encoding="utf-8"))
    assert "at most 100000 characters" in await ask("#" * 300_000)
    assert "name one of: standard" in await ask(LATER, name="gentle", status=404)
    assert "version 3 of standard is in force, not version 2" in await ask(LATER, status=409, replaces=2)
    assert "applies_to" in await ask(LATER, applies_to="nobody")
    problem(await collector.post("/v1/policies/standard/versions", json={"text": LATER}), 403)
    assert (world.cases.begun, world.cases.acts) == ([], [])
