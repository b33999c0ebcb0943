"""Turns a payment plan's row and journal lines into its body, with its instalments and revisions."""

from collections.abc import Sequence

from adapters.read_model.cases import CaseRow
from adapters.read_model.journal import JournalLine
from adapters.read_model.plans import MissedInstalment, find_missed_instalments, find_revision_fates, list_revisions
from api.presenters.account_cases import present_case_fields
from api.schemas.amounts import Amount
from api.schemas.plans import InstalmentOut, PlanDetail, PlanInstalmentOut, PlanOut, PlanRevisionOut, ScheduleOut
from domain.payment_plan.instalments import Instalment, InstalmentSchedule
from domain.payment_plan.summary import PaymentPlanSummary


def present_plan(row: CaseRow) -> PlanOut:
    summary = row.summary_of(PaymentPlanSummary)
    currency, terms = summary.currency, summary.current_terms

    def amount(minor: int) -> Amount:
        return Amount.from_minor(minor, currency)

    return PlanOut(
        **present_case_fields(row),
        currency=currency,
        in_force=summary.in_force,
        revision=terms.revision,
        total=amount(terms.schedule.total),
        interest=amount(terms.schedule.interest),
        received=amount(summary.received),
        outstanding=amount(0 if row.outcome else terms.schedule.outstanding_amount(summary.received)),
        instalments_missed=summary.missed,
        made_by=summary.by,
        answer_by=summary.lapses_on,
        reason=summary.reason,
    )


def present_plan_detail(row: CaseRow, chain: Sequence[JournalLine]) -> PlanDetail:
    summary, missed = row.summary_of(PaymentPlanSummary), find_missed_instalments(chain)
    currency, terms, proposed = summary.currency, summary.current_terms.schedule, summary.proposed_terms
    return PlanDetail(
        **present_plan(row).model_dump(),
        instalments=[
            _present_instalment(instalment, currency, share, missed.get(instalment.number))
            for instalment, share in zip(terms.instalments, terms.paid_amounts(summary.received), strict=True)
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
                number=instalment.number,
                due_on=instalment.due_on,
                amount=Amount.from_minor(instalment.amount, currency),
                interest=Amount.from_minor(instalment.interest, currency),
            )
            for instalment in schedule.instalments
        ],
    )
