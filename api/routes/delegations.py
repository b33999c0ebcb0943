"""Who may sign in whose place: what was made, and taking it back. Making one is among the approvals."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from adapters.identity.delegation_store import DelegationBook, KeptDelegation
from api.schemas.responses import DelegationOut
from api.web.authentication import Parts, Reader, RevokingDelegations
from api.web.idempotency import OnceRoute
from api.web.problems import RESPONSES, Problem, not_found
from domain.roles import Actor, Role, same_person

router = APIRouter(prefix="/v1/delegations", tags=["approvals"], route_class=OnceRoute, responses=RESPONSES)

SEE_ALL = frozenset({Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR, Role.ADMIN, Role.AUDITOR})
REVOKE_ALL = frozenset({Role.COLLECTIONS_MANAGER, Role.ADMIN})


class DelegationTrail(DelegationOut):
    """A delegation that was revoked counts no more; the signatures that were given under it stand."""

    made_by: str
    revoked_by: str | None
    revoked_at: datetime | None = Field(description="business time")


@router.get("", operation_id="list_delegations", summary="Delegations: your own, or everybody's for those who supervise them")
def delegations(parts: Parts, actor: Reader) -> list[DelegationTrail]:
    """Past and revoked ones too, the latest to begin first."""
    kept = DelegationBook(parts.database).all(of=None if actor.role in SEE_ALL else actor.user)
    return [_shown(each) for each in kept]


@router.delete("/{delegation_id}", operation_id="revoke_delegation", summary="Take a delegation back; from now on it does not count")
def revoke(delegation_id: str, parts: Parts, actor: RevokingDelegations) -> DelegationTrail:
    """Whoever gave it may, and those who lead. It stays in the list, with who revoked it and when; a second time changes nothing."""
    book = DelegationBook(parts.database)
    kept = book.read(delegation_id)
    if kept is None:
        raise not_found("delegation", delegation_id, "GET /v1/delegations lists them")
    if not _may_revoke(actor, kept):
        raise Problem(403, "not-allowed", "It is not yours to revoke", f"ask {kept.from_user}, who gave it, or a collections manager")
    book.revoke(delegation_id, actor.user, parts.business_now)
    return _shown(book.read(delegation_id) or kept)


def _may_revoke(actor: Actor, kept: KeptDelegation) -> bool:
    return actor.role in REVOKE_ALL or any(same_person(actor.user, person) for person in (kept.from_user, kept.made_by))


def _shown(kept: KeptDelegation) -> DelegationTrail:
    return DelegationTrail(**kept.model_dump())
