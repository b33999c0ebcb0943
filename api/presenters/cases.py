"""From the read model's cases to what is answered: minor units become decimal strings, packed facts become lists."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.read_model.cases import CaseRow
from adapters.read_model.journal import JournalLine
from adapters.read_model.plans import (
    MissedInstalment,
    find_missed_instalments,
    find_revision_fates,
    list_revisions,
    parse_current_terms,
    parse_proposed_terms,
)
from api.schemas.amounts import Amount
from api.schemas.credit_reviews import CreditReviewOut
from api.schemas.plans import InstalmentOut, PlanDetail, PlanInstalmentOut, PlanOut, PlanRevisionOut, ScheduleOut
from api.schemas.suspensions import BookedOut, SuspensionOut, WriteOffOut
from domain.payment_plan.instalments import Instalment, InstalmentSchedule


def present_plan(row: CaseRow) -> PlanOut:
    said, currency, terms = row.summary, row.summary["currency"], parse_current_terms(row.summary)

    def amount(minor: int) -> Amount:
        return Amount.from_minor(minor, currency)

    return PlanOut(
        **_present_case_fields(row),
        currency=currency,
        in_force=said["in_force"],
        revision=terms.revision,
        total=amount(terms.schedule.total),
        interest=amount(terms.schedule.interest),
        received=amount(said["received"]),
        outstanding=amount(0 if row.outcome else terms.schedule.outstanding_amount(said["received"])),
        instalments_missed=said["missed"],
        made_by=said["by"],
        answer_by=said["lapses_on"],
        reason=said["reason"],
    )


def present_plan_detail(row: CaseRow, chain: Sequence[JournalLine]) -> PlanDetail:
    said, currency, missed = row.summary, row.summary["currency"], find_missed_instalments(chain)
    terms, proposed = parse_current_terms(said).schedule, parse_proposed_terms(said)
    return PlanDetail(
        **present_plan(row).model_dump(),
        instalments=[
            _present_instalment(one, currency, share, missed.get(one.number))
            for one, share in zip(terms.instalments, terms.paid_amounts(said["received"]), strict=True)
        ],
        proposed=present_schedule(proposed.schedule, currency) if proposed else None,
        revisions=_present_revisions(chain, currency),
    )


def _present_instalment(instalment: Instalment, currency: str, share: int, missed: MissedInstalment | None) -> PlanInstalmentOut:
    return PlanInstalmentOut(
        number=instalment.number,
        due_on=instalment.due_on,
        amount=Amount.from_minor(instalment.amount, currency),
        interest=Amount.from_minor(instalment.interest, currency),
        paid=Amount.from_minor(share, currency),
        missed=missed is not None,
        grace_until=missed.grace_until if missed else None,
    )


def _present_revisions(chain: Sequence[JournalLine], currency: str) -> list[PlanRevisionOut]:
    fate_of = find_revision_fates(chain)
    return [
        PlanRevisionOut(
            number=line.facts["revision"],
            made_by=line.actor,
            made_at=line.business_at,
            asked_by=line.facts.get("asked_by"),
            why=line.facts.get("why") or "",
            comment=line.text,
            instalments=line.facts["instalments"],
            first_on=line.facts["first_on"],
            last_on=line.facts["last_on"],
            total=Amount.from_minor(line.facts["total"], currency),
            interest=Amount.from_minor(line.facts["interest"], currency),
            fate=fate.kind.removeprefix("plan.") if fate else None,
            fate_by=fate.actor if fate else None,
            fate_at=fate.business_at if fate else None,
        )
        for line in list_revisions(chain)
        for fate in [fate_of.get(line.facts["revision"])]
    ]


def present_schedule(schedule: InstalmentSchedule, currency: str) -> ScheduleOut:
    return ScheduleOut(
        debt=Amount.from_minor(schedule.principal, currency),
        interest=Amount.from_minor(schedule.interest, currency),
        total=Amount.from_minor(schedule.principal + schedule.interest, currency),
        last_on=schedule.last_day,
        instalments=[
            InstalmentOut(
                number=one.number,
                due_on=one.due_on,
                amount=Amount.from_minor(one.amount, currency),
                interest=Amount.from_minor(one.interest, currency),
            )
            for one in schedule.instalments
        ],
    )


def present_suspension(row: CaseRow) -> SuspensionOut:
    said = row.summary
    return SuspensionOut(
        **_present_case_fields(row),
        **{name: said[name] for name in _SUSPENSION_FIELDS},
        owed=_present_owed_amounts(said),
        asked_by=_split_names(said, "askers"),
        warned_invoice_ids=_split_names(said, "warned"),
    )


_SUSPENSION_FIELDS = (
    "prepaid",
    "spared",
    "undelivered",
    "returned",
    "extended_days",
    "delivered_on",
    "notice_ends",
    "suspended_on",
    "hand_over_on",
)


def present_credit_review(row: CaseRow, conditions: str | None = None) -> CreditReviewOut:
    said = row.summary
    limit, currency = said.get("limit"), said.get("currency")
    return CreditReviewOut(
        **_present_case_fields(row),
        reason=said["reason"],
        stopped=said["stopped"],
        segment=said["segment"],
        ability=said.get("ability"),
        willingness=said.get("willingness"),
        insolvent=bool(said.get("insolvent")),
        course=said.get("course"),
        limit=Amount.from_minor(limit, currency) if limit is not None and currency else None,
        conditions=conditions,
        next_review_on=said.get("next_review_on"),
        verdict_by=said.get("by"),
    )


def present_write_off(row: CaseRow, currencies: Mapping[str, str]) -> WriteOffOut:
    """`currencies`: of the case's invoices."""
    said = row.summary
    booked = [
        BookedOut(
            invoice_id=name,
            written_off=Amount.from_minor(said[f"booked_{name}"], currencies[name]),
            recovered=Amount.from_minor(said[f"recovered_{name}"], currencies[name]),
        )
        for name in _split_names(said, "invoices")
        if f"booked_{name}" in said
    ]
    return WriteOffOut(
        **_present_case_fields(row),
        owed=_present_owed_amounts(said),
        decision=said["decision"],
        decided_by=said["proposed_by"],
        booked=booked,
    )


def _present_case_fields(row: CaseRow) -> dict[str, Any]:
    shown = row.model_dump(
        include={"account_id", "account_name", "stage", "waiting_for", "awaiting_role", "next_step", "next_on", "outcome"}
    )
    return {"id": row.case_id, "invoice_ids": _split_names(row.summary, "invoices"), **shown}


def _split_names(summary: dict[str, Any], key: str) -> list[str]:
    return str(summary.get(key) or "").split()


def _present_owed_amounts(summary: dict[str, Any]) -> list[Amount]:
    """Facts such as owed_EUR, in minor units."""
    found = sorted((key.removeprefix("owed_"), minor) for key, minor in summary.items() if key.startswith("owed_"))
    return [Amount.from_minor(int(minor), currency) for currency, minor in found]
