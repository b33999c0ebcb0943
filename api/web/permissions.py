"""Who may do what: one table. A customer never signs in; whoever signs in may read; an auditor reads more than others, and
changes nothing."""

from enum import StrEnum

from domain.policy.approval_matrix import AUTHORITY_LEVELS
from domain.policy.dispute_rules import DISPUTE_DEPARTMENTS
from domain.roles import Role


class Permission(StrEnum):
    READ = "read"
    COLLECT = "collect"
    WORK_TASKS = "work_tasks"
    DECIDE_LETTERS = "decide_letters"
    BRAKE_LETTERS = "brake_letters"
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
    MARK_MENTIONS = "mark_mentions"
    MAKE_DOSSIERS = "make_dossiers"
    RUN_PORTFOLIOS = "run_portfolios"
    ADOPT_POLICIES = "adopt_policies"
    AUDIT = "audit"
    ERASE = "erase"
    SET_CLOCK = "set_clock"
    RETRY_SET_ASIDE = "retry_set_aside"
    MANAGE_USERS = "manage_users"
    MANAGE_CONNECTIONS = "manage_connections"
    ASK_BILLING = "ask_billing"


_LEAD_ROLES = frozenset({Role.COLLECTIONS_MANAGER, Role.ADMIN})
_COLLECTION_ROLES = _LEAD_ROLES | {Role.COLLECTOR}

ALLOWED_ROLES: dict[Permission, frozenset[Role]] = {
    Permission.READ: frozenset(Role),
    Permission.COLLECT: _COLLECTION_ROLES,
    Permission.WORK_TASKS: _COLLECTION_ROLES | {Role.BILLING_OPS},
    Permission.DECIDE_LETTERS: _COLLECTION_ROLES,
    Permission.BRAKE_LETTERS: _LEAD_ROLES | {Role.FINANCE_DIRECTOR},
    Permission.RECORD_PAYMENTS: _COLLECTION_ROLES | {Role.BILLING_OPS},
    Permission.REDUCE_INVOICES: _LEAD_ROLES | {Role.BILLING_OPS},
    Permission.IMPORT: _LEAD_ROLES | {Role.BILLING_OPS},
    Permission.CHANGE_SERVICE: _LEAD_ROLES | {Role.BILLING_OPS},
    Permission.HANDLE_DISPUTES: frozenset({Role.COLLECTOR, Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR, *DISPUTE_DEPARTMENTS}),
    Permission.DECIDE_APPROVALS: frozenset(AUTHORITY_LEVELS),
    Permission.DELEGATE: frozenset(AUTHORITY_LEVELS),
    Permission.REVOKE_DELEGATIONS: frozenset({*AUTHORITY_LEVELS, Role.ADMIN}),
    Permission.PLAN_PAYMENTS: _COLLECTION_ROLES,
    Permission.REFER_ACCOUNTS: _COLLECTION_ROLES,
    Permission.JUDGE_CREDIT: frozenset({Role.CREDIT_ANALYST}),
    Permission.ASK_SUSPENSION: _COLLECTION_ROLES,
    Permission.REINSTATE: _LEAD_ROLES,
    Permission.DECIDE_WRITE_OFFS: frozenset({Role.WRITE_OFF_ANALYST}),
    Permission.ANSWER_ESCALATIONS: frozenset(set(Role) - {Role.AUDITOR}),
    Permission.MARK_MENTIONS: frozenset(Role),
    Permission.MAKE_DOSSIERS: _COLLECTION_ROLES | {Role.WRITE_OFF_ANALYST, Role.CREDIT_ANALYST},
    Permission.RUN_PORTFOLIOS: _LEAD_ROLES,
    Permission.ADOPT_POLICIES: _LEAD_ROLES | {Role.FINANCE_DIRECTOR},
    Permission.AUDIT: frozenset({Role.AUDITOR, Role.ADMIN}),
    Permission.ERASE: frozenset({Role.ADMIN}),
    Permission.SET_CLOCK: _LEAD_ROLES,
    Permission.RETRY_SET_ASIDE: frozenset({Role.ADMIN}),
    Permission.MANAGE_USERS: frozenset({Role.ADMIN}),
    Permission.MANAGE_CONNECTIONS: frozenset({Role.ADMIN}),
    Permission.ASK_BILLING: _LEAD_ROLES | {Role.BILLING_OPS},
}
"""Promises, calls, pauses, notes and raising disputes are collecting. Credit notes and cancellations reduce what is owed: that is not a
collector's to do; nor is it to give an account its service back, or to give it up, before it has paid. Whose a dispute, an approval or an
escalation is, its own case says: here stands who may ask it at all."""

ACTIVITY_PHRASES: dict[Permission, str] = {
    Permission.MAKE_DOSSIERS: "make dossiers",
    Permission.READ: "read",
    Permission.COLLECT: "record promises, calls, pauses and notes",
    Permission.WORK_TASKS: "close tasks",
    Permission.DECIDE_LETTERS: "decide what became of a letter",
    Permission.BRAKE_LETTERS: "stop letters or let them go",
    Permission.RECORD_PAYMENTS: "record, reverse or apply payments",
    Permission.REDUCE_INVOICES: "cancel or credit invoices",
    Permission.IMPORT: "bring in invoices",
    Permission.CHANGE_SERVICE: "say how an account is served",
    Permission.HANDLE_DISPUTES: "assign or answer disputes",
    Permission.DECIDE_APPROVALS: "decide approvals",
    Permission.DELEGATE: "let others sign in their place",
    Permission.REVOKE_DELEGATIONS: "revoke delegations",
    Permission.PLAN_PAYMENTS: "propose payment plans or record what customers say to them",
    Permission.REFER_ACCOUNTS: "refer accounts to a credit analyst",
    Permission.JUDGE_CREDIT: "give or end credit verdicts",
    Permission.ASK_SUSPENSION: "ask for suspensions, put them off or withdraw them",
    Permission.REINSTATE: "reinstate an unpaid account or hand it over at once",
    Permission.DECIDE_WRITE_OFFS: "decide what becomes of accounts that were handed over",
    Permission.ANSWER_ESCALATIONS: "answer escalations",
    Permission.MARK_MENTIONS: "mark where they were named as read",
    Permission.RUN_PORTFOLIOS: "reassign accounts, write the rules of portfolios or set holiday cover",
    Permission.ADOPT_POLICIES: "move open invoices to a later version of their policy",
    Permission.AUDIT: "replay the journal, verify it, or read who looked at what",
    Permission.ERASE: "erase an account's personal details",
    Permission.SET_CLOCK: "pause or slow the business clock",
    Permission.RETRY_SET_ASIDE: "have what was set aside tried again",
    Permission.MANAGE_USERS: "add or change users, their roles and tokens",
    Permission.MANAGE_CONNECTIONS: "connect billing systems, change their secrets or switch them off",
    Permission.ASK_BILLING: "have a connected billing system tested, read or compared",
}


def may_close_task(role: Role, task_role: str) -> bool:
    """Those who collect close whichever task is done; those of billing the ones that wait for them."""
    return role in _COLLECTION_ROLES or role.value == task_role


def permission_denial_reason(role: Role, permission: Permission) -> str | None:
    """Why the role may not, and who may; None when it may."""
    if role in ALLOWED_ROLES[permission]:
        return None
    able = ", ".join(sorted(role.value for role in ALLOWED_ROLES[permission]))
    return f"the role {role.value} may not {ACTIVITY_PHRASES[permission]}; ask someone who is {able}"
