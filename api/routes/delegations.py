"""The routes that list and revoke delegations. They are made by a route of the approvals."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from adapters.identity.delegation_store import DelegationStore, StoredDelegation
from api.context import ApiContext
from api.schemas.delegations import DelegationOut
from api.web.authentication import Context, DelegationRevokingActor, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.problems import PROBLEM_RESPONSES, Problem, not_found_problem
from domain.roles import Actor, Role, is_same_person

router = APIRouter(prefix="/v1/delegations", tags=["approvals"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)

ROLES_SEEING_ALL = frozenset({Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR, Role.ADMIN, Role.AUDITOR})
ROLES_REVOKING_ALL = frozenset({Role.COLLECTIONS_MANAGER, Role.ADMIN})


class DelegationTrail(DelegationOut):
    """A delegation that was revoked counts no more; the signatures that were given under it stand."""

    made_by: str
    revoked_by: str | None
    revoked_at: datetime | None = Field(description="business time")


@router.get("", operation_id="list_delegations", summary="Delegations: your own, or everybody's for those who supervise them")
def get_delegations(context: Context, actor: ReadingActor) -> list[DelegationTrail]:
    """Past and revoked ones too, the latest to begin first."""
    return [_present_delegation(each) for each in list_visible_delegations(context, actor)]


@router.delete("/{delegation_id}", operation_id="revoke_delegation", summary="Take a delegation back; from now on it does not count")
def revoke_delegation(delegation_id: str, context: Context, actor: DelegationRevokingActor) -> DelegationTrail:
    """Whoever gave it may, and those who lead. It stays in the list, with who revoked it and when; a second time changes nothing."""
    delegations = DelegationStore(context.database)
    kept = delegations.get(delegation_id)
    if kept is None:
        raise not_found_problem("delegation", delegation_id, "GET /v1/delegations lists them")
    if not may_revoke(actor, kept):
        raise Problem(403, "not-allowed", "It is not yours to revoke", f"ask {kept.from_user}, who gave it, or a collections manager")
    delegations.revoke(delegation_id, actor.user, context.business_now)
    return _present_delegation(delegations.get(delegation_id) or kept)


def list_visible_delegations(context: ApiContext, actor: Actor) -> list[StoredDelegation]:
    return DelegationStore(context.database).list_delegations(person=None if actor.role in ROLES_SEEING_ALL else actor.user)


def may_revoke(actor: Actor, delegation: StoredDelegation) -> bool:
    return actor.role in ROLES_REVOKING_ALL or any(
        is_same_person(actor.user, person) for person in (delegation.from_user, delegation.made_by)
    )


def _present_delegation(delegation: StoredDelegation) -> DelegationTrail:
    return DelegationTrail(**delegation.model_dump())
