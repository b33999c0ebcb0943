"""What each act is called on the server: as an update, and as the signal that stands in for it when no worker answers in time."""

from domain.approval.commands import Decision
from domain.case.command import Act
from domain.credit_review.commands import CloseReview, GiveVerdict, ReferAccount
from domain.dispute.commands import AssignDispute, AttachEvidence, RaiseDispute, ResolveDispute
from domain.erasure.commands import EraseAccount
from domain.invoice.commands import AddNote, AnswerEscalation, Escalate, LogCall, MakePromise, Pause, Resume
from domain.payment_plan.commands import AcceptPlan, CancelPlan, DeclinePlan, RevisePlan
from domain.suspension.commands import AskAgain, AskSuspension, ExtendNotice, HandOverNow, Reinstate, SendWarningAgain, WithdrawSuspension
from domain.write_off.commands import ProposeWriteOff

_NAMES: dict[type[Act], tuple[str, str]] = {
    MakePromise: ("make_promise", "promise_made"),
    LogCall: ("log_call", "call_logged"),
    Pause: ("pause", "paused"),
    Resume: ("resume", "resumed"),
    AddNote: ("add_note", "note_added"),
    Escalate: ("escalate", "escalated"),
    AnswerEscalation: ("answer_escalation", "escalation_answered"),
    RaiseDispute: ("raise_dispute", "dispute_raised"),
    AssignDispute: ("assign", "assigned"),
    AttachEvidence: ("attach", "attached"),
    ResolveDispute: ("resolve", "resolved"),
    Decision: ("decide", "decided"),
    RevisePlan: ("revise", "revised"),
    AcceptPlan: ("accept", "accepted"),
    DeclinePlan: ("decline", "declined"),
    CancelPlan: ("cancel", "cancelled"),
    AskSuspension: ("ask", "asked"),
    AskAgain: ("ask_again", "asked_again"),
    SendWarningAgain: ("send_warning_again", "warning_wanted_again"),
    ExtendNotice: ("extend_notice", "notice_extended"),
    WithdrawSuspension: ("withdraw", "withdrawn"),
    Reinstate: ("reinstate", "reinstatement_wanted"),
    HandOverNow: ("hand_over", "hand_over_wanted"),
    ReferAccount: ("refer", "referred"),
    GiveVerdict: ("give_verdict", "verdict_given"),
    CloseReview: ("close", "closed"),
    ProposeWriteOff: ("propose", "proposed"),
    EraseAccount: ("erase", "erasure_wanted"),
}

UPDATES: dict[type[Act], str] = {act: update for act, (update, _) in _NAMES.items()}
SIGNALS: dict[type[Act], str] = {act: signal for act, (_, signal) in _NAMES.items()}
