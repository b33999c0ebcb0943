"""The names of each command on the server: as an update, and as the signal that replaces it when no worker answers in time."""

from domain.approval.commands import DecideApproval
from domain.case.command import Command
from domain.case.handler_names import QueryName, SignalName, UpdateName
from domain.credit_request.commands import RequestCredit, WithdrawCreditRequest
from domain.credit_review.commands import CloseCreditReview, GiveCreditVerdict, ReferAccount
from domain.dispute.commands import AssignDispute, AttachEvidence, RaiseDispute, ResolveDispute
from domain.erasure.commands import EraseAccount
from domain.invoice.commands import (
    AddNote,
    AnswerEscalation,
    EscalateInvoice,
    LogCall,
    MakePromise,
    PauseCollection,
    ResendLetter,
    ResumeCollection,
    SkipLetter,
)
from domain.payment_plan.commands import AcceptPlan, CancelPlan, DeclinePlan, RevisePlan
from domain.policy_adoption.commands import RequestPolicyAdoption
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

_HANDLER_NAMES: dict[type[Command], tuple[UpdateName, SignalName]] = {
    MakePromise: (UpdateName.MAKE_PROMISE, SignalName.PROMISE_MADE),
    LogCall: (UpdateName.LOG_CALL, SignalName.CALL_LOGGED),
    PauseCollection: (UpdateName.PAUSE, SignalName.PAUSED),
    ResumeCollection: (UpdateName.RESUME, SignalName.RESUMED),
    AddNote: (UpdateName.ADD_NOTE, SignalName.NOTE_ADDED),
    EscalateInvoice: (UpdateName.ESCALATE, SignalName.ESCALATED),
    AnswerEscalation: (UpdateName.ANSWER_ESCALATION, SignalName.ESCALATION_ANSWERED),
    ResendLetter: (UpdateName.RESEND_LETTER, SignalName.LETTER_WANTED_AGAIN),
    SkipLetter: (UpdateName.SKIP_LETTER, SignalName.LETTER_SKIPPED),
    RaiseDispute: (UpdateName.RAISE_DISPUTE, SignalName.DISPUTE_RAISED),
    AssignDispute: (UpdateName.ASSIGN, SignalName.ASSIGNED),
    AttachEvidence: (UpdateName.ATTACH, SignalName.ATTACHED),
    ResolveDispute: (UpdateName.RESOLVE, SignalName.RESOLVED),
    DecideApproval: (UpdateName.DECIDE, SignalName.DECIDED),
    RevisePlan: (UpdateName.REVISE, SignalName.REVISED),
    AcceptPlan: (UpdateName.ACCEPT, SignalName.ACCEPTED),
    DeclinePlan: (UpdateName.DECLINE, SignalName.DECLINED),
    CancelPlan: (UpdateName.CANCEL, SignalName.CANCELLED),
    RequestSuspension: (UpdateName.ASK, SignalName.ASKED),
    RequestApprovalAgain: (UpdateName.ASK_AGAIN, SignalName.ASKED_AGAIN),
    ResendWarning: (UpdateName.SEND_WARNING_AGAIN, SignalName.WARNING_WANTED_AGAIN),
    ExtendNotice: (UpdateName.EXTEND_NOTICE, SignalName.NOTICE_EXTENDED),
    WithdrawSuspension: (UpdateName.WITHDRAW, SignalName.WITHDRAWN),
    ReinstateAccount: (UpdateName.REINSTATE, SignalName.REINSTATEMENT_WANTED),
    HandOverSuspendedAccount: (UpdateName.HAND_OVER, SignalName.HAND_OVER_WANTED),
    ReferAccount: (UpdateName.REFER, SignalName.REFERRED),
    GiveCreditVerdict: (UpdateName.GIVE_VERDICT, SignalName.VERDICT_GIVEN),
    CloseCreditReview: (UpdateName.CLOSE, SignalName.CLOSED),
    ProposeWriteOff: (UpdateName.PROPOSE, SignalName.PROPOSED),
    RequestPolicyAdoption: (UpdateName.ADOPT, SignalName.ADOPTION_WANTED),
    RequestCredit: (UpdateName.REQUEST_CREDIT, SignalName.CREDIT_WANTED),
    WithdrawCreditRequest: (UpdateName.WITHDRAW_CREDIT, SignalName.CREDIT_WITHDRAWN),
    EraseAccount: (UpdateName.ERASE, SignalName.ERASURE_WANTED),
}

UPDATE_NAMES: dict[type[Command], UpdateName] = {command: update for command, (update, _) in _HANDLER_NAMES.items()}
SIGNAL_NAMES: dict[type[Command], SignalName] = {command: signal for command, (_, signal) in _HANDLER_NAMES.items()}

QUERY_NAMES: dict[type[Command], QueryName] = {MakePromise: QueryName.PROMISE_REJECTION, RaiseDispute: QueryName.DISPUTE_REJECTION}
"""By which an invoice's case is asked whether it would take a command, before any part of a call is sent."""
