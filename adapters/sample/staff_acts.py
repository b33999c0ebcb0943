"""The kinds of acts of the sample's script: what each does when its day has come.

Each is made by a function that returns the act itself, to be done at a desk; it returns the id under which it was taken.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from adapters.sample.accounts import SAMPLE_ACCOUNTS
from adapters.sample.staff_desk import ActRefused, StaffDesk, parse_money
from domain import identifiers as ids
from domain.money import Money

Deed = Callable[[StaffDesk], Awaitable[str]]

_ACCOUNTS = {account.id: account for account in SAMPLE_ACCOUNTS}


class Contest(NamedTuple):
    """What a customer contests of an invoice: `amount` in minor units, None for all that is open. `again_in`: the days after which the
    collector sees whether it has its answer."""

    invoice_id: str
    reason: str
    comment: str
    amount: int | None = None
    again_in: int = 14


def call(
    account: str, note: str, outcome: str = "reached", *, promised_days: int = 0, contest: Contest | None = None, again_in: int = 0
) -> Deed:
    """A call with the customer's contact, who may promise all that is overdue within so many days, or contest an invoice."""

    async def act(desk: StaffDesk) -> str:
        customer = _ACCOUNTS[account]
        promises = [{"invoices": "overdue", "currency": customer.currency, "by": desk.format_day(promised_days)}] if promised_days else []
        body: dict[str, Any] = {
            "outcome": outcome,
            "contact": customer.contact if outcome == "reached" else "",
            "note": note,
            "promises": promises,
            "disputes": [await _build_contest(desk, account, contest)] if contest else [],
            "look_again_on": desk.format_day(again_in) if again_in else None,
        }
        return await desk.post(f"/v1/accounts/{account}/calls", body)

    return act


async def _build_contest(desk: StaffDesk, account: str, contest: Contest) -> dict[str, str]:
    owed = dict(await desk.list_open_invoices(account))
    if contest.invoice_id not in owed:
        raise ActRefused(f"invoice {contest.invoice_id} is not open any more")
    whole = owed[contest.invoice_id]
    amount = Money(minor=contest.amount or whole.minor, currency=whole.currency)
    return {
        "invoice_id": contest.invoice_id,
        "amount": str(amount.major),
        "currency": amount.currency,
        "reason": contest.reason,
        "comment": contest.comment,
        "look_again_on": desk.format_day(contest.again_in),
    }


def resolve_dispute(account: str, resolution: str, comment: str, credit: int | None = None) -> Deed:
    """The department's answer to the account's open dispute. `credit` in minor units, for a credit note."""

    async def act(desk: StaffDesk) -> str:
        dispute = await desk.find_open_case("disputes", account)
        currency = dispute["amount"]["currency"]
        amount = {"amount": str(Money(minor=credit, currency=currency).major), "currency": currency} if credit else None
        body = {"resolution": resolution, "amount": amount, "comment": comment}
        return await desk.post(f"/v1/disputes/{_quote(dispute['id'])}/resolution", body)

    return act


def decide_dispute_credit(account: str, comment: str = "") -> Deed:
    async def act(desk: StaffDesk) -> str:
        return await desk.decide((await desk.find_open_case("disputes", account))["id"], "approve", comment)

    return act


def propose_plan(account: str, invoices: Sequence[str], parts: int, why: str, *, first_in: int = 10, rhythm: str = "monthly") -> Deed:
    """A plan over those of the invoices that are open, in equal parts, the first in so many days."""

    async def act(desk: StaffDesk) -> str:
        owed = [invoice_id for invoice_id, _ in await desk.list_open_invoices(account) if invoice_id in invoices]
        if not owed:
            raise ActRefused(f"nothing is left to be paid in instalments by {account}")
        terms = {"first_on": desk.format_day(first_in), "equal": parts, "rhythm": rhythm}
        body = {"invoices": owed, "currency": _ACCOUNTS[account].currency, "terms": terms, "asked_by": "customer", "why": why}
        return await desk.post(f"/v1/accounts/{account}/plans", body)

    return act


def decide_plan(account: str, decision: str = "approve", comment: str = "") -> Deed:
    async def act(desk: StaffDesk) -> str:
        return await desk.decide((await desk.find_open_case("plans", account))["id"], decision, comment)

    return act


