"""Who may do what: one table. A customer never signs in; whoever signs in may read, an auditor may do nothing else."""

from enum import StrEnum

from domain.roles import Role


class May(StrEnum):
    READ = "read"
    COLLECT = "collect"
    WORK_TASKS = "work_tasks"
    DECIDE_LETTERS = "decide_letters"
    RECORD_PAYMENTS = "record_payments"
    REDUCE_INVOICES = "reduce_invoices"
    IMPORT = "import"


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
}
"""Promises, calls, pauses and notes are collecting. Credit notes and cancellations reduce what is owed: that is not a collector's to do."""

ACTIVITY: dict[May, str] = {
    May.READ: "read",
    May.COLLECT: "record promises, calls, pauses and notes",
    May.WORK_TASKS: "close tasks",
    May.DECIDE_LETTERS: "decide what became of a letter",
    May.RECORD_PAYMENTS: "record or reverse payments",
    May.REDUCE_INVOICES: "cancel or credit invoices",
    May.IMPORT: "bring in invoices",
}


def refusal(role: Role, wanted: May) -> str | None:
    """Why the role may not, and who may; None when it may."""
    if role in ALLOWED[wanted]:
        return None
    able = ", ".join(sorted(role.value for role in ALLOWED[wanted]))
    return f"the role {role.value} may not {ACTIVITY[wanted]}; ask someone who is {able}"
