"""Who collects which account: by hand, by rule, by file, and under cover."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from adapters.database.tables import Account, Case, PortfolioChange, Task
from adapters.identity.users_and_tokens import IdentityStore
from adapters.portfolio.assignments import AssignmentContext, CollectorChangeFeed, PortfolioAssignments
from domain.roles import Role
from tests.api.conftest import Client, Problem
from tests.api.portfolio_world import REAL_NOW, TODAY, PortfolioWorld
from tests.api.test_imports import GOOD, upload

MANAGER = "collections_manager-1"


@pytest.fixture
def team(world: PortfolioWorld) -> PortfolioWorld:
    """Anna, Ben and Cleo collect; Nils has left."""
    identity = IdentityStore(world.database)
    for name in ("anna", "ben", "cleo", "nils"):
        identity.add_user(name, Role.COLLECTOR)
    identity.deactivate_user("nils")
    return world


def collectors(world: PortfolioWorld) -> dict[str, str | None]:
    with world.database.reading() as session:
        return {row.id: row.collector for row in session.exec(select(Account).order_by(Account.id))}


def assignees(world: PortfolioWorld) -> dict[str, str | None]:
    with world.database.reading() as session:
        return {row.key: row.assignee for row in session.exec(select(Task).order_by(Task.key))}


def changes(world: PortfolioWorld) -> list[PortfolioChange]:
    with world.database.reading() as session:
        return list(session.exec(select(PortfolioChange).order_by(col(PortfolioChange.id))))


async def reassign(manager: Client, **body: Any) -> dict[str, Any]:
    answer = await manager.post("/v1/portfolios/reassignments", json={"why": "holidays", **body})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def write_rules(manager: Client, *rules: dict[str, Any]) -> int:
    answer = await manager.put("/v1/portfolios/rules", json={"rules": list(rules)})
    assert answer.status_code == 200, answer.text
    version: int = answer.json()["version"]
    return version


async def apply(manager: Client, **body: Any) -> dict[str, Any]:
    answer = await manager.post("/v1/portfolios/rules/apply", json=body)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


# --- by hand


async def test_an_account_goes_with_its_open_tasks_and_the_record_says_who_and_why(team: PortfolioWorld, manager: Client) -> None:
    team.account("A-1", collector="anna")
    for key, assignee, state, role in (
        ("mine", "anna", "open", "collector"),
        ("nobodys", None, "open", "collector"),
        ("colleagues", "cleo", "open", "collector"),
        ("over", "anna", "done", "collector"),
        ("managers", None, "open", "collections_manager"),
    ):
        team.add(Task(key=key, kind="no_address", account_id="A-1", assignee=assignee, state=state, role=role, due_on=TODAY))
    answer = await reassign(manager, accounts=["A-1"], to="ben", why="Anna leaves")
    assert (answer["moved"], answer["tasks"]) == (1, 2)
    assert collectors(team) == {"A-1": "ben"}
    assert assignees(team) == {"colleagues": "cleo", "managers": None, "mine": "ben", "nobodys": "ben", "over": "anna"}
    (change,) = (await manager.get("/v1/portfolios/changes?account=A-1")).json()["items"]
    assert {name: change[name] for name in ("from_collector", "to_collector", "cause", "why", "tasks", "made_by")} == {
        "from_collector": "anna",
        "to_collector": "ben",
        "cause": "hand",
        "why": "Anna leaves",
        "tasks": 2,
        "made_by": MANAGER,
    }


async def test_all_accounts_of_one_who_leaves_go_at_once(team: PortfolioWorld, manager: Client) -> None:
    for id, collector in (("A-1", "nils"), ("A-2", "nils"), ("A-3", "anna")):
        team.account(id, collector=collector)
    assert (await reassign(manager, from_collector="nils", to="ben"))["moved"] == 2
    assert collectors(team) == {"A-1": "ben", "A-2": "ben", "A-3": "anna"}


async def test_a_reassignment_that_is_repeated_counts_once(team: PortfolioWorld, manager: Client) -> None:
    team.account("A-1", collector="anna")
    body = {"accounts": ["A-1"], "to": "ben", "why": "x"}
    first, again = [await manager.post("/v1/portfolios/reassignments", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert first.json() == again.json()
    assert len(changes(team)) == 1
    assert (await reassign(manager, accounts=["A-1"], to="ben"))["moved"] == 0


async def test_nothing_moves_when_one_account_does_not_exist(team: PortfolioWorld, manager: Client, problem: Problem) -> None:
    team.account("A-1", collector="anna")
    answer = await manager.post("/v1/portfolios/reassignments", json={"accounts": ["A-1", "A-9"], "to": "ben", "why": "x"})
    assert "A-9" in problem(answer, 404)["detail"]
    assert collectors(team) == {"A-1": "anna"}


@pytest.mark.parametrize("to", ["nils", "nobody"])
async def test_accounts_go_only_to_active_collectors(team: PortfolioWorld, manager: Client, problem: Problem, to: str) -> None:
    team.account("A-1", collector="anna")
    problem(await manager.post("/v1/portfolios/reassignments", json={"accounts": ["A-1"], "to": to, "why": "x"}), 422)
    assert collectors(team) == {"A-1": "anna"}


@pytest.mark.parametrize("which", [{}, {"accounts": ["A-1"], "from_collector": "anna"}])
async def test_a_reassignment_names_either_accounts_or_their_collector(
    team: PortfolioWorld, manager: Client, problem: Problem, which: dict[str, Any]
) -> None:
    problem(await manager.post("/v1/portfolios/reassignments", json={"to": "ben", "why": "x", **which}), 422)


async def test_the_open_cases_of_accounts_are_named_for_those_who_tell_their_workflows(team: PortfolioWorld) -> None:
    for id in ("A-1", "A-2", "A-3"):
        team.account(id)
    for id, account, outcome in (("plan:A-1:1", "A-1", None), ("invoice:I-1", "A-1", None), ("x", "A-2", "paid"), ("y", "A-3", None)):
        team.add(
            Case(
                case_id=id,
                run_id="r",
                kind="x",
                account_id=account,
                stage="x",
                waiting_for="x",
                outcome=outcome,
                seq=1,
                head="h",
                updated_at=REAL_NOW,
            )
        )
    doing = AssignmentContext("move", "mona", REAL_NOW, REAL_NOW)
    PortfolioAssignments(team.database).reassign_accounts(["A-1", "A-2"], "ben", doing)
    news = CollectorChangeFeed(team.database)
    changes, found = news.list_unnotified_changes(10)
    assert sorted(found) == ["invoice:I-1", "plan:A-1:1"]
    assert set(found.values()) == {"ben"}
    news.mark_notified(changes)
    assert news.list_unnotified_changes(10) == ([], {})


# --- by rule


async def test_a_preview_shows_what_applying_then_does(team: PortfolioWorld, manager: Client) -> None:
    team.account("A-1", name="Ångström AB", collector=None)
    team.account("A-2", name="Zimmerei", collector=None)
    team.account("A-3", name="Anker", collector="cleo")
    version = await write_rules(manager, {"collector": "anna", "letters": "A-F"})
    preview = await apply(manager)
    assert (preview["dry_run"], preview["by_collector"], preview["unplaced"]) == (True, {"anna": 1}, 1)
    assert collectors(team) == {"A-1": None, "A-2": None, "A-3": "cleo"}
    done = await apply(manager, dry_run=False, version=version)
    assert {**done, "dry_run": True} == preview
    assert collectors(team) == {"A-1": "anna", "A-2": None, "A-3": "cleo"}
    assert [(change.cause, change.rules_version, change.made_by) for change in changes(team)] == [("rule", version, MANAGER)]
    assert (await apply(manager, dry_run=False))["moved"] == 0


async def test_new_rules_move_what_a_rule_placed_and_leave_what_a_person_chose(team: PortfolioWorld, manager: Client) -> None:
    for id in ("A-1", "A-2"):
        team.account(id, collector=None)
    await write_rules(manager, {"collector": "anna"})
    await apply(manager, dry_run=False)
    await reassign(manager, accounts=["A-2"], to="ben")
    await write_rules(manager, {"collector": "cleo"})
    await apply(manager, dry_run=False)
    assert collectors(team) == {"A-1": "cleo", "A-2": "ben"}


async def test_rules_that_changed_since_the_preview_are_not_applied(team: PortfolioWorld, manager: Client, problem: Problem) -> None:
    team.account("A-1", collector=None)
    seen = await write_rules(manager, {"collector": "anna"})
    await write_rules(manager, {"collector": "ben"})
    problem(await manager.post("/v1/portfolios/rules/apply", json={"dry_run": False, "version": seen}), 409)
    assert collectors(team) == {"A-1": None}


async def test_accounts_of_a_rule_whose_collector_left_go_where_the_next_rule_says(team: PortfolioWorld, manager: Client) -> None:
    team.account("A-1", collector=None)
    await write_rules(manager, {"collector": "anna", "countries": ["DE"]}, {"collector": "ben"})
    IdentityStore(team.database).deactivate_user("anna")
    await apply(manager, dry_run=False)
    assert collectors(team) == {"A-1": "ben"}


async def test_rules_are_versions_and_the_same_ones_are_no_new_version(team: PortfolioWorld, manager: Client) -> None:
    assert (await manager.get("/v1/portfolios/rules")).json()["version"] == 0
    rule = {"collector": "anna", "countries": ["DE"], "segments": ["key"], "letters": "A-F"}
    assert [await write_rules(manager, rule), await write_rules(manager, rule), await write_rules(manager)] == [1, 1, 2]
    answer = await manager.get("/v1/portfolios/rules")
    assert (answer.json()["rules"], answer.json()["made_by"], answer.headers["etag"]) == ([], MANAGER, '"2"')


async def test_whoever_edits_rules_that_another_has_changed_is_told(team: PortfolioWorld, manager: Client, problem: Problem) -> None:
    await write_rules(manager, {"collector": "anna"})
    body = {"rules": [{"collector": "ben"}]}
    problem(await manager.put("/v1/portfolios/rules", json=body, headers={"If-Match": '"0"'}), 409)
    problem(await manager.put("/v1/portfolios/rules", json=body, headers={"If-Match": "soon"}), 422)
    for _ in range(2):
        assert (await manager.put("/v1/portfolios/rules", json=body, headers={"If-Match": '"1"'})).json()["version"] == 2


@pytest.mark.parametrize(
    ("rules", "pointer"),
    [
        ([{"collector": "nils"}], "/rules/0"),
        ([{"collector": "anna"}, {"collector": "ben", "letters": "A"}], "/rules/1"),
        ([{"collector": "anna", "letters": "F-A"}], "/rules/0/letters"),
        ([{"collector": "anna", "contries": ["DE"]}], "/rules/0/contries"),
    ],
)
async def test_rules_that_cannot_work_are_refused_and_pointed_at(
    team: PortfolioWorld, manager: Client, problem: Problem, rules: list[dict[str, Any]], pointer: str
) -> None:
    document = problem(await manager.put("/v1/portfolios/rules", json={"rules": rules}), 422)
    assert document["errors"][0]["pointer"] == pointer
    assert (await manager.get("/v1/portfolios/rules")).json()["version"] == 0


# --- by file


def with_collector(row: str, collector: str, due: str = "2013-02-10") -> dict[str, Any]:
    given = upload(row.replace("2013-02-10", due) + "," + collector)
    name, content, media = given["files"]["file"]
    return {**given, "files": {"file": (name, content.replace(b",email\n", b",email,collector\n"), media)}}


async def test_an_imported_account_that_names_no_collector_goes_where_the_rules_put_it(team: PortfolioWorld, manager: Client) -> None:
    version = await write_rules(manager, {"collector": "ben", "letters": "A-F"})
    assert (await manager.post("/v1/imports", **upload(GOOD))).status_code == 201
    assert collectors(team) == {"A-1": "ben"}
    assert [(change.cause, change.to_collector, change.rules_version) for change in changes(team)] == [("rule", "ben", version)]


async def test_the_files_own_word_goes_before_the_rules(team: PortfolioWorld, manager: Client) -> None:
    await write_rules(manager, {"collector": "ben"})
    await manager.post("/v1/imports", **with_collector(GOOD, "anna"))
    assert (collectors(team), changes(team)) == ({"A-1": "anna"}, [])


async def test_a_file_that_names_another_collector_takes_the_tasks_along_and_is_on_record(team: PortfolioWorld, manager: Client) -> None:
    await manager.post("/v1/imports", **with_collector(GOOD, "anna"))
    team.add(Task(key="call", kind="call", account_id="A-1", assignee="anna", due_on=TODAY))
    await manager.post("/v1/imports", **with_collector(GOOD, "cleo", due="2013-02-11"))
    assert (collectors(team), assignees(team)) == ({"A-1": "cleo"}, {"call": "cleo"})
    assert [(change.cause, change.from_collector, change.to_collector) for change in changes(team)] == [("file", "anna", "cleo")]


async def test_a_file_does_not_undo_what_a_person_decided(team: PortfolioWorld, manager: Client) -> None:
    await manager.post("/v1/imports", **with_collector(GOOD, "anna"))
    await reassign(manager, accounts=["A-1"], to="ben")
    await manager.post("/v1/imports", **with_collector(GOOD, "anna", due="2013-02-12"))
    assert collectors(team) == {"A-1": "ben"}


# --- cover


def cover(first: int = 0, last: int = 7, **body: Any) -> dict[str, Any]:
    days = {"first_day": str(TODAY + timedelta(days=first)), "last_day": str(TODAY + timedelta(days=last))}
    return {"collector": "anna", "covered_by": "ben", **days, **body}


async def test_a_cover_is_listed_until_its_last_day_or_until_it_is_ended(team: PortfolioWorld, manager: Client) -> None:
    made = await manager.post("/v1/portfolios/cover", json=cover())
    assert made.status_code == 201
    assert (await manager.get("/v1/portfolios/cover")).json() == [made.json()]
    for _ in range(2):
        ended = await manager.delete(f"/v1/portfolios/cover/{made.json()['id']}")
        assert (ended.status_code, ended.json()["ended_by"]) == (200, MANAGER)
    assert (await manager.get("/v1/portfolios/cover")).json() == []


@pytest.mark.parametrize("wrong", [cover(-9, -1), cover(5, 4), cover(covered_by="Anna"), cover(covered_by="nils"), cover(covered_by="x")])
async def test_a_cover_that_cannot_be_is_refused(team: PortfolioWorld, manager: Client, problem: Problem, wrong: dict[str, Any]) -> None:
    problem(await manager.post("/v1/portfolios/cover", json=wrong), 422)
    assert (await manager.get("/v1/portfolios/cover")).json() == []


async def test_the_same_two_have_one_cover_on_a_day(team: PortfolioWorld, manager: Client, problem: Problem) -> None:
    await manager.post("/v1/portfolios/cover", json=cover(0, 7))
    problem(await manager.post("/v1/portfolios/cover", json=cover(7, 9)), 409)
    assert (await manager.post("/v1/portfolios/cover", json=cover(7, 9, covered_by="cleo"))).status_code == 201
    assert (await manager.post("/v1/portfolios/cover", json=cover(8, 9))).status_code == 201


async def test_an_unknown_cover_is_not_found(team: PortfolioWorld, manager: Client, problem: Problem) -> None:
    problem(await manager.delete("/v1/portfolios/cover/none"), 404)


# --- in figures


async def test_each_portfolio_shows_its_accounts_money_tasks_and_cover(team: PortfolioWorld, manager: Client) -> None:
    team.account("A-1", collector="anna")
    team.account("A-2", collector="nils")
    team.account("A-3", collector=None)
    team.invoice("I-1", started=False)
    team.invoice("I-2", started=False, total=1_000, currency="GBP")
    team.add(
        Task(key="a", kind="call", account_id="A-1", due_on=TODAY),
        Task(key="b", kind="no_address", account_id="A-1", assignee="ben", due_on=TODAY),
    )
    await manager.post("/v1/portfolios/cover", json=cover())
    await manager.post("/v1/portfolios/cover", json=cover(1, 3, covered_by="cleo"))
    shown = {item["collector"]: item for item in (await manager.get("/v1/portfolios")).json()["items"]}
    assert list(shown) == ["anna", "ben", "cleo", "nils", None]
    assert shown["anna"] == {
        "collector": "anna",
        "active": True,
        "accounts": 1,
        "open_tasks": 1,
        "open_balances": [{"amount": "250.00", "currency": "EUR"}, {"amount": "10.00", "currency": "GBP"}],
        "covered_by": [{"covered_by": "ben", "last_day": "2013-03-08"}],
    }
    assert (shown["ben"]["accounts"], shown["ben"]["open_tasks"]) == (0, 1)
    assert (shown["nils"]["active"], shown["nils"]["accounts"], shown[None]["accounts"]) == (False, 1, 1)


async def test_portfolios_and_changes_come_in_pages(team: PortfolioWorld, manager: Client) -> None:
    team.account("A-1", collector=None)
    for to in ("anna", "ben", "cleo"):
        await reassign(manager, accounts=["A-1"], to=to)
    lists = (("portfolios", "collector", ["anna", "ben", "cleo"]), ("portfolios/changes", "to_collector", ["cleo", "ben", "anna"]))
    for path, name, expected in lists:
        first = (await manager.get(f"/v1/{path}?limit=2")).json()
        rest = (await manager.get(f"/v1/{path}?limit=2&cursor={first['next']}")).json()
        assert [item[name] for item in [*first["items"], *rest["items"]]] == expected
        assert rest["next"] is None
