"""From the read model's cases to what is answered: minor units become decimal strings, packed facts become lists."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.read_model.cases import CaseRow
from adapters.read_model.journal import JournalLine
from adapters.read_model.plans import Missed, fates, missed_now, revisions, terms_proposed, terms_shown
from api.schemas.amounts import Amount
from api.schemas.credit_reviews import CreditReviewOut
from api.schemas.plans import InstalmentOut, PlanDetail, PlanInstalmentOut, PlanOut, PlanRevisionOut, ScheduleOut
from api.schemas.suspensions import BookedOut, SuspensionOut, WriteOffOut
from domain.payment_plan.instalments import Instalment, Schedule


def plan(row: CaseRow) -> PlanOut:
    said, currency, terms = row.summary, row.summary["currency"], terms_shown(row.summary)

    def amount(minor: int) -> Amount:
        return Amount.of(minor, currency)

    return PlanOut(
        **_case(row), currency=currency, in_force=said["in_force"], revision=terms.revision, total=amount(terms.schedule.total),
        interest=amount(terms.schedule.interest), received=amount(said["received"]),
        outstanding=amount(0 if row.outcome else terms.schedule.outstanding(said["received"])), instalments_missed=said["missed"],
        made_by=said["by"], answer_by=said["lapses_on"], reason=said["reason"],
    )  # fmt: skip


def plan_in_full(row: CaseRow, chain: Sequence[JournalLine]) -> PlanDetail:
    said, currency, missed = row.summary, row.summary["currency"], missed_now(chain)
    terms, proposed = terms_shown(said).schedule, terms_proposed(said)
    return PlanDetail(
        **plan(row).model_dump(),
        instalments=[
            _instalment(one, currency, share, missed.get(one.number))
            for one, share in zip(terms.instalments, terms.paid(said["received"]), strict=True)
        ],
        proposed=schedule(proposed.schedule, currency) if proposed else None,
        revisions=_revisions(chain, currency),
    )  # fmt: skip


def _instalment(one: Instalment, currency: str, share: int, missed: Missed | None) -> PlanInstalmentOut:
    return PlanInstalmentOut(
        number=one.number, due_on=one.due_on, amount=Amount.of(one.amount, currency), interest=Amount.of(one.interest, currency),
        paid=Amount.of(share, currency), missed=missed is not None, grace_until=missed.grace_until if missed else None,
    )  # fmt: skip


def _revisions(chain: Sequence[JournalLine], currency: str) -> list[PlanRevisionOut]:
    fate_of = fates(chain)
    return [
        PlanRevisionOut(
            number=line.facts["revision"], made_by=line.actor, made_at=line.business_at, asked_by=line.facts.get("asked_by"),
            why=line.facts.get("why") or "", comment=line.text, instalments=line.facts["instalments"], first_on=line.facts["first_on"],
            last_on=line.facts["last_on"], total=Amount.of(line.facts["total"], currency),
            interest=Amount.of(line.facts["interest"], currency), fate=fate.kind.removeprefix("plan.") if fate else None,
            fate_by=fate.actor if fate else None, fate_at=fate.business_at if fate else None,
        )
        for line in revisions(chain) for fate in [fate_of.get(line.facts["revision"])]
    ]  # fmt: skip


def schedule(of: Schedule, currency: str) -> ScheduleOut:
    return ScheduleOut(
        debt=Amount.of(of.principal, currency), interest=Amount.of(of.interest, currency),
        total=Amount.of(of.principal + of.interest, currency), last_on=of.last_day,
        instalments=[
            InstalmentOut(
                number=one.number, due_on=one.due_on, amount=Amount.of(one.amount, currency), interest=Amount.of(one.interest, currency)
            )
            for one in of.instalments
        ],
    )  # fmt: skip


def suspension(row: CaseRow) -> SuspensionOut:
    said = row.summary
    return SuspensionOut(
        **_case(row), **{name: said[name] for name in _SUSPENSION_FACTS}, owed=_owed(said), asked_by=_names(said, "askers"),
        warned_invoice_ids=_names(said, "warned"),
    )  # fmt: skip


_SUSPENSION_FACTS = (
    "prepaid", "spared", "undelivered", "returned", "extended_days", "delivered_on", "notice_ends", "suspended_on", "hand_over_on"
)  # fmt: skip


def credit_review(row: CaseRow, conditions: str | None = None) -> CreditReviewOut:
    said = row.summary
    limit, currency = said.get("limit"), said.get("currency")
    return CreditReviewOut(
        **_case(row), reason=said["reason"], stopped=said["stopped"], segment=said["segment"], ability=said.get("ability"),
        willingness=said.get("willingness"), insolvent=bool(said.get("insolvent")), course=said.get("course"),
        limit=Amount.of(limit, currency) if limit is not None and currency else None, conditions=conditions,
        next_review_on=said.get("next_review_on"), verdict_by=said.get("by"),
    )  # fmt: skip


def write_off(row: CaseRow, currencies: Mapping[str, str]) -> WriteOffOut:
    """`currencies`: of the case's invoices."""
    said = row.summary
    booked = [
        BookedOut(
            invoice_id=name, written_off=Amount.of(said[f"booked_{name}"], currencies[name]),
            recovered=Amount.of(said[f"recovered_{name}"], currencies[name]),
        )
        for name in _names(said, "invoices") if f"booked_{name}" in said
    ]  # fmt: skip
    return WriteOffOut(**_case(row), owed=_owed(said), decision=said["decision"], decided_by=said["proposed_by"], booked=booked)


def _case(row: CaseRow) -> dict[str, Any]:
    shown = row.model_dump(
        include={"account_id", "account_name", "stage", "waiting_for", "awaiting_role", "next_step", "next_on", "outcome"}
    )
    return {"id": row.case_id, "invoice_ids": _names(row.summary, "invoices"), **shown}


def _names(said: dict[str, Any], key: str) -> list[str]:
    return str(said.get(key) or "").split()


def _owed(said: dict[str, Any]) -> list[Amount]:
    """Facts such as owed_EUR, in minor units."""
    found = sorted((key.removeprefix("owed_"), minor) for key, minor in said.items() if key.startswith("owed_"))
    return [Amount.of(int(minor), currency) for currency, minor in found]
