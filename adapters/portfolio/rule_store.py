"""The portfolio rules, version by version, and those that can be applied now."""

from collections.abc import Collection, Sequence
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import PortfolioRuleSet, User
from domain.errors import UserError
from domain.portfolio.assignment_rules import PortfolioRule, find_unreachable_rule
from domain.refusal import Refusal
from domain.roles import Role

COLLECTING_ROLES = frozenset({Role.COLLECTOR, Role.COLLECTIONS_MANAGER})
"""The roles whose users may have accounts."""


class InvalidRuleError(Exception):
    """A rule that cannot be stored. `place` is its index from 0; the message, which is `why`, names the correction."""

    def __init__(self, place: int, why: Refusal) -> None:
        super().__init__(why)
        self.place, self.why = place, why


class RulesChangedError(UserError):
    """Somebody else has changed the rules in the meantime."""

    title = "The rules have changed in the meantime"
    status = 409
    problem_type = "changed"


class RuleSet(BaseModel):
    """The rules at one version. Version 0 means that none were written yet."""

    version: int = 0
    rules: list[PortfolioRule] = []
    made_by: str | None = None
    recorded_at: datetime | None = None


class PortfolioRuleStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get_current(self) -> RuleSet:
        with self._database.reading() as session:
            return load_current_rules(session)

    def add_version(self, rules: Sequence[PortfolioRule], made_by: str, now: datetime, known_version: int | None = None) -> RuleSet:
        """Store a new version, unless the rules are those in force, as when they are sent twice. `now` is real time; `known_version`: the
        one that the author has seen.

        Raises InvalidRuleError and RulesChangedError.
        """
        with self._database.writing() as session:
            self._database.take_turns(session, PortfolioRuleSet.__tablename__)
            before = load_current_rules(session)
            if before.version and list(rules) == before.rules:
                return before
            if known_version is not None and known_version != before.version:
                raise RulesChangedError(f"the rules are at version {before.version} by now, not {known_version}; read them again")
            self._validate_rules(session, rules)
            kept = RuleSet(version=before.version + 1, rules=list(rules), made_by=made_by, recorded_at=now)
            rows = [rule.model_dump(mode="json") for rule in rules]
            session.add(PortfolioRuleSet(version=kept.version, rules=rows, made_by=made_by, recorded_at=now))
            return kept

    def _validate_rules(self, session: Session, rules: Sequence[PortfolioRule]) -> None:
        people = load_collecting_users(session)
        for place, rule in enumerate(rules):
            if rule.collector not in people:
                raise InvalidRuleError(
                    place,
                    Refusal(
                        "portfolio.no_collector",
                        "'{person}' is no active user who collects; name one who is collector",
                        person=rule.collector,
                    ),
                )
        if hidden := find_unreachable_rule(rules):
            later, earlier = hidden
            sentence = Refusal(
                "portfolio.never_wins",
                "rule {later} never wins, for rule {earlier} takes all its accounts; put it before that one",
                later=later + 1,
                earlier=earlier + 1,
            )
            raise InvalidRuleError(later, sentence)


def load_current_rules(session: Session) -> RuleSet:
    row = session.scalars(select(PortfolioRuleSet).order_by(col(PortfolioRuleSet.version).desc()).limit(1)).first()
    return RuleSet.model_validate(row.model_dump()) if row else RuleSet()


def load_usable_rules(session: Session) -> RuleSet:
    """Load the rules without those whose collector has left: their accounts go by the next rule that matches."""
    known = load_current_rules(session)
    if not known.rules:
        return known
    people = load_collecting_users(session)
    return known.model_copy(update={"rules": [rule for rule in known.rules if rule.collector in people]})


def load_collecting_users(session: Session, roles: Collection[Role] = COLLECTING_ROLES) -> set[str]:
    """Load the active users who may have accounts, or who have one of `roles`."""
    users = session.execute(select(col(User.name), col(User.roles)).where(col(User.active)))
    return {name for name, has in users if not set(roles).isdisjoint(has)}
