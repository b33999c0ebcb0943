"""The tables of a printed dossier about plans, reviews, suspensions, approvals and write-offs."""

from datetime import date

from adapters.dossier.printed_models import DossierFormatter, PrintedTable
from adapters.i18n.wording import fill_placeholders
from domain.dossier import Dossier
from domain.projection.case_facts import SignatureFacts, SuspensionFacts

SuspensionEvent = tuple[date | None, str, str]
"""The day, what happened, and who decided it."""


def build_plan_tables(dossier: Dossier, formatter: DossierFormatter) -> list[PrintedTable]:
    rows = [
        [
            formatter.format_day(plan.proposed_on),
            formatter.format_invoices(plan.invoices),
            formatter.format_money(plan.terms.total, plan.currency),
            formatter.format_money(plan.terms.interest, plan.currency),
            formatter.format_number(plan.terms.instalments),
            f"{formatter.format_day(plan.terms.first_on)} – {formatter.format_day(plan.terms.last_on)}",
            f"{plan.paid_instalments} / {plan.missed_instalments}",
            formatter.format_money(plan.received, plan.currency),
            formatter.format_word(plan.state),
            formatter.format_day(plan.ended_on),
        ]
        for plan in dossier.plans
    ]
    columns = ("made", "invoices*1.2", "amount>", "interest>", "instalments>", "term*1", "kept>", "received>", "state", "ended")
    return formatter.build_tables(columns, rows)


def build_credit_tables(dossier: Dossier, formatter: DossierFormatter) -> list[PrintedTable]:
    referrals = [
        [formatter.format_day(referral.on), formatter.format_word(referral.reason), formatter.format_word(referral.by)]
        for referral in dossier.referrals
    ]
    verdicts = [
        [
            formatter.format_day(verdict.on),
            f"{formatter.format_word(verdict.ability)}, {formatter.format_word(verdict.willingness)}",
            formatter.format_word(verdict.course),
            formatter.format_word("yes" if verdict.insolvent else "no"),
            formatter.format_money(verdict.limit, verdict.currency),
            formatter.format_day(verdict.next_review_on),
            formatter.format_word(verdict.by),
        ]
        for verdict in dossier.verdicts
    ]
    captions = formatter.words.captions
    return [
        *formatter.build_tables(("date", "reason*1", "by*1"), referrals, captions["referrals"]),
        *formatter.build_tables(
            ("date", "verdict*1", "course*1", "insolvent", "limit>", "next_review", "by*0.8"), verdicts, captions["verdicts"]
        ),
    ]


def build_suspension_tables(dossier: Dossier, formatter: DossierFormatter) -> list[PrintedTable]:
    """Build a table for each case: what happened, when, and who decided it."""
    return [
        table
        for suspension in dossier.suspensions
        for table in formatter.build_tables(
            ("date", "what*1.6", "by*1"),
            [
                [formatter.format_day(day), event, decider]
                for day, event, decider in _list_suspension_events(suspension, formatter)
                if day is not None
            ],
        )
    ]


def _list_suspension_events(suspension: SuspensionFacts, formatter: DossierFormatter) -> list[SuspensionEvent]:
    words = formatter.words.suspension
    warnings: list[SuspensionEvent] = []
    for warning in suspension.warnings:
        warnings.append((warning.requested_on, words["warning"], ""))
        if warning.undelivered_because:
            why = formatter.format_word(warning.undelivered_because)
            warnings.append((warning.delivered_on or warning.requested_on, fill_placeholders(words["undelivered"], {"why": why}), ""))
        else:
            warnings.append((warning.delivered_on, words["delivered"], ""))
    return [
        (suspension.asked_on, words["asked"], formatter.format_people(suspension.asked_by)),
        (suspension.warning_approved_on, words["warning_approved"], formatter.format_people(suspension.warning_approved_by)),
        *warnings,
        (suspension.notice_ends, words["notice_extended" if suspension.extended else "notice_ends"], ""),
        (suspension.approved_on, words["approved"], formatter.format_people(suspension.approved_by)),
        (suspension.suspended_on, words["suspended"], ""),
        (suspension.handed_over_on, words["handed_over"], ""),
        (suspension.reinstated_on, words["reinstated"], ""),
        (suspension.ended_on, fill_placeholders(words["ended"], {"why": formatter.format_word(suspension.ending)}), ""),
    ]


def build_approval_tables(dossier: Dossier, formatter: DossierFormatter) -> list[PrintedTable]:
    rows = []
    for approval in dossier.approvals:
        signed = [_format_signature(signature, formatter) for signature in approval.signatures]
        result = (
            f"{formatter.format_word(approval.result)} ({formatter.words.translate_decision_reason(approval.reason)})"
            if approval.reason
            else formatter.format_word(approval.result)
        )
        rows.append(
            [
                formatter.format_day(approval.requested_on),
                formatter.format_word(approval.matter),
                formatter.format_money(approval.amount, approval.currency),
                formatter.format_word(approval.requester),
                "; ".join(signed) or "–",
                result,
                formatter.format_day(approval.ended_on),
            ]
        )
    return formatter.build_tables(("asked", "matter*1", "amount>", "by*0.8", "signed*1.8", "result*0.9", "ended"), rows)


def build_write_off_tables(dossier: Dossier, formatter: DossierFormatter) -> list[PrintedTable]:
    write_off, captions = dossier.write_off, formatter.words.captions
    decisions = [
        [
            formatter.format_day(decision.on),
            formatter.format_word(decision.decision),
            formatter.format_word(decision.by),
            formatter.format_word(decision.result),
            formatter.format_day(decision.answered_on),
            decision.answered_by or "",
        ]
        for decision in write_off.decisions
    ]
    booked, recovered = (
        [
            [
                formatter.format_day(booking.on),
                formatter.format_invoice(booking.invoice),
                formatter.format_money(booking.amount, booking.currency),
            ]
            for booking in bookings
        ]
        for bookings in (write_off.booked, write_off.recovered)
    )
    return [
        *formatter.build_tables(("date", "decision*1", "by*1", "result*1", "answered", "answered_by*1"), decisions, captions["decisions"]),
        *formatter.build_tables(("date", "invoice*1", "amount>"), booked, captions["booked"]),
        *formatter.build_tables(("date", "invoice*1", "amount>"), recovered, captions["recovered"]),
    ]


def _format_signature(signature: SignatureFacts, formatter: DossierFormatter) -> str:
    deputy = f" ({signature.on_behalf_of})" if signature.on_behalf_of else ""
    return (
        f"{formatter.format_word(signature.word)}: {signature.by}{deputy}, {formatter.format_word(signature.role)}, "
        f"{formatter.format_day(signature.on)}"
    )
