"""The requests that the open invoices adopt the version of a policy that is in force, and that a draft be put in force: their commands, and
the workflow that they start."""

from adapters.policies.adoption_query import AdoptionQuery
from adapters.temporal.case_start import CaseStart
from domain import identifiers as ids
from domain.clock import Clock
from domain.errors import UserError
from domain.policy.collection_policy import PolicySnapshot
from domain.policy_adoption.adoption_case import NO_ACCOUNT
from domain.policy_adoption.commands import RequestPolicyAdoption
from domain.policy_adoption.workflow_input import PolicyAdoptionInput


class NothingToAdoptError(UserError):
    """Every open invoice of the policy follows the version in force."""

    title = "There is nothing to move"
    status = 409
    problem_type = "refused"


def build_adoption_command(query: AdoptionQuery, name: str, act_id: str, actor: str) -> RequestPolicyAdoption:
    """Build the command for the version in force. Raises UnknownPolicyError, NothingToAdoptError."""
    target = query.require_target(name)
    invoices, _ = query.count_older(name, target.version, 0)
    if not invoices:
        raise NothingToAdoptError(f"no open invoice follows an older version of {name} than {target.version}; there is nothing to move")
    return RequestPolicyAdoption(act_id=act_id, actor=actor, policy=target, invoices=invoices)


def build_force_command(
    query: AdoptionQuery, draft: PolicySnapshot, replaces: int, adopts: bool, act_id: str, actor: str
) -> RequestPolicyAdoption:
    """Build the command that puts a draft in force, which was checked, in place of the version `replaces`; where it `adopts`, the open
    invoices are moved to it."""
    invoices, _ = query.count_older(draft.name, draft.version, 0)
    return RequestPolicyAdoption(
        act_id=act_id, actor=actor, policy=draft, invoices=invoices, puts_in_force=True, replaces=replaces, adopts=adopts
    )


def build_adoption_start(name: str, clock: Clock) -> CaseStart:
    """Build the start of the policy's adoption, for when none is under way."""
    return CaseStart(
        workflow=ids.WorkflowName.POLICY_ADOPTION,
        case_id=ids.policy_adoption_case_id(name),
        workflow_input=PolicyAdoptionInput(policy=name, clock=clock, separates_tasks=True),
        account_id=NO_ACCOUNT,
    )
