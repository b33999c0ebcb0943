"""Who decides an approval: tier after tier, who has signed and who may, and who may not and why."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

from adapters.i18n.wording import fill_placeholders
from adapters.identity.users_and_tokens import KnownUser
from adapters.read_model.journal import JournalLine
from api.console.acts.wording import Reader
from api.context import ApiContext
from domain.approval.delegation import Delegation
from domain.approval.four_eyes import ApprovalParticipants, ConflictGround
from domain.approval.summary import ApprovalSummary
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.roles import Actor, Role, is_same_person

MOST_NAMES = 6


class GivenSignature(NamedTuple):
    """`on_behalf_of`: in whose place it was given; empty for one's own."""

    person: str
    on_behalf_of: str
    at: datetime


class DecidingTier(NamedTuple):
    """`people` may sign in it, and the reader where `is_reader` says so; with `has_many` they are too many to name, and `people` is empty.
    `is_asked`: it is asked now; `until`: its last day. `is_later`: it is asked once those before it have signed."""

    roles: list[str]
    quorum: int
    signatures: list[GivenSignature]
    people: list[str]
    has_many: bool
    is_reader: bool
    is_asked: bool
    is_later: bool
    until: date | None


class Deciders(NamedTuple):
    """`barred`: who may not, and why, in a sentence each. `matrix_version`: of the rules by which they were chosen, where that is known."""

    tiers: list[DecidingTier]
    barred: list[str]
    matrix_version: int | None


def list_deciders(
    context: ApiContext,
    actor: Actor,
    summary: ApprovalSummary,
    story: Sequence[JournalLine],
    delegations: Sequence[Delegation],
    reader: Reader,
) -> Deciders:
    """`delegations`: those that stand."""
    finder = _DeciderFinder(context.identity.list_users(), delegations, summary.participants.with_delegations(delegations))
    signed = _list_signatures(story)
    is_open = bool(summary.roles)
    tiers = [
        _build_tier(finder, actor, summary, roles, quorum, number, signed.get(number, []), is_open, reader)
        for number, (roles, quorum) in enumerate(_list_tiers(summary), 1)
    ]
    requested = next((line.facts for line in story if line.kind == EntryKind.APPROVAL_REQUESTED), {})
    version = requested.get("matrix_version")
    return Deciders(tiers, list(finder.describe_barred(reader)) if is_open else [], version if isinstance(version, int) else None)


def _build_tier(
    finder: "_DeciderFinder",
    actor: Actor,
    summary: ApprovalSummary,
    roles: list[Role],
    quorum: int,
    number: int,
    signatures: list[GivenSignature],
    is_open: bool,
    reader: Reader,
) -> DecidingTier:
    people = finder.list_people(roles) if is_open and number >= summary.tier else []
    others = [person for person in people if not is_same_person(person, actor.user)]
    return DecidingTier(
        roles=[reader.phrases.translate("roles", role.value) for role in roles],
        quorum=quorum,
        signatures=signatures,
        people=others if len(others) <= MOST_NAMES else [],
        has_many=len(others) > MOST_NAMES,
        is_reader=len(others) < len(people),
        is_asked=is_open and number == summary.tier,
        is_later=is_open and number > summary.tier,
        until=summary.due_on if is_open and number == summary.tier else None,
    )


def _list_tiers(summary: ApprovalSummary) -> list[tuple[list[Role], int]]:
    """The roles of each tier, and how many people must sign in it. Of a summary that does not say so, the one that is asked now."""
    tiers = [([each.role], each.quorum) for each in summary.signatories]
    if not tiers:
        return [(list(summary.roles), 1)] if summary.roles else []
    if summary.roles:
        tiers[summary.tier - 1] = (list(summary.roles), tiers[summary.tier - 1][1])
    return tiers


def _list_signatures(story: Sequence[JournalLine]) -> dict[int, list[GivenSignature]]:
    """Those that count, by tier: more that was asked for later made those before it void."""
    given: dict[int, list[GivenSignature]] = {}
    for line in story:
        if line.kind == EntryKind.APPROVAL_REVISED and line.facts.get("void_signatures"):
            given = {}
        elif line.kind == EntryKind.APPROVAL_SIGNED:
            tier = line.facts.get("tier")
            signature = GivenSignature(line.actor, str(line.facts.get("on_behalf_of") or ""), line.business_at)
            given.setdefault(tier if isinstance(tier, int) else 1, []).append(signature)
    return given


class _DeciderFinder:
    """Knows the people, and by the four-eyes rule who of them may not."""

    def __init__(self, users: Sequence[KnownUser], delegations: Sequence[Delegation], participants: ApprovalParticipants) -> None:
        self.users = [user for user in users if user.active]
        self.delegations, self.participants = delegations, participants

    def list_people(self, roles: Sequence[Role]) -> list[str]:
        """Who may sign in one of the roles: those who have it, and those who act for one of them."""
        own = [user.name for user in self.users if set(roles) & set(user.roles) and not self.participants.find_conflict(user.name)]
        given = [
            each.to_user
            for each in self.delegations
            if each.role in roles and not self.participants.find_conflict(each.to_user, each.from_user)
        ]
        return list(dict.fromkeys([*own, *given]))

    def describe_barred(self, reader: Reader) -> Iterator[str]:
        said = reader.phrases.approvals
        told = {
            ConflictGround.REQUESTER: said["not_requester"],
            ConflictGround.IN_PLACE_OF_REQUESTER: said["not_requester"],
            ConflictGround.ALSO_ASKED: said["not_also_asked"],
            ConflictGround.REPRESENTED: said["not_represented"],
            ConflictGround.SIGNED: said["not_signed"],
        }
        for person in dict.fromkeys([*self.participants.askers, *self.participants.acting_for, *self.participants.signers]):
            if person != SYSTEM and (conflict := self.participants.find_conflict(person)):
                yield fill_placeholders(told[conflict.ground], {"person": person})
