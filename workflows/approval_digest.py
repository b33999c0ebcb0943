"""Tells each person, by one mail a business day, what waits for their decision; and what waited for somebody to be told."""

from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.approval_digest import ApprovalDigestActivities
    from activities.waiting_notices import WaitingNoticeActivities
    from domain.approval.digest import DigestTally

from workflows.case_runtime.activity_options import SEND_DIGESTS_OPTIONS

TELLS_WAITING_NOTICES = "tells-waiting-notices"
"""Patch: what reached nobody is told once somebody has its role. To be deprecated at the next release: a run lasts minutes."""


@workflow.defn
class ApprovalDigest:
    """Started by a schedule, never twice at a time. How many mails went."""

    @workflow.run
    async def run(self) -> DigestTally:
        if workflow.patched(TELLS_WAITING_NOTICES):
            with suppress(ActivityError):
                await workflow.execute_activity_method(WaitingNoticeActivities.tell_waiting_notices, **SEND_DIGESTS_OPTIONS)
        with suppress(ActivityError):
            return await workflow.execute_activity_method(ApprovalDigestActivities.send_digests, **SEND_DIGESTS_OPTIONS)
        return DigestTally()
