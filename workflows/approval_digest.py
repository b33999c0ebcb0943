"""Tells each person, by one mail a business day, what waits for their decision."""

from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.approval_digest import ApprovalDigestActivities
    from domain.approval.digest import DigestTally

from workflows.case_runtime.activity_options import SEND_DIGESTS_OPTIONS


@workflow.defn
class ApprovalDigest:
    """Started by a schedule, never twice at a time. How many mails went."""

    @workflow.run
    async def run(self) -> DigestTally:
        with suppress(ActivityError):
            return await workflow.execute_activity_method(ApprovalDigestActivities.send_digests, **SEND_DIGESTS_OPTIONS)
        return DigestTally()
