"""Where the other cases of an account stand, once more in the plainest way: by the last of their entries that tells.

A place is (stage, who is waited for). It shares nothing with `domain.projection.case_state`, which it judges, but the entries' names.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from domain.journal.account_entries import AccountEntry

NaivePosition = tuple[str, str]
NOBODY = ("nothing", "time", "approval", "")


def get_fact(entry: AccountEntry, name: str) -> Any:
    """None where the entry says nothing of it."""
    return entry.facts.get(name)


def find_last(entries: Sequence[AccountEntry], *kinds: str) -> AccountEntry | None:
    found = [one for one in entries if one.kind in kinds]
    return found[-1] if found else None


def naive_approval(entries: Sequence[AccountEntry]) -> NaivePosition:
    last = find_last(
        entries, "approval.asked", "approval.escalated", "approval.granted", "approval.rejected", "approval.returned", "approval.lapsed"
    )
    if last is None:
        return "asked", ""
    if last.kind in ("approval.asked", "approval.escalated"):
        return last.kind[9:], get_fact(last, "role" if last.kind == "approval.asked" else "to")
    return {"approval.granted": "approved"}.get(last.kind, last.kind[9:]), "nothing"


def naive_dispute(entries: Sequence[AccountEntry], asked: set[str]) -> NaivePosition:
    """`asked`: the cases of which an approval is open."""
    if find_last(entries, "dispute.resolved"):
        return "closed", "nothing"
    answer = find_last(entries, "dispute.resolution_proposed", "dispute.returned")
    if answer and answer.kind == "dispute.resolution_proposed":
        return ("approval", "approval") if answer.case_id in asked else ("booking", "billing")
    owners = [(one.seq, get_fact(one, "department")) for one in entries if one.kind in ("dispute.raised", "dispute.assigned")]
    since = max(seq for place, (seq, name) in enumerate(owners) if place == 0 or owners[place - 1][1] != name)
    returned = find_last(entries, "dispute.returned")
    begun = max(since, returned.seq if returned else 0)
    late = find_last([one for one in entries if one.seq > begun], "dispute.escalated")
    return "open", get_fact(late, "role") if late else owners[-1][1]


def naive_credit_request(entries: Sequence[AccountEntry], asked: set[str]) -> NaivePosition:
    """`asked`: the cases of which an approval is open."""
    last = find_last(entries, "credit_request.asked", "credit_request.ended")
    if last and last.kind == "credit_request.ended":
        return get_fact(last, "ending"), "nothing"
    return ("approval", "approval") if entries[0].case_id in asked else ("booking", "billing")


def naive_plan(entries: Sequence[AccountEntry]) -> NaivePosition:
    ended = find_last(entries, "plan.broken", "plan.completed", "plan.cancelled")
    if ended:
        return ended.kind[5:], "nothing"
    round_ = find_last(
        entries,
        "plan.proposed",
        "plan.revised",
        "plan.returned",
        "plan.offered",
        "plan.accepted",
        "plan.rejected",
        "plan.declined",
        "plan.lapsed",
    )
    assert round_ is not None
    if round_.kind in ("plan.rejected", "plan.declined", "plan.lapsed"):
        nothing_came = ("cancelled" if round_.kind == "plan.lapsed" else "rejected", "nothing")
        return ("active", "payment") if find_last(entries, "plan.accepted") else nothing_came
    return {
        "plan.returned": ("proposed", "author"),
        "plan.offered": ("offered", "customer"),
        "plan.accepted": ("active", "payment"),
    }.get(round_.kind, ("approval", "approval"))


def naive_credit_review(entries: Sequence[AccountEntry]) -> NaivePosition:
    last = find_last(entries, "credit_review.referred", "credit_review.due", "credit_review.verdict", "credit_review.ended")
    return {"credit_review.verdict": ("reviewed", "time"), "credit_review.ended": ("ended", "nothing")}.get(
        last.kind if last else "", ("referred", "verdict")
    )


def naive_write_off(entries: Sequence[AccountEntry]) -> NaivePosition:
    turns = [
        one
        for one in entries
        if one.kind in ("write_off.approval_asked", "write_off.booking_ordered", "write_off.decided", "write_off.ended")
        or (one.kind == "write_off.approval_answered" and get_fact(one, "result") != "approved")
    ]
    if not turns:
        return "deciding", "decision"
    last = turns[-1]
    came_since = any(one.kind == "write_off.handed_over" and one.seq > last.seq for one in entries)
    ordered = find_last(turns, "write_off.booking_ordered")
    came_meanwhile = ordered and any(one.kind == "write_off.handed_over" and ordered.seq < one.seq < last.seq for one in entries)
    match last.kind:
        case "write_off.decided" if came_since or (came_meanwhile and get_fact(last, "decision") == "whole"):
            return "deciding", "decision"
        case "write_off.decided":
            return "decided", "payment"
        case "write_off.ended":
            return ("deciding", "decision") if came_since else ("ended", "nothing")
        case "write_off.approval_answered":
            return "deciding", "decision"
    return ("approval", "approval") if last.kind == "write_off.approval_asked" else ("booking", "billing")


STAGES = {
    "suspension.warning_requested": "warning",
    "suspension.warning_undelivered": "warning",
    "suspension.warning_delivered": "notice",
    "suspension.notice_extended": "notice",
    "suspension.begun_anew": "asked",
    "suspension.ordered": "suspending",
    "suspension.suspended": "suspended",
    "suspension.reinstatement_ordered": "reinstating",
    "suspension.handed_over": "handed_over",
    "suspension.handed_back": "suspended",
    "suspension.ended": "ended",
}
ASKING = {"suspension_warning": "warning_approval", "suspension": "sign_off"}


def naive_suspension(entries: Sequence[AccountEntry]) -> NaivePosition:
    """Of the last one on the chain: its stages one on the other, those of a question taken off again when it comes to nothing."""
    begun = find_last(entries, "case.opened")
    mine = [one for one in entries if begun is None or one.seq >= begun.seq]
    stage = _stages(mine)[-1]
    returned = _is_returned(mine)
    spared = find_last(mine, "suspension.spared", "suspension.resumed")
    if stage == "ended":
        return stage, "nothing"
    if returned:
        return stage, "requester"
    if spared and spared.kind == "suspension.spared" and stage not in ("suspending", "reinstating", "handed_over"):
        return stage, "dispute"
    warned = find_last(mine, "suspension.warning_requested", "suspension.warning_undelivered")
    unheard = bool(warned and warned.kind == "suspension.warning_undelivered")
    freed = find_last(mine, "suspension.suspended", "suspension.handed_back")
    words = {
        "warning_approval": "approval",
        "sign_off": "approval",
        "warning": "address" if unheard else "letter",
        "suspending": "billing",
        "reinstating": "billing",
        "handed_over": "write_off",
        "suspended": "payment" if freed and freed.kind == "suspension.handed_back" else "time",
    }
    return stage, words.get(stage, "time")


def _stages(mine: Sequence[AccountEntry]) -> list[str]:
    stages = ["asked"]
    for place, one in enumerate(mine):
        if _takes_back(mine[: place + 1]):
            while stages[-1] in ASKING.values():
                stages.pop()
        elif one.kind == "suspension.approval_asked":
            stages.append(ASKING[get_fact(one, "matter")])
        elif one.kind in STAGES:
            stages.append(STAGES[one.kind])
    return stages


def _takes_back(so_far: Sequence[AccountEntry]) -> bool:
    """A question that lapsed; one that everything in dispute made idle; one that is asked again after it was returned."""
    last, before = so_far[-1], so_far[:-1]
    if last.kind == "suspension.approval_answered":
        return bool(get_fact(last, "result") == "lapsed")
    return (last.kind == "suspension.spared" and not _is_returned(before)) or (_asks_again(last) and _is_returned(before))


def _asks_again(one: AccountEntry) -> bool:
    return one.kind == "suspension.asked" and list(one.facts) == ["act"]


def _is_returned(mine: Sequence[AccountEntry]) -> bool:
    turns = [one for one in mine if one.kind.startswith("suspension.") and (one.kind in UNDOING or _asks_again(one) or _answers(one))]
    return bool(turns and _answers(turns[-1]) and get_fact(turns[-1], "result") == "returned")


def _answers(one: AccountEntry) -> bool:
    return one.kind == "suspension.approval_answered" and get_fact(one, "result") in ("returned", "lapsed")


UNDOING = (
    "suspension.approval_asked",
    "suspension.warning_undelivered",
    "suspension.notice_extended",
    "suspension.begun_anew",
    "suspension.ended",
)
READERS: dict[str, Any] = {
    "plan": naive_plan,
    "suspension": naive_suspension,
    "credit_review": naive_credit_review,
    "write_off": naive_write_off,
    "approval": naive_approval,
}


def naive_case_positions(entries: Sequence[AccountEntry]) -> dict[str, NaivePosition]:
    """Of every case but the invoices'; `entries` in any order."""
    mine = {name: sorted((one for one in entries if one.case_id == name), key=lambda one: one.seq) for name in _names(entries)}
    found: dict[str, NaivePosition] = {}
    for name, told in mine.items():
        kind = name.partition(":")[0]
        if kind in READERS:
            found[name] = READERS[kind](told)
    asked = {
        get_fact(mine[name][0], "subject") for name, (stage, _) in found.items() if stage in ("asked", "escalated") and "approval:" in name
    }
    found |= {name: naive_credit_request(told, asked) for name, told in mine.items() if name.startswith("credit_request:")}
    return found | {name: naive_dispute(told, asked) for name, told in mine.items() if name.startswith("dispute:")}


def _names(entries: Sequence[AccountEntry]) -> Iterator[str]:
    yield from sorted({one.case_id for one in entries})
