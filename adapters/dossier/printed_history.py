"""The tables of a printed dossier that tell of plans, reviews, suspensions, approvals and write-offs."""

from datetime import date

from adapters.dossier.printed_models import Pen, PrintedTable
from domain.dossier import Dossier
from domain.projection.case_facts import SuspensionFacts

Event = tuple[date | None, str, str]
"""When, what, and by whom."""


def plan_section(dossier: Dossier, pen: Pen) -> list[PrintedTable]:
    rows = [
        [
            pen.day(one.proposed_on), pen.invoices(one.invoices), pen.money(one.terms.total, one.currency),
            pen.money(one.terms.interest, one.currency), pen.whole(one.terms.instalments),
            f"{pen.day(one.terms.first_on)} – {pen.day(one.terms.last_on)}", f"{one.paid_instalments} / {one.missed_instalments}",
            pen.money(one.received, one.currency), pen.word(one.state), pen.day(one.ended_on),
        ]
        for one in dossier.plans
    ]  # fmt: skip
    columns = ("made", "invoices*1.2", "amount>", "interest>", "instalments>", "term*1", "kept>", "received>", "state", "ended")
    return pen.table(columns, rows)


def credit_section(dossier: Dossier, pen: Pen) -> list[PrintedTable]:
    referrals = [[pen.day(one.on), pen.word(one.reason), pen.word(one.by)] for one in dossier.referrals]
    verdicts = [
        [
            pen.day(one.on), f"{pen.word(one.ability)}, {pen.word(one.willingness)}", pen.word(one.course),
            pen.word("yes" if one.insolvent else "no"), pen.money(one.limit, one.currency), pen.day(one.next_review_on), pen.word(one.by),
        ]
        for one in dossier.verdicts
    ]  # fmt: skip
    captions = pen.words.captions
    return [
        *pen.table(("date", "reason*1", "by*1"), referrals, captions["referrals"]),
        *pen.table(("date", "verdict*1", "course*1", "insolvent", "limit>", "next_review", "by*0.8"), verdicts, captions["verdicts"]),
    ]


def suspension_section(dossier: Dossier, pen: Pen) -> list[PrintedTable]:
    """A table for each case: what happened, when, and by whose word."""
    return [
        table
        for one in dossier.suspensions
        for table in pen.table(
            ("date", "what*1.6", "by*1"), [[pen.day(day), what, who] for day, what, who in _events(one, pen) if day is not None]
        )
    ]


def _events(one: SuspensionFacts, pen: Pen) -> list[Event]:
    words = pen.words.suspension
    warnings: list[Event] = []
    for warning in one.warnings:
        warnings.append((warning.requested_on, words["warning"], ""))
        if warning.undelivered_because:
            why = pen.word(warning.undelivered_because)
            warnings.append((warning.delivered_on or warning.requested_on, words["undelivered"].format(why=why), ""))
        else:
            warnings.append((warning.delivered_on, words["delivered"], ""))
    return [
        (one.asked_on, words["asked"], pen.people(one.asked_by)),
        (one.warning_approved_on, words["warning_approved"], pen.people(one.warning_approved_by)),
        *warnings,
        (one.notice_ends, words["notice_extended" if one.extended else "notice_ends"], ""),
        (one.approved_on, words["approved"], pen.people(one.approved_by)),
        (one.suspended_on, words["suspended"], ""),
        (one.handed_over_on, words["handed_over"], ""),
        (one.reinstated_on, words["reinstated"], ""),
        (one.ended_on, words["ended"].format(why=pen.word(one.ending)), ""),
    ]


def approval_section(dossier: Dossier, pen: Pen) -> list[PrintedTable]:
    rows = []
    for one in dossier.approvals:
        signed = [
            f"{pen.word(given.word)}: {given.by}{f' ({given.on_behalf_of})' if given.on_behalf_of else ''}, {pen.word(given.role)}, "
            f"{pen.day(given.on)}"
            for given in one.signatures
        ]
        result = f"{pen.word(one.result)} ({pen.word(one.reason)})" if one.reason else pen.word(one.result)
        rows.append(
            [
                pen.day(one.requested_on), pen.word(one.matter), pen.money(one.amount, one.currency), pen.word(one.requester),
                "; ".join(signed) or "–", result, pen.day(one.ended_on),
            ]
        )  # fmt: skip
    return pen.table(("asked", "matter*1", "amount>", "by*0.8", "signed*1.8", "result*0.9", "ended"), rows)


def write_off_section(dossier: Dossier, pen: Pen) -> list[PrintedTable]:
    story, captions = dossier.write_off, pen.words.captions
    decisions = [
        [pen.day(one.on), pen.word(one.decision), pen.word(one.by), pen.word(one.result), pen.day(one.answered_on), one.answered_by or ""]
        for one in story.decisions
    ]
    booked, recovered = (
        [[pen.day(one.on), pen.invoice(one.invoice), pen.money(one.amount, one.currency)] for one in sums]
        for sums in (story.booked, story.recovered)
    )
    return [
        *pen.table(("date", "decision*1", "by*1", "result*1", "answered", "answered_by*1"), decisions, captions["decisions"]),
        *pen.table(("date", "invoice*1", "amount>"), booked, captions["booked"]),
        *pen.table(("date", "invoice*1", "amount>"), recovered, captions["recovered"]),
    ]
