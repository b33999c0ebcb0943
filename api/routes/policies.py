"""The collection policies in force, how a later version comes into force, and how it reaches the open invoices."""

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from adapters.policies.adoption_query import AdoptionQuery
from adapters.policies.adoption_start import build_adoption_command, build_adoption_start
from adapters.policies.refusal import find_refusal
from adapters.read_model.cases import find_case
from api.commands.case_commands import submit_or_start_case
from api.commands.policy_drafts import submit_draft
from api.presenters.policies import present_adoption_preview
from api.routes.account_lookup import CommandId
from api.schemas.command_answer import QUEUED_RESPONSE, CommandAnswer
from api.schemas.policies import AdoptionPreviewOut, PoliciesOut, PolicyDraftIn, PolicyOut, RefusalOut
from api.web.authentication import Context, PolicyAdoptingActor, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.problems import PROBLEM_RESPONSES
from domain import identifiers as ids
from domain.identifiers import CaseKind

router = APIRouter(prefix="/v1", tags=["policies"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


@router.get("/policies", operation_id="list_policies", summary="The policies in force, and what the last start refused")
def get_policies(context: Context, _: ReadingActor) -> PoliciesOut:
    policies, matrix = context.policies, context.policies.find_matrix()
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
        matrix_version=matrix.version if matrix else None,
        refused=RefusalOut(at=refusal.at, faults=refusal.faults) if refusal else None,
    )


@router.get("/policies/{name}/adoption", operation_id="preview_adoption", summary="What the version in force changes for open invoices")
def get_adoption(context: Context, _: ReadingActor, name: str) -> AdoptionPreviewOut:
    """Nothing is changed. The next step of each open invoice on an older version is compared. An adoption is shown, or the last one."""
    preview = AdoptionQuery(context.database, context.policies).preview(name, context.today)
    return present_adoption_preview(preview, find_case(context.database, CaseKind.POLICY_ADOPTION, ids.policy_adoption_case_id(name)))


@router.post(
    "/policies/{name}/adoption",
    operation_id="adopt_policy",
    summary="Move open invoices to the version in force",
    responses=QUEUED_RESPONSE,
)
async def adopt_policy(actor: PolicyAdoptingActor, name: str, command_id: CommandId, context: Context, response: Response) -> CommandAnswer:
    """Those whom the approval matrix names for a `policy_change` are asked first. Refused while an adoption of the policy is under way."""
    query = AdoptionQuery(context.database, context.policies)
    command = await run_in_threadpool(build_adoption_command, query, name, command_id, actor.user)
    return await submit_or_start_case(context, build_adoption_start(name, context.clock), command, response)


@router.post(
    "/policies/{name}/versions",
    operation_id="put_policy_in_force",
    summary="Put a later version of a policy in force",
    responses=QUEUED_RESPONSE,
)
async def put_policy_in_force(
    actor: PolicyAdoptingActor, name: str, body: PolicyDraftIn, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """It is checked as `duecourse policy check` does, each fault named with its line. Those whom the approval matrix names for a
    `policy_change` are asked first; once they agree it is in force, without a start. Refused while another change is under way.
    """
    return await submit_draft(context, actor.user, name, body, command_id, response)
