"""What an approval of a change of policy would change, for whoever decides it."""

from typing import NamedTuple

from adapters.policies.policy_drafts import find_draft
from api.console.policies.policy_differences import DifferentLine, list_differences
from api.context import ApiContext
from domain.approval.summary import ApprovalSummary
from domain.policy.approval_type import ApprovalType


class AskedChange(NamedTuple):
    """`invoices`: how many open ones would go on by the version. `differences`: from the newest version before it, of one that is to be put
    in force."""

    policy: str
    version: int
    invoices: int
    puts_in_force: bool
    differences: list[DifferentLine]


def find_asked_change(context: ApiContext, summary: ApprovalSummary) -> AskedChange | None:
    """None of an approval that is about something else."""
    details = summary.details
    name, version, invoices = details.get("policy"), details.get("policy_version"), details.get("invoices_affected")
    if summary.matter is not ApprovalType.POLICY_CHANGE or not isinstance(name, str) or not isinstance(version, int):
        return None
    sha256 = str(details.get("draft_sha256") or "")
    draft = find_draft(context.database, sha256) if sha256 else None
    before = next((each for each in context.policies.list_versions() if each.name == name and each.version < version), None)
    differences = list_differences(before.load_policy(), draft) if before and draft else []
    return AskedChange(name, version, invoices if isinstance(invoices, int) else 0, bool(sha256), differences)
