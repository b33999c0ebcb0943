"""What lists know of an approval."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    model_serializer,
    model_validator,
)

from domain.approval.commands import DecisionReason
from domain.approval.delegation import Delegation
from domain.approval.facts import CREDITED_BEFORE, DecisionFacts, FactsRevision, restore_facts
from domain.approval.four_eyes import ApprovalParticipants, SigningAuthority, choose_signing_authority
from domain.billing.reduction_kind import ReductionKind
from domain.case.summary_fields import PackedRoles, PackedWords
from domain.journal.entry import FactValue
from domain.money import NO_CURRENCY, Money
from domain.policy.approval_type import ApprovalType
from domain.roles import Actor, Role, is_same_person


def _parse_facts(stored: Any) -> Any:
    return DecisionFacts.model_validate_json(stored) if isinstance(stored, str) else stored


def _dump_facts(facts: DecisionFacts | None) -> str | None:
    return facts.model_dump_json(exclude_defaults=True) if facts else None


PackedFacts = Annotated[DecisionFacts | None, BeforeValidator(_parse_facts), PlainSerializer(_dump_facts, return_type=str | None)]
"""The facts of an approval, stored as one text of JSON."""

_REVISIONS = TypeAdapter(tuple[FactsRevision, ...])


def _parse_revisions(stored: Any) -> Any:
    return _REVISIONS.validate_json(stored) if isinstance(stored, str) else stored


def _dump_revisions(revisions: tuple[FactsRevision, ...]) -> str:
    return _REVISIONS.dump_json(revisions, exclude_defaults=True).decode()


PackedRevisions = Annotated[tuple[FactsRevision, ...], BeforeValidator(_parse_revisions), PlainSerializer(_dump_revisions, return_type=str)]
"""The versions of an approval's facts, each by what changed, stored as one text of JSON."""


class Signatory(BaseModel):
    """One tier of an approval as lists know it: so many people of a role, each time within so many days of being asked; `escalate_to` may
    sign too once they are over."""

    model_config = ConfigDict(frozen=True)

    role: Role
    quorum: int
    deadline_days: int
    escalate_to: Role


def _parse_signatories(stored: Any) -> Any:
    return _read_signatories(stored) if isinstance(stored, str) else stored


@lru_cache(maxsize=256)
def _read_signatories(stored: str) -> tuple[Signatory, ...]:
    """Few are stored, each with many approvals: the rules name them."""
    names = tuple(Signatory.model_fields)
    return tuple(Signatory.model_validate(dict(zip(names, word.split(":"), strict=True))) for word in stored.split())


def _dump_signatories(signatories: tuple[Signatory, ...]) -> str:
    return " ".join(":".join(str(value) for value in each.model_dump(mode="json").values()) for each in signatories)


PackedSignatories = Annotated[
    tuple[Signatory, ...], BeforeValidator(_parse_signatories), PlainSerializer(_dump_signatories, return_type=str)
]
"""All tiers, stored as role:quorum:days:deputy, parted by spaces."""


class ApprovalSummary(BaseModel):
    """What is asked, who may sign, who has signed, and how it ended. `amount` in minor units; days are business dates.

    `roles`: those whose people may sign now. `tier` counts from 1. `signed_by`: those who signed; `signed_for`: they, and those in whose
    place. `also_asked` and `acting_for` as in ApprovalParticipants. `details`: what the case that asks says of it, stored among the others.
    `facts` are None of an approval that binds none; `revisions`: how they came to be from those as it was asked for.
    `signatories`: all who must agree, one tier after the other; none of a summary that was written before they were kept.
    `decision_reason`: why it was rejected or returned, where whoever decided said so.
    """

    model_config = ConfigDict(frozen=True)

    matter: ApprovalType | None = None
    amount: int = 0
    currency: str = ""
    requester: str = ""
    also_asked: PackedWords = ()
    acting_for: PackedWords = ()
    signed_for: PackedWords = ()
    subject: str = ""
    invoices: PackedWords = ()
    tier: int = 0
    tiers: int = 0
    roles: PackedRoles = ()
    due_on: date | None = None
    asked_on: date | None = None
    escalated: bool = False
    details: dict[str, FactValue] = Field(default_factory=dict)
    signed_by: PackedWords = ()
    ended: str | None = None
    decision_reason: DecisionReason | None = None
    facts_version: int = 0
    facts: PackedFacts = None
    revisions: PackedRevisions = ()
    signatories: PackedSignatories = ()

    @model_validator(mode="before")
    @classmethod
    def _gather_details(cls, stored: Any) -> Any:
        if not isinstance(stored, Mapping) or "details" in stored:
            return stored
        fields = cls.model_fields
        known = {name: value for name, value in stored.items() if name in fields}
        return known | {"details": {name: value for name, value in stored.items() if name not in known}}

    @model_serializer(mode="wrap")
    def _spread_details(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        return {**fields.pop("details", {}), **fields}

    def with_facts(self, facts: DecisionFacts, version: int, revisions: Sequence[FactsRevision]) -> "ApprovalSummary":
        changed = {"revisions": tuple(revisions)} if revisions else {}
        return self.model_copy(update={"facts": facts, "facts_version": version, **changed})

    def restore_version(self, version: int) -> DecisionFacts | None:
        """The facts as they were at a version, the first being those as it was asked for; None where that is not known any more."""
        later = [revision for revision in self.revisions if revision.version > version]
        if self.facts is None or not 1 <= version <= self.facts_version or len(later) != self.facts_version - version:
            return None
        return restore_facts(self.facts, later)

    @property
    def reduction(self) -> str:
        """By what an invoice is to be reduced, where that is asked for by hand; else empty."""
        return str(self.details.get("reduction") or "")

    @property
    def credited_before(self) -> int:
        """What the requester has had credited of the invoice without anybody's agreement, in minor units of `currency`."""
        amount = self.details.get(CREDITED_BEFORE)
        return amount if isinstance(amount, int) else 0

    @property
    def covered_amount(self) -> int | None:
        """How much of its total is no longer open of an invoice that is to be cancelled (minor units); None where none is."""
        if self.reduction != ReductionKind.CANCELLATION or self.facts is None:
            return None
        return self.amount - sum(invoice.open_balance for invoice in self.facts.invoices)

    @property
    def participants(self) -> ApprovalParticipants:
        """A summary that was written before all of them were kept names the requester and those who signed."""
        return ApprovalParticipants(
            requester=self.requester,
            also_asked=list(self.also_asked),
            acting_for=list(self.acting_for),
            signers=[*self.signed_by, *self.signed_for],
        )

    @property
    def stated_amounts(self) -> tuple[Money, ...]:
        if self.facts:
            amounts = self.facts.amounts.items()
            return tuple(Money(minor=minor, currency=currency) for currency, minor in amounts if currency != NO_CURRENCY)
        return (Money(minor=self.amount, currency=self.currency),) if self.currency not in ("", NO_CURRENCY) else ()


def choose_authority_over(
    summary: ApprovalSummary, actor: Actor, delegations: Sequence[Delegation], roles: Collection[Role] = tuple(Role)
) -> SigningAuthority | None:
    """Return how `actor` may sign a listed approval now, in one of `roles`; None when they may not.

    `delegations` are everybody's that are active: an asker's count as well as the actor's own.
    """
    awaited = [role for role in summary.roles if role in roles]
    if not awaited:
        return None
    own = [given for given in delegations if is_same_person(given.to_user, actor.user)]
    return choose_signing_authority(summary.participants.with_delegations(delegations), awaited, actor, own)
