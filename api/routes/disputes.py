"""Disputes: raised on an invoice, assigned, answered, and the files that speak for them."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Query, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool

from adapters.document_store import DocumentStore
from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from api.commands.case_commands import do_on_case, existing_case, keep_comment
from api.commands.notes_and_tasks import keep_note
from api.presenters.records import dispute as present
from api.routes.invoice_commands import WAITS, ActId, Existing, do_on_invoice
from api.schemas.requests import AssignmentIn, DisputeIn, ResolutionIn
from api.schemas.responses import ActAnswer, DisputeOut, EvidenceAnswer
from api.web.authentication import Collecting, HandlingDisputes, Parts, Reader
from api.web.idempotency import OnceRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import RESPONSES, invalid, not_found
from api.web.request_ids import derived_id
from domain.dispute.commands import AssignDispute, AttachEvidence, RaiseDispute, ResolveDispute
from domain.roles import Role

router = APIRouter(prefix="/v1", tags=["disputes"], route_class=OnceRoute, responses=RESPONSES)


def existing_dispute(parts: Parts, dispute_id: str) -> CaseRow:
    """Raises Problem 404."""
    return existing_case(parts, "dispute", dispute_id, "GET /v1/disputes lists them")


def act_id(request: Request, actor: HandlingDisputes) -> str:
    return derived_id(request, "act", actor.user)


ExistingDispute = Annotated[CaseRow, Depends(existing_dispute)]
HandlingId = Annotated[str, Depends(act_id)]


@router.get("/disputes", operation_id="list_disputes", summary="Disputes, the nearest deadline first")
def disputes(
    parts: Parts,
    _: Reader,
    open: Annotated[bool | None, Query(description="only those that are, or are not, over")] = None,
    role: Annotated[Role | None, Query(description="only those that wait for this role")] = None,
    invoice: str | None = None,
    account: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DisputeOut]:
    wanted = CaseFilter(kind="dispute", open=open, roles=[role] if role else None, invoice=invoice, account=account)
    rows, following = list_cases(parts.database, wanted, limit, cursor)
    return Page(items=[present(row) for row in rows], next=following)


@router.post("/invoices/{invoice_id}/disputes", operation_id="raise_dispute", summary="The customer contests an invoice", responses=WAITS)
async def raise_dispute(
    actor: Collecting, invoice: Existing, said: DisputeIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    """Collection of the disputed amount stops; an undisputed rest goes on being collected."""
    if said.currency != invoice.currency:
        raise invalid("/currency", f"the invoice is in {invoice.currency}; write the disputed amount in {invoice.currency} too")
    if missing := await run_in_threadpool(DocumentStore(parts.database).missing, said.evidence):
        raise invalid("/evidence", f"no file is stored under {missing[0]}; raise the dispute first and attach the file to it")
    note = await run_in_threadpool(keep_note, parts, id, invoice, actor.user, said.comment) if said.comment else None
    act = RaiseDispute(
        act_id=id, actor=actor.user, role=actor.role, reason=said.reason, amount=said.minor, source=said.source, note_id=note,
        evidence=said.evidence,
    )  # fmt: skip
    return await do_on_invoice(parts, invoice, act, response)


@router.post(
    "/disputes/{dispute_id}/assignment", operation_id="assign_dispute", summary="Give it to a person or a department", responses=WAITS
)
async def assignment(
    actor: HandlingDisputes, dispute: ExistingDispute, said: AssignmentIn, id: HandlingId, parts: Parts, response: Response
) -> ActAnswer:
    note = await keep_comment(parts, id, dispute, actor.user, said.comment)
    act = AssignDispute(
        act_id=id, actor=actor.user, role=actor.role, department=said.department, assignee=said.assignee, note_id=note
    )  # fmt: skip
    return await do_on_case(parts, dispute, act, response)


@router.post("/disputes/{dispute_id}/resolution", operation_id="resolve_dispute", summary="The department's answer", responses=WAITS)
async def resolution(
    actor: HandlingDisputes, dispute: ExistingDispute, said: ResolutionIn, id: HandlingId, parts: Parts, response: Response
) -> ActAnswer:
    """What takes money off the invoice waits for the approval matrix; the dispute ends when billing has booked it."""
    currency = dispute.summary.get("currency")
    if said.amount and said.amount.currency != currency:
        raise invalid("/amount/currency", f"the invoice is in {currency}; write the amount in {currency} too")
    note = await keep_comment(parts, id, dispute, actor.user, said.comment)
    act = ResolveDispute(
        act_id=id, actor=actor.user, role=actor.role, resolution=said.resolution, amount=said.amount.minor if said.amount else None,
        reference=said.reference, note_id=note,
    )  # fmt: skip
    return await do_on_case(parts, dispute, act, response)


@router.post(
    "/disputes/{dispute_id}/evidence", operation_id="attach_evidence", summary="Files that speak for or against it", responses=WAITS
)
async def evidence(
    actor: HandlingDisputes,
    dispute: ExistingDispute,
    files: Annotated[list[UploadFile], File(description="one or more")],
    id: HandlingId,
    parts: Parts,
    response: Response,
) -> EvidenceAnswer:
    """Each file is stored once, by its SHA-256."""
    store, digests = DocumentStore(parts.database), list[str]()
    for file in files:
        content, kind = await file.read(), file.content_type or "application/octet-stream"
        stored = await run_in_threadpool(store.keep, file.filename or "file", kind, content, actor.user, parts.business_now)
        digests.append(stored)
    answer = await do_on_case(parts, dispute, AttachEvidence(act_id=id, actor=actor.user, evidence=digests), response)
    return EvidenceAnswer(**answer.model_dump(), evidence=digests)


@router.get("/documents/{sha256}", operation_id="read_document", summary="A file that was attached", response_class=Response)
def document(sha256: str, parts: Parts, _: Reader) -> Response:
    found = DocumentStore(parts.database).read(sha256)
    if found is None:
        raise not_found("document", sha256, "the history of the dispute names its files")
    headers = {"Content-Disposition": f'attachment; filename="{sha256}"'}
    return Response(found[1], media_type="application/octet-stream", headers=headers)
