"""The page of a case of any kind."""

from collections.abc import Container, Sequence
from datetime import date
from typing import NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from adapters.dossier.dossier_store import StoredDossier
from adapters.read_model.case_pages.case_details import (
    AttachedFile,
    find_case_by_id,
    list_approvals_of_case,
    list_attached_files,
    list_case_invoices,
    load_awaited_names,
)
from adapters.read_model.cases import CaseRow
from adapters.read_model.invoices import InvoiceRow
from adapters.read_model.journal import UNTOLD_KINDS, find_note_text, list_case_history
from adapters.read_model.plans import find_missed_instalments
from adapters.read_model.proof_lines import prove_entries
from api.console.acts.forms import load_act_forms
from api.console.acts.shown_form import ShownForm, show_form
from api.console.acts.subject import NO_SUBJECT
from api.console.acts.wording import Reader
from api.console.cases.case_facts import build_case_facts
from api.console.open_cases import describe_case
from api.console.rendering import PageReader, load_reader, render
from api.context import ApiContext
from api.web.authentication import Context
from api.web.one_snapshot import from_one_snapshot
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute
from domain.credit_review.summary import CreditReviewSummary
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind
from domain.payment_plan.summary import PaymentPlanSummary
from domain.roles import Actor
from domain.write_off.summary import WriteOffSummary

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)

EVIDENCE_FORM = "attach_evidence"
ELSEWHERE = {CaseKind.APPROVAL: "/approvals", CaseKind.INVOICE: "/invoices"}
"""Kinds whose cases have pages of their own."""

WITH_DOSSIERS = frozenset({CaseKind.SUSPENSION, CaseKind.WRITE_OFF, CaseKind.CREDIT_REVIEW})
"""Kinds of case for which the account's dossiers are read."""


class ShownInstalment(NamedTuple):
    """Amounts in minor units of the plan's currency."""

    number: int
    due_on: date
    amount: int
    paid: int
    is_missed: bool


class BookedPart(NamedTuple):
    """What of an invoice was written off, and paid afterwards, in minor units of its currency."""

    invoice: InvoiceRow
    booked: int
    recovered: int


@router.get("/cases/{case_id}")
@from_one_snapshot
def show_case(request: Request, case_id: str, context: Context, actor: PageReader) -> Response:
    """Raises Problem 404."""
    case = find_case_by_id(context.database, case_id)
    if case is None or case.kind == CaseKind.SEAL:
        raise not_found_problem("case", case_id, "the pages of accounts lead to their cases")
    if page := ELSEWHERE.get(CaseKind(case.kind)):
        subject = case.invoice_id if case.kind == CaseKind.INVOICE else case_id
        return RedirectResponse(f"{page}/{quote(subject or '', safe='')}", status_code=303)
    reader, chain = load_reader(context, actor), list_case_history(context.database, case_id)
    story = [line for line in chain if line.kind not in UNTOLD_KINDS]
    invoices = list_case_invoices(context.database, case, context.today)
    summary = case.summary
    return render(
        request,
        context,
        "case.html",
        actor,
        case=case,
        facts=build_case_facts(case, reader.phrases, _find_conditions(context, case)),
        awaited=load_awaited_names(context.database, case_id),
        to_act=describe_case(case),
        invoices=invoices,
        instalments=_list_instalments(case, find_missed_instalments(story)),
        currency=summary.currency if isinstance(summary, PaymentPlanSummary) else "",
        booked=_list_booked(case, invoices),
        approvals=list_approvals_of_case(context.database, case),
        files=_list_files(context, case),
        dossiers=_list_dossiers(context, case),
        attach=_show_attaching(case, actor, reader),
        entries=[(line, reader.phrases.render_entry(line.kind, line.told_facts, line.currency)) for line in reversed(story)],
        proofs=prove_entries(context.database, [chain]),
    )


def _find_conditions(context: ApiContext, case: CaseRow) -> str | None:
    return find_note_text(context.database, case.summary.conditions) if isinstance(case.summary, CreditReviewSummary) else None


def _list_instalments(case: CaseRow, missed: Container[int]) -> list[ShownInstalment]:
    """Those of the terms that count now."""
    if not isinstance(case.summary, PaymentPlanSummary):
        return []
    schedule = case.summary.current_terms.schedule
    paid = schedule.paid_amounts(case.summary.received)
    return [
        ShownInstalment(each.number, each.due_on, each.amount, share, each.number in missed)
        for each, share in zip(schedule.instalments, paid, strict=True)
    ]


def _list_booked(case: CaseRow, invoices: Sequence[InvoiceRow]) -> list[BookedPart]:
    summary = case.summary
    if not isinstance(summary, WriteOffSummary):
        return []
    return [BookedPart(row, summary.booked[row.id], summary.recovered.get(row.id, 0)) for row in invoices if row.id in summary.booked]


def _list_files(context: ApiContext, case: CaseRow) -> list[AttachedFile]:
    return list_attached_files(context.database, case.summary.evidence) if isinstance(case.summary, DisputeSummary) else []


def _list_dossiers(context: ApiContext, case: CaseRow) -> list[StoredDossier]:
    return context.dossiers.list_dossiers(case.account_id) if case.kind in WITH_DOSSIERS else []


def _show_attaching(case: CaseRow, actor: Actor, reader: Reader) -> ShownForm | None:
    """The form by which files are attached; None where the reader's role may not, or the dispute is over."""
    form = load_act_forms()[EVIDENCE_FORM]
    if case.kind != CaseKind.DISPUTE or case.outcome is not None or not form.is_for(actor.role):
        return None
    return show_form(EVIDENCE_FORM, form, {"dispute_id": case.case_id}, NO_SUBJECT, reader, {})
