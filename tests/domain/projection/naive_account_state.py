"""An account's standing once more, in the plainest way: every question goes through all entries again, and remembers nothing."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from domain.journal.account_entries import AccountEntry
from domain.journal.entry import Entry
from domain.projection.state_models import AccountState
from tests.domain.projection.naive_case_state import NOBODY, get_fact, naive_case_positions

FATES = {"letter.sent": "sent", "letter.refused": "refused", "letter.unknown": "unknown", "letter.dropped": "dropped"}
SERVICE = {
    "suspension.suspended": True,
    "suspension.reinstated": False,
    "suspension.reinstatement_ordered": False,
}


def read_account_entries(entries: Iterable[Entry]) -> list[AccountEntry]:
    """As the journal is read: in the order of business time."""
    read = [
        AccountEntry(one.case_id, one.seq, one.kind.value, one.business_at, one.invoice_id, one.actor, dict(one.facts)) for one in entries
    ]
    return sorted(read, key=lambda one: (one.at, one.case_id, one.seq))


def _up_to(entries: Sequence[AccountEntry], day: date) -> list[AccountEntry]:
    return [one for one in entries if one.at.date() <= day]


def _last(entries: Sequence[AccountEntry], *kinds: str, **wanted: Any) -> AccountEntry | None:
    found = [one for one in entries if one.kind in kinds and all(one.facts.get(name) == value for name, value in wanted.items())]
    return max(found, key=lambda one: one.seq) if found else None


def _settling(entries: Sequence[AccountEntry]) -> list[tuple[int, str, int]]:
    """(number, status, open balance) after each entry that speaks of both."""
    found = []
    for one in entries:
        if one.kind in ("case.opened", "case.reopened"):
            found.append((one.seq, "open", get_fact(one, "open_balance")))
        elif one.kind == "case.closed":
            found.append((one.seq, get_fact(one, "outcome"), get_fact(one, "open_balance")))
        elif "status" in one.facts:
            found.append((one.seq, get_fact(one, "status"), get_fact(one, "open_balance")))
    return found


def _steps(entries: Sequence[AccountEntry]) -> list[str]:
    """Those that count as taken: one whose letter was withdrawn, dropped but for its time, or refused, was not carried out."""
    undone = {
        one.seq
        for one in entries
        if one.kind == "letter.withdrawn"
        or (one.kind == "letter.dropped" and get_fact(one, "reason") != "lapsed")
        or (one.kind == "letter.refused" and get_fact(one, "due_again"))
    }
    steps: list[str] = []
    for one in entries:
        if one.kind == "step.taken":
            steps.append(get_fact(one, "step"))
        elif one.seq in undone and steps[-1:] == [get_fact(one, "step")]:
            steps = steps[:-1]
    return steps


def naive_invoice_state(entries: Sequence[AccountEntry]) -> dict[str, Any]:
    """`entries` of one invoice's case, those of later days left out."""
    opened = next(one for one in entries if one.kind == "case.opened")
    pinned = _last(entries, "case.opened", "policy.adopted") or opened
    _, status, balance = _settling(entries)[-1]
    due = [get_fact(one, "due_date") for one in entries if get_fact(one, "due_date")]
    names = dict.fromkeys(get_fact(one, "hold") for one in entries if one.kind == "hold.placed")
    moves = {name: _last(entries, "hold.placed", "hold.lifted", hold=name) for name in names}
    standing = {name: move for name, move in moves.items() if move and move.kind == "hold.placed"}
    promise = _last(entries, "promise.made", "promise.kept", "promise.partly_kept", "promise.broken", "case.reopened")
    promised = get_fact(promise, "amount") if promise and promise.kind == "promise.made" and status == "open" else None
    disputed = _last(entries, "dispute.opened", "dispute.amount_changed", "dispute.closed")
    contested = get_fact(disputed, "amount") if disputed and disputed.kind != "dispute.closed" else 0
    steps = _steps(entries)
    return {
        "currency": get_fact(opened, "currency"),
        "due_date": due[-1],
        "open_balance": balance,
        "status": status,
        "stage": status if status != "open" else (steps[-1] if steps else "new"),
        "steps": steps,
        "holds": {name: (get_fact(move, "hold_kind"), get_fact(move, "until")) for name, move in standing.items()},
        "promised": promised,
        "disputed": min(contested, balance),
        "policy": (get_fact(pinned, "policy"), get_fact(pinned, "policy_version")),
    }


