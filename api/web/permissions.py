"""Who may do what: one table. A customer never signs in; whoever signs in may read; an auditor reads more than others, and
changes nothing."""

from enum import StrEnum

from domain.policy.approval_matrix import AUTHORITY
from domain.policy.dispute_rules import DEPARTMENTS
from domain.roles import Role


class May(StrEnum):
    READ = "read"
    COLLECT = "collect"
    WORK_TASKS = "work_tasks"
    DECIDE_LETTERS = "decide_letters"
    RECORD_PAYMENTS = "record_payments"
    REDUCE_INVOICES = "reduce_invoices"
    IMPORT = "import"
    CHANGE_SERVICE = "change_service"
    HANDLE_DISPUTES = "handle_disputes"
    DECIDE_APPROVALS = "decide_approvals"
    DELEGATE = "delegate"
    REVOKE_DELEGATIONS = "revoke_delegations"
    PLAN_PAYMENTS = "plan_payments"
    REFER_ACCOUNTS = "refer_accounts"
    JUDGE_CREDIT = "judge_credit"
    ASK_SUSPENSION = "ask_suspension"
    REINSTATE = "reinstate"
    DECIDE_WRITE_OFFS = "decide_write_offs"
    ANSWER_ESCALATIONS = "answer_escalations"
    MAKE_DOSSIERS = "make_dossiers"
    RUN_PORTFOLIOS = "run_portfolios"
    AUDIT = "audit"
    ERASE = "erase"


_LEADS = frozenset({Role.COLLECTIONS_MANAGER, Role.ADMIN})
_DESK = _LEADS | {Role.COLLECTOR}

ALLOWED: dict[May, frozenset[Role]] = {
    May.READ: frozenset(Role),
    May.COLLECT: _DESK,
    May.WORK_TASKS: _DESK,
    May.DECIDE_LETTERS: _DESK,
    May.RECORD_PAYMENTS: _DESK | {Role.BILLING_OPS},
    May.REDUCE_INVOICES: _LEADS | {Role.BILLING_OPS},
    May.IMPORT: _LEADS | {Role.BILLING_OPS},
    May.CHANGE_SERVICE: _LEADS | {Role.BILLING_OPS},
    May.HANDLE_DISPUTES: frozenset({Role.COLLECTOR, Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR, *DEPARTMENTS}),
    May.DECIDE_APPROVALS: frozenset(AUTHORITY),
    May.DELEGATE: frozenset(AUTHORITY),
    May.REVOKE_DELEGATIONS: frozenset({*AUTHORITY, Role.ADMIN}),
    May.PLAN_PAYMENTS: _DESK,
    May.REFER_ACCOUNTS: _DESK,
    May.JUDGE_CREDIT: frozenset({Role.CREDIT_ANALYST}),
    May.ASK_SUSPENSION: _DESK,
    May.REINSTATE: _LEADS,
    May.DECIDE_WRITE_OFFS: frozenset({Role.WRITE_OFF_ANALYST}),
    May.ANSWER_ESCALATIONS: frozenset(set(Role) - {Role.AUDITOR}),
    May.MAKE_DOSSIERS: _DESK | {Role.WRITE_OFF_ANALYST, Role.CREDIT_ANALYST},
    May.RUN_PORTFOLIOS: _LEADS,
    May.AUDIT: frozenset({Role.AUDITOR, Role.ADMIN}),
    May.ERASE: frozenset({Role.ADMIN}),
}
"""Promises, calls, pauses, notes and raising disputes are collecting. Credit notes and cancellations reduce what is owed: that is not a
collector's to do; nor is it to give an account its service back, or to give it up, before it has paid. Whose a dispute, an approval or an
escalation is, its own case says: here stands who may ask it at all."""

ACTIVITY: dict[May, str] = {
    May.MAKE_DOSSIERS: "make dossiers",
    May.READ: "read",
    May.COLLECT: "record promises, calls, pauses and notes",
    May.WORK_TASKS: "close tasks",
    May.DECIDE_LETTERS: "decide what became of a letter",
    May.RECORD_PAYMENTS: "record or reverse payments",
    May.REDUCE_INVOICES: "cancel or credit invoices",
    May.IMPORT: "bring in invoices",
    May.CHANGE_SERVICE: "say how an account is served",
    May.HANDLE_DISPUTES: "assign or answer disputes",
    May.DECIDE_APPROVALS: "decide approvals",
    May.DELEGATE: "let others sign in their place",
    May.REVOKE_DELEGATIONS: "revoke delegations",
    May.PLAN_PAYMENTS: "propose payment plans or record what customers say to them",
    May.REFER_ACCOUNTS: "refer accounts to a credit analyst",
    May.JUDGE_CREDIT: "give or end credit verdicts",
    May.ASK_SUSPENSION: "ask for suspensions, put them off or withdraw them",
    May.REINSTATE: "reinstate an unpaid account or hand it over at once",
    May.DECIDE_WRITE_OFFS: "decide what becomes of accounts that were handed over",
    May.ANSWER_ESCALATIONS: "answer escalations",
    May.RUN_PORTFOLIOS: "reassign accounts, write the rules of portfolios or set holiday cover",
    May.AUDIT: "replay the journal, verify it, or read who looked at what",
    May.ERASE: "erase an account's personal details",
}


def refusal(role: Role, wanted: May) -> str | None:
    """Why the role may not, and who may; None when it may."""
    if role in ALLOWED[wanted]:
        return None
    able = ", ".join(sorted(role.value for role in ALLOWED[wanted]))
    return f"the role {role.value} may not {ACTIVITY[wanted]}; ask someone who is {able}"
