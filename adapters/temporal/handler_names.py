"""What each act is called on the server: as an update, and as the signal that stands in for it when no worker answers in time."""

from domain.approval.commands import DecideApproval
from domain.case.command import Command
from domain.credit_review.commands import CloseCreditReview, GiveCreditVerdict, ReferAccount
from domain.dispute.commands import AssignDispute, AttachEvidence, RaiseDispute, ResolveDispute
from domain.erasure.commands import EraseAccount
from domain.invoice.commands import AddNote, AnswerEscalation, EscalateInvoice, LogCall, MakePromise, PauseCollection, ResumeCollection
from domain.payment_plan.commands import AcceptPlan, CancelPlan, DeclinePlan, RevisePlan
from domain.suspension.commands import (
    ExtendNotice,
    HandOverSuspendedAccount,
    ReinstateAccount,
    RequestApprovalAgain,
    RequestSuspension,
    ResendWarning,
    WithdrawSuspension,
)
from domain.write_off.commands import ProposeWriteOff

_HANDLER_NAMES: dict[type[Command], tuple[str, str]] = {
    MakePromise: ("make_promise", "promise_made"),
    LogCall: ("log_call", "call_logged"),
    PauseCollection: ("pause", "paused"),
    ResumeCollection: ("resume", "resumed"),
    AddNote: ("add_note", "note_added"),
    EscalateInvoice: ("escalate", "escalated"),
    AnswerEscalation: ("answer_escalation", "escalation_answered"),
    RaiseDispute: ("raise_dispute", "dispute_raised"),
    AssignDispute: ("assign", "assigned"),
    AttachEvidence: ("attach", "attached"),
    ResolveDispute: ("resolve", "resolved"),
    DecideApproval: ("decide", "decided"),
    RevisePlan: ("revise", "revised"),
    AcceptPlan: ("accept", "accepted"),
    DeclinePlan: ("decline", "declined"),
    CancelPlan: ("cancel", "cancelled"),
    RequestSuspension: ("ask", "asked"),
    RequestApprovalAgain: ("ask_again", "asked_again"),
    ResendWarning: ("send_warning_again", "warning_wanted_again"),
    ExtendNotice: ("extend_notice", "notice_extended"),
    WithdrawSuspension: ("withdraw", "withdrawn"),
    ReinstateAccount: ("reinstate", "reinstatement_wanted"),
    HandOverSuspendedAccount: ("hand_over", "hand_over_wanted"),
    ReferAccount: ("refer", "referred"),
    GiveCreditVerdict: ("give_verdict", "verdict_given"),
    CloseCreditReview: ("close", "closed"),
    ProposeWriteOff: ("propose", "proposed"),
    EraseAccount: ("erase", "erasure_wanted"),
}

UPDATE_NAMES: dict[type[Command], str] = {act: update for act, (update, _) in _HANDLER_NAMES.items()}
SIGNAL_NAMES: dict[type[Command], str] = {act: signal for act, (_, signal) in _HANDLER_NAMES.items()}
