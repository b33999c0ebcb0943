"""Why an approval was rejected or returned: named beside the comment, kept as data, and nothing of it where nobody named one."""

import pytest

from domain.approval.command_rules import find_misplaced_reason, rejection_reason
from domain.approval.commands import REASONS_OF_VERDICT, ApprovalVerdict, DecisionReason
from domain.approval.summary import ApprovalSummary
from domain.approval.view import build_case_view
from domain.case.effects import NotifyPerson
from tests.domain.approval.test_approval_case import TODAY, asked, do, says

GIVEN = [(verdict, reason) for verdict, reasons in REASONS_OF_VERDICT.items() for reason in reasons]
MISPLACED = [(verdict, reason) for verdict in ApprovalVerdict for reason in DecisionReason if reason not in REASONS_OF_VERDICT[verdict]]


@pytest.mark.parametrize(("verdict", "reason"), GIVEN)
def test_a_reason_is_in_the_journal_the_list_and_the_notice_to_whoever_asked(verdict: ApprovalVerdict, reason: DecisionReason) -> None:
    case = do(asked(), says("anna", verdict=verdict, note_id="N1", reason=reason))
    assert case.journal.pending[-1].facts["reason"] == reason.value
    summary = ApprovalSummary.model_validate(build_case_view(case, "run").summary)
    assert summary.decision_reason is reason
    [told] = [effect for effect in case.outbox if isinstance(effect, NotifyPerson)]
    assert told.details["decision_reason"] == reason.value


@pytest.mark.parametrize("verdict", [ApprovalVerdict.REJECT, ApprovalVerdict.RETURN])
def test_a_decision_without_a_reason_is_written_as_it_was_before_there_were_any(verdict: ApprovalVerdict) -> None:
    case = do(asked(), says("anna", verdict=verdict, note_id="N1"))
    assert "reason" not in case.journal.pending[-1].facts
    assert "decision_reason" not in build_case_view(case, "run").summary


@pytest.mark.parametrize(("verdict", "reason"), MISPLACED)
def test_a_reason_of_another_verdict_is_refused(verdict: ApprovalVerdict, reason: DecisionReason) -> None:
    refused = rejection_reason(asked(), says("anna", verdict=verdict, note_id="N1", reason=reason), TODAY)
    assert refused is not None
    assert refused == find_misplaced_reason(verdict, reason)


def test_every_reason_belongs_to_a_verdict() -> None:
    assert {reason for _, reason in GIVEN} == set(DecisionReason)
