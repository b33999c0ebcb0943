"""The tables of a printed dossier that tell of plans, reviews, suspensions, approvals and write-offs."""

from datetime import date

from adapters.dossier.printed_models import DossierFormatter, PrintedTable
from adapters.i18n.wording import fill_placeholders
from domain.dossier import Dossier
from domain.projection.case_facts import SignatureFacts, SuspensionFacts

SuspensionEvent = tuple[date | None, str, str]
"""When, what, and by whom."""


def build_plan_tables(dossier: Dossier, formatter: DossierFormatter) -> list[PrintedTable]:
    rows = [
        [
            formatter.format_day(one.proposed_on),
            formatter.format_invoices(one.invoices),
            formatter.format_money(one.terms.total, one.currency),
            formatter.format_money(one.terms.interest, one.currency),
            formatter.format_number(one.terms.instalments),
            f"{formatter.format_day(one.terms.first_on)} – {formatter.format_day(one.terms.last_on)}",
            f"{one.paid_instalments} / {one.missed_instalments}",
            formatter.format_money(one.received, one.currency),
            formatter.format_word(one.state),
            formatter.format_day(one.ended_on),
        ]
        for one in dossier.plans
    ]
    columns = ("made", "invoices*1.2", "amount>", "interest>", "instalments>", "term*1", "kept>", "received>", "state", "ended")
    return formatter.build_tables(columns, rows)


def build_credit_tables(dossier: Dossier, formatter: DossierFormatter) -> list[PrintedTable]:
    referrals = [
        [formatter.format_day(one.on), formatter.format_word(one.reason), formatter.format_word(one.by)] for one in dossier.referrals
    ]
    verdicts = [
        [
            formatter.format_day(one.on),
            f"{formatter.format_word(one.ability)}, {formatter.format_word(one.willingness)}",
            formatter.format_word(one.course),
            formatter.format_word("yes" if one.insolvent else "no"),
            formatter.format_money(one.limit, one.currency),
            formatter.format_day(one.next_review_on),
            formatter.format_word(one.by),
        ]
        for one in dossier.verdicts
    ]
    captions = formatter.words.captions
    return [
        *formatter.build_tables(("date", "reason*1", "by*1"), referrals, captions["referrals"]),
        *formatter.build_tables(
            ("date", "verdict*1", "course*1", "insolvent", "limit>", "next_review", "by*0.8"), verdicts, captions["verdicts"]
        ),
    ]


def build_suspension_tables(dossier: Dossier, formatter: DossierFormatter) -> list[PrintedTable]:
    """A table for each case: what happened, when, and by whose word."""
    return [
        table
        for one in dossier.suspensions
        for table in formatter.build_tables(
            ("date", "what*1.6", "by*1"),
            [[formatter.format_day(day), what, who] for day, what, who in _list_suspension_events(one, formatter) if day is not None],
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
    for one in dossier.approvals:
        signed = [_format_signature(given, formatter) for given in one.signatures]
        result = (
            f"{formatter.format_word(one.result)} ({formatter.format_word(one.reason)})"
            if one.reason
            else formatter.format_word(one.result)
        )
        rows.append(
            [
                formatter.format_day(one.requested_on),
                formatter.format_word(one.matter),
                formatter.format_money(one.amount, one.currency),
                formatter.format_word(one.requester),
                "; ".join(signed) or "–",
                result,
                formatter.format_day(one.ended_on),
            ]
        )
    return formatter.build_tables(("asked", "matter*1", "amount>", "by*0.8", "signed*1.8", "result*0.9", "ended"), rows)


def build_write_off_tables(dossier: Dossier, formatter: DossierFormatter) -> list[PrintedTable]:
    story, captions = dossier.write_off, formatter.words.captions
    decisions = [
        [
            formatter.format_day(one.on),
            formatter.format_word(one.decision),
            formatter.format_word(one.by),
            formatter.format_word(one.result),
            formatter.format_day(one.answered_on),
            one.answered_by or "",
        ]
        for one in story.decisions
    ]
    booked, recovered = (
        [
            [formatter.format_day(one.on), formatter.format_invoice(one.invoice), formatter.format_money(one.amount, one.currency)]
            for one in sums
        ]
        for sums in (story.booked, story.recovered)
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
