"""A draft of a policy on its way into force: checked as a start would, stored for those who decide, and asked for."""

from fastapi import Response
from fastapi.concurrency import run_in_threadpool

from adapters.document_store import DocumentStore
from adapters.policies.adoption_query import AdoptionQuery
from adapters.policies.adoption_start import build_adoption_start, build_force_command
from adapters.policies.draft_check import check_draft, find_version_to_raise_to
from api.commands.case_commands import submit_or_start_case
from api.context import ApiContext
from api.schemas.command_answer import CommandAnswer
from api.schemas.policies import PolicyDraftIn
from api.web.problems import FieldError, Problem
from domain.policy.collection_policy import PolicySnapshot
from domain.policy_adoption.commands import RequestPolicyAdoption
from domain.refusal import Refusal

DRAFT_MEDIA_TYPE = "application/json"


async def submit_draft(
    context: ApiContext, user: str, name: str, body: PolicyDraftIn, command_id: str, response: Response
) -> CommandAnswer:
    """Ask for its approval. 202 when no worker answered in time. Raises UnknownPolicyError, Problem 422 with every fault of the text, and
    Problem 409 where another version is in force than the one that it was compared with."""
    command = await run_in_threadpool(_prepare_command, context, user, name, body, command_id)
    return await submit_or_start_case(context, build_adoption_start(name, context.clock), command, response)


def _prepare_command(context: ApiContext, user: str, name: str, body: PolicyDraftIn, command_id: str) -> RequestPolicyAdoption:
    policies = context.policies
    query = AdoptionQuery(context.database, policies)
    in_force = query.require_target(name)
    if body.replaces is not None and body.replaces != in_force.version:
        raise Problem(
            409,
            "refused",
            "Another version is in force by now",
            Refusal(
                "adoption.other_in_force",
                "version {version} of {policy} is in force, not version {compared}; compare the draft with it, and ask again",
                policy=name,
                version=in_force.version,
                compared=body.replaces,
            ),
        )
    checked = check_draft(context.database, context.letter_templates, context.policies_dir, body.text.replace("\r\n", "\n"))
    draft = checked.policy
    faults = list(checked.faults)
    if draft and draft.policy != name:
        faults.append(f"the text is of the policy {draft.policy!r}, not of {name!r}; write 'policy: {name}', or put it in force there")
    elif draft and (least := find_version_to_raise_to(draft, policies.list_versions())):
        faults.append(f"version {draft.version} of {name} is not later than all there were; raise the version to {least}")
    elif not draft and not faults:
        faults.append("this is an approval matrix: the file in the folder puts that in force, at the next start")
    if faults or draft is None:
        errors = [FieldError(pointer="/text", detail=fault) for fault in faults]
        raise Problem(422, "invalid", "The draft cannot be put in force", "; ".join(faults), errors=errors)
    snapshot = PolicySnapshot.from_policy(draft)
    title = f"{draft.policy}-{draft.version}.json"
    DocumentStore(context.database).add(title, DRAFT_MEDIA_TYPE, snapshot.text.encode(), user, context.business_now)
    adopts = body.applies_to == "open_invoices"
    return build_force_command(query, snapshot, in_force.version, adopts, command_id, user)
