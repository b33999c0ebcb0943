"""The collection policies in force."""

from fastapi import APIRouter

from adapters.policies.refusal import find_refusal
from api.schemas.policies import PoliciesOut, PolicyOut, RefusalOut
from api.web.authentication import Context, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.problems import PROBLEM_RESPONSES

router = APIRouter(prefix="/v1", tags=["policies"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


@router.get("/policies", operation_id="list_policies", summary="The policies in force, and what the last start refused")
def get_policies(context: Context, _: ReadingActor) -> PoliciesOut:
    policies = context.policies
    refusal = find_refusal(context.database)
    return PoliciesOut(
        items=[
            PolicyOut(
                policy=snapshot.name,
                version=snapshot.version,
                title=snapshot.load_policy().title,
                segments=snapshot.load_policy().segments,
                sha256=snapshot.sha256,
            )
            for snapshot in policies.list_in_force()
        ],
        matrix_version=policies.get_matrix().version,
        refused=RefusalOut(at=refusal.at, faults=refusal.faults) if refusal else None,
    )
