"""The four-eyes rule: nobody decides what they asked for, nor has a say twice, neither themselves nor through a delegate.

The decision and every list of approvals ask here, so that no list offers what the decision refuses.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.approval.delegation import Delegation
from domain.roles import Actor, Role, is_same_person


class ConflictGround(StrEnum):
    """Why somebody may not decide. `represented`: one who asked acts for them by delegation."""

    REQUESTER = "requester"
    IN_PLACE_OF_REQUESTER = "in_place_of_requester"
    ALSO_ASKED = "also_asked"
    REPRESENTED = "represented"
    SIGNED = "signed"


class Conflict(BaseModel):
    """Who may not decide: the one who signs, or the one in whose place."""

    model_config = ConfigDict(frozen=True)

    ground: ConflictGround
    person: str


class ApprovalParticipants(BaseModel):
    """Everybody who had a say in an approval so far.

    `also_asked` asked together with the requester; for those in `acting_for` one who asked may act by delegation, so that the request
    counts as theirs, whether the delegation was made before they asked or after; `signers` signed, or somebody signed in their place.
    """

    model_config = ConfigDict(frozen=True)

    requester: str
    also_asked: list[str]
    acting_for: list[str]
    signers: list[str]

    @property
    def askers(self) -> list[str]:
        return [self.requester, *self.also_asked]

    def with_delegations(self, delegations: Sequence[Delegation]) -> "ApprovalParticipants":
        """The same, with those for whom the askers may act by now, under delegations that are active."""
        represented = list_represented(self.askers, delegations)
        return self if not represented else self.model_copy(update={"acting_for": list(dict.fromkeys([*self.acting_for, *represented]))})

    def find_conflict(self, user: str, on_behalf_of: str | None = None) -> Conflict | None:
        """Why `user` may not decide, in their own name or in another's place; None when they may. Upper and lower case are the same."""
        if is_same_person(user, self.requester):
            return Conflict(ground=ConflictGround.REQUESTER, person=user)
        if on_behalf_of and is_same_person(on_behalf_of, self.requester):
            return Conflict(ground=ConflictGround.IN_PLACE_OF_REQUESTER, person=on_behalf_of)
        people = [user, on_behalf_of] if on_behalf_of else [user]
        for person in people:
            if _is_listed(person, self.also_asked):
                return Conflict(ground=ConflictGround.ALSO_ASKED, person=person)
            if _is_listed(person, self.acting_for):
                return Conflict(ground=ConflictGround.REPRESENTED, person=person)
        return next((Conflict(ground=ConflictGround.SIGNED, person=person) for person in people if _is_listed(person, self.signers)), None)


def list_represented(askers: Collection[str], delegations: Sequence[Delegation]) -> list[str]:
    """For whom one of the askers may act under the delegations, all of which are active."""
    asked = list(askers)
    return list(dict.fromkeys(given.from_user for given in delegations if _is_listed(given.to_user, asked)))


def _is_listed(person: str, people: Sequence[str]) -> bool:
    return any(is_same_person(person, other) for other in people)


class SigningAuthority(BaseModel):
    """The role in which somebody signs, and the delegation under which they do when the role is not their own."""

    model_config = ConfigDict(frozen=True)

    role: Role
    delegation: Delegation | None = None

    @property
    def on_behalf_of(self) -> str | None:
        return self.delegation.from_user if self.delegation else None


def choose_signing_authority(
    participants: ApprovalParticipants, awaited_roles: Collection[Role], actor: Actor, delegations: Sequence[Delegation]
) -> SigningAuthority | None:
    """How `actor` may sign now: in their own role, else under the first of their active delegations by which nobody is in conflict.

    None when they may not sign at all.
    """
    ways = [SigningAuthority(role=actor.role), *(SigningAuthority(role=given.role, delegation=given) for given in delegations)]
    awaited = (way for way in ways if way.role in awaited_roles)
    return next((way for way in awaited if participants.find_conflict(actor.user, way.on_behalf_of) is None), None)