def accept_plan(account: str, comment: str) -> Deed:
    """The customer agreed to the terms that were offered last."""

    async def act(desk: StaffDesk) -> str:
        plan = await desk.find_open_case("plans", account)
        return await desk.post(f"/v1/plans/{_quote(plan['id'])}/acceptance", {"revision": plan["revision"], "comment": comment})

    return act


def pay_instalment(account: str) -> Deed:
    """The customer pays the first instalment that is still owed of the plan in force."""

    async def act(desk: StaffDesk) -> str:
        plan = await desk.find_open_case("plans", account)
        if not plan["in_force"]:
            raise ActRefused(f"no plan of {account} is in force")
        for part in (await desk.get(f"/v1/plans/{_quote(plan['id'])}"))["instalments"]:
            owed = parse_money(part["amount"]).minor - parse_money(part["paid"]).minor
            if owed > 0:
                return await _pay_on(desk, account, plan["invoice_ids"], owed)
        raise ActRefused(f"nothing is left to be paid of the plan of {account}")

    return act


async def _pay_on(desk: StaffDesk, account: str, invoices: Sequence[str], amount: int) -> str:
    """Pay an amount, in minor units, on these invoices, the oldest due first; return the id of the last payment."""
    payment = ""
    for invoice_id, owed in await desk.list_open_invoices(account):
        paid = min(amount, owed.minor) if invoice_id in invoices else 0
        if paid:
            payment = desk.record_payment(account, Money(minor=paid, currency=owed.currency), invoice_id, part=invoice_id)
            amount -= paid
    return payment


def ask_suspension(account: str, reason: str) -> Deed:
    async def act(desk: StaffDesk) -> str:
        return await desk.post(f"/v1/accounts/{account}/suspension", {"reason": reason})

    return act


def sign_suspension(account: str, comment: str = "") -> Deed:
    """Sign the warning, or after the notice the suspension itself: whichever waits."""

    async def act(desk: StaffDesk) -> str:
        return await desk.decide(ids.suspension_case_id(account), "approve", comment)

    return act


def pay_while_suspended(account: str) -> Deed:
    """The customer, whose service is off, pays every open invoice."""

    async def act(desk: StaffDesk) -> str:
        await _require_suspended(desk, account)
        paid = ""
        for invoice_id, owed in await desk.list_open_invoices(account):
            paid = desk.record_payment(account, owed, invoice_id, part=invoice_id)
        return paid

    return act


def hand_over(account: str) -> Deed:
    async def act(desk: StaffDesk) -> str:
        await _require_suspended(desk, account)
        return await desk.post(f"/v1/accounts/{account}/suspension/hand-over")

    return act


async def _require_suspended(desk: StaffDesk, account: str) -> None:
    suspension = await desk.get(f"/v1/accounts/{account}/suspension")
    if suspension["suspended_on"] is None or suspension["outcome"] is not None:
        raise ActRefused(f"{account} is not suspended")


def write_off_whole(account: str, reason: str) -> Deed:
    async def act(desk: StaffDesk) -> str:
        return await desk.post(f"/v1/accounts/{account}/write-off/decision", {"decision": "whole", "reason": reason})

    return act


def sign_write_off(account: str, comment: str = "") -> Deed:
    async def act(desk: StaffDesk) -> str:
        return await desk.decide(ids.write_off_case_id(account), "approve", comment)

    return act


def escalate(invoice_id: str, role: str, comment: str) -> Deed:
    async def act(desk: StaffDesk) -> str:
        return await desk.post(f"/v1/invoices/{invoice_id}/escalations", {"role": role, "comment": comment})

    return act


def answer_escalation(invoice_id: str, escalation: str, comment: str) -> Deed:
    """`escalation`: the script's name of the act that escalated."""

    async def act(desk: StaffDesk) -> str:
        body = {"escalation": desk.get_answer(escalation), "comment": comment}
        return await desk.post(f"/v1/invoices/{invoice_id}/escalations/answer", body)

    return act


def refer(account: str, comment: str) -> Deed:
    async def act(desk: StaffDesk) -> str:
        return await desk.post(f"/v1/accounts/{account}/credit-reviews", {"reason": "collector", "comment": comment})

    return act


def give_verdict(account: str, verdict: Mapping[str, Any]) -> Deed:
    async def act(desk: StaffDesk) -> str:
        return await desk.post(f"/v1/credit-reviews/{_quote(ids.credit_review_case_id(account))}/verdict", dict(verdict))

    return act


def _quote(case_id: object) -> str:
    return quote(str(case_id), safe="")