def naive_letter_states(entries: Sequence[AccountEntry], end: datetime) -> list[tuple[str, str]]:
    """(step, fate) of each letter that an invoice had asked for; `entries` of later days included."""
    found: list[list[str]] = []
    for one in sorted(entries, key=lambda one: one.seq):
        happened = datetime.fromisoformat(get_fact(one, "letter_at")) if one.kind in FATES else one.at
        if happened >= end:
            continue
        if one.kind == "letter.requested":
            found.append([get_fact(one, "step"), "under_way"])
        elif one.kind in FATES or one.kind == "letter.withdrawn":
            mine = [letter for letter in found if letter[0] == get_fact(one, "step")]
            mine[-1][1] = FATES.get(one.kind, "withdrawn")
        elif one.kind == "letter.skipped":
            mine = [letter for letter in found if letter[0] == get_fact(one, "step")]
            mine[-1][1] = "withdrawn" if mine[-1][1] == "under_way" else mine[-1][1]
    return [(step, result) for step, result in found]


def naive_is_service_off(entries: Sequence[AccountEntry]) -> bool:
    """Whether the account's service is off."""
    off = False
    for one in entries:
        ordered = one.kind == "suspension.reinstatement_ordered" and not one.case_id.startswith("write_off:")
        if one.kind in SERVICE and not one.case_id.startswith("invoice:") and not ordered:
            off = SERVICE[one.kind]
    return off


def group_cases(entries: Sequence[AccountEntry], prefix: str) -> dict[str, list[AccountEntry]]:
    names = sorted({one.case_id for one in entries if one.case_id.startswith(prefix)})
    return {name: sorted((one for one in entries if one.case_id == name), key=lambda one: one.seq) for name in names}


def naive_account_state(entries: Sequence[AccountEntry], day: date, end: datetime) -> dict[str, Any]:
    known = _up_to(entries, day)
    invoices = {name: naive_invoice_state(mine) for name, mine in group_cases(known, "invoice:").items()}
    currencies = {one["currency"] for one in invoices.values() if one["status"] == "open"}
    everything, cases = group_cases(entries, "invoice:"), naive_case_positions(known)
    return {
        "entries": len(known),
        "invoices": invoices,
        "balances": {
            code: (
                sum(one["open_balance"] for one in invoices.values() if one["currency"] == code and one["status"] == "open"),
                sum(
                    one["open_balance"]
                    for one in invoices.values()
                    if one["currency"] == code and one["status"] == "open" and date.fromisoformat(one["due_date"]) < day
                ),
            )
            for code in currencies
        },
        "letters": {name: naive_letter_states(everything[name], end) for name in invoices},
        "calls": sorted((one.at.date(), get_fact(one, "outcome")) for one in known if one.kind == "call.logged"),
        "cases": cases,
        "awaited": {(name, whom) for name, (_, whom) in cases.items() if whom not in NOBODY},
        "suspended": naive_is_service_off(known),
    }


def simplify_account_state(state: AccountState) -> dict[str, Any]:
    """The reduction under test, put as the naive one puts it."""
    return {
        "entries": state.entries,
        "invoices": {
            one.case_id: {
                "currency": one.currency,
                "due_date": one.due_date.isoformat() if one.due_date else None,
                "open_balance": one.open_balance,
                "status": one.status,
                "stage": one.stage,
                "steps": [past.step for past in one.taken],
                "holds": {hold.hold_id: (hold.kind, hold.until.isoformat() if hold.until else None) for hold in one.holds},
                "promised": one.promise.amount if one.promise else None,
                "disputed": one.disputed,
                "policy": (one.policy.name, one.policy.version) if one.policy else None,
            }
            for one in state.invoices
        },
        "balances": {one.currency: (one.open_balance, one.overdue) for one in state.balances},
        "letters": {
            name: [(one.name, one.fate) for one in state.letters if one.case_id == name]
            for name in (invoice.case_id for invoice in state.invoices)
        },
        "calls": sorted((one.on, one.outcome) for one in state.calls),
        "cases": {one.case_id: (one.stage, one.waiting_for) for one in state.cases},
        "awaited": {(one.case_id, one.whom) for one in state.awaited if not one.case_id.startswith("invoice:")},
        "suspended": state.suspended,
    }
