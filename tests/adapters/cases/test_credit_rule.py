"""What the policies say of unapplied credit: applied at once, proposed as a task that follows the credit, or left alone."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from sqlmodel import col, select

from adapters.cases.credit_rule import CreditRule
from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import Account, Task, User
from adapters.ledger.ledger import Ledger
from adapters.policies.policy_store import PolicyStore
from domain.clock import Clock
from domain.policy.collection_policy import CreditUse, PolicySnapshot
from domain.roles import Role
from tests.adapters.ledger.builders import add_account, add_invoice, list_event_kinds
from tests.domain.builders import build_policy

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Policies:
    """Each use of credit is a segment."""

    def get_for_segment(self, segment: str) -> PolicySnapshot:
        use = {} if segment == "standard" else {"unapplied_credit": segment}
        return PolicySnapshot.from_policy(build_policy(**use))


class World:
    def __init__(self, database: Database) -> None:
        self.database, self.ledger = database, Ledger(database)
        self.rule = CreditRule(self.ledger, cast("PolicyStore", Policies()), database, Clock.real_time())

    def add_credit(self, account: str, use: str, amount: int = 3_000) -> None:
        """An account with an open invoice over 100.00 EUR, and so much credit (minor units)."""
        add_account(self.database, account)
        with self.database.writing() as session:
            session.get_one(Account, account).segment = use
        add_invoice(self.database, f"{account}-1", account_id=account)
        self.ledger.record_payment(f"P-{account}", account, "EUR", 10_000 + amount, AT.date(), "bank", f"{account}-1", at=AT)
        add_invoice(self.database, f"{account}-2", account_id=account)

    def run(self) -> int:
        self.rule._rests_until = 0
        return self.rule.run()

    def tasks(self) -> list[tuple[str, str, str]]:
        """(account, role, state) of every proposal."""
        with self.database.reading() as session:
            rows = session.exec(select(Task).order_by(col(Task.key))).all()
            return [(row.account_id, row.role, row.state) for row in rows]

    def change_tasks(self, **values: Any) -> None:
        with self.database.writing() as session:
            for task in session.exec(select(Task)).all():
                for name, value in values.items():
                    setattr(task, name, value)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_credit_is_proposed_unless_a_policy_says_otherwise() -> None:
    assert build_policy().unapplied_credit is CreditUse.PROPOSE
    assert "unapplied_credit" not in PolicySnapshot.from_policy(build_policy()).text, "a policy of before keeps its text"
    assert build_policy(unapplied_credit="at_once").unapplied_credit is CreditUse.AT_ONCE
    with pytest.raises(ValueError, match="unapplied_credit"):
        build_policy(unapplied_credit="sometimes")


def test_each_account_s_credit_is_used_as_its_policy_says(world: World) -> None:
    for account, use in (("A1", "at_once"), ("A2", "standard"), ("A3", "never")):
        world.add_credit(account, use)
    assert (world.run(), world.run()) == (1, 0)
    assert world.ledger.list_unapplied_credit(["A1", "A2", "A3"]) == {("A2", "EUR"): 3_000, ("A3", "EUR"): 3_000}
    assert world.ledger.list_credit_applications("A1")[0].recorded_by == "duecourse"
    assert list_event_kinds(world.database)[-1] == ("credit.applied", 3_000, "open")
    assert world.tasks() == [("A2", Role.BILLING_OPS, TaskState.OPEN)]


def test_a_proposal_ends_with_its_credit_and_comes_again_with_another(world: World) -> None:
    world.add_credit("A1", "propose")
    world.run()
    world.ledger.apply_unapplied_credit("A1", "EUR", at=AT)
    world.run()
    assert world.tasks() == [("A1", Role.BILLING_OPS, TaskState.DROPPED)]
    applied = world.ledger.list_credit_applications("A1")[0].key
    world.ledger.take_back_application("B1", applied, "for another", at=AT)
    world.run()
    assert world.tasks() == [("A1", Role.BILLING_OPS, TaskState.OPEN)]


def test_a_proposal_that_a_person_closed_comes_again_only_when_the_credit_changes(world: World) -> None:
    world.add_credit("A1", "propose")
    world.run()
    world.change_tasks(state=TaskState.DONE, closed_by="bea")
    world.run()
    assert [state for _, _, state in world.tasks()] == [TaskState.DONE]
    world.ledger.record_payment("P-9", "A1", "EUR", 500, AT.date(), "more", "A1-1", at=AT)
    world.run()
    assert sorted(state for _, _, state in world.tasks()) == [TaskState.DONE, TaskState.OPEN]


def test_a_house_without_billing_people_gives_the_proposal_to_the_manager(world: World) -> None:
    with world.database.writing() as session:
        session.add(User(name="tom", email="tom@ours.test", roles=[Role.COLLECTIONS_MANAGER.value]))
    world.add_credit("A1", "propose")
    world.run()
    assert world.tasks() == [("A1", Role.COLLECTIONS_MANAGER, TaskState.OPEN)]


def test_the_rule_rests_so_that_it_costs_little(world: World) -> None:
    world.add_credit("A1", "at_once")
    world.run()
    world.add_credit("A2", "at_once")
    world.rule._rests_until = float("inf")
    assert world.rule.run() == 0
    assert world.run() == 1
