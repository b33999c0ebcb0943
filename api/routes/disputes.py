"""Disputes: raised on an invoice, assigned, answered, and the files that speak for them."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Query, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool

from adapters.cases.call_tasks import open_account_call
from adapters.document_store import DocumentStore
from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from adapters.temporal.case_commands import CommandRejected
from api.commands.call_planning import LOOK_AGAIN_LATER
from api.commands.case_commands import build_closed_problem, find_done_act, require_case, save_comment, submit_case_command
from api.commands.notes_and_tasks import save_invoice_note
from api.presenters.disputes import present_dispute
from api.routes.invoice_commands import ExistingInvoice, InvoiceCommandId, submit_invoice_command
from api.schemas.amounts import build_currency_refusal
from api.schemas.command_answer import QUEUED_RESPONSE, CommandAnswer
from api.schemas.disputes import AssignmentIn, DisputeIn, DisputeOut, EvidenceAnswer, RefusedFile, ResolutionIn
from api.web.authentication import CollectingActor, Context, DisputeHandlingActor, ReadingActor
from api.web.documents import answer_with_document
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, Problem, build_field_error, invalid_request_problem, not_found_problem
from api.web.request_ids import derive_id
from api.web.uploads import describe_media_type, describe_upload
from domain.dispute.commands import AssignDispute, AttachEvidence, RaiseDispute, ResolveDispute
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind
from domain.refusal import Refusal
from domain.roles import Role

router = APIRouter(prefix="/v1", tags=["disputes"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


def require_dispute(context: Context, dispute_id: str) -> CaseRow:
    """Raises Problem 404."""
    return require_case(context, CaseKind.DISPUTE, dispute_id, "GET /v1/disputes lists them")


def derive_dispute_command_id(request: Request, actor: DisputeHandlingActor) -> str:
    return derive_id(request, "act", actor.user)


ExistingDispute = Annotated[CaseRow, Depends(require_dispute)]
DisputeCommandId = Annotated[str, Depends(derive_dispute_command_id)]


@router.get("/disputes", operation_id="list_disputes", summary="Disputes, the nearest deadline first")
def get_disputes(
    context: Context,
    _: ReadingActor,
    open: Annotated[bool | None, Query(description="only those that are, or are not, over")] = None,
    role: Annotated[Role | None, Query(description="only those that wait for this role")] = None,
    invoice: str | None = None,
    account: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DisputeOut]:
    case_filter = CaseFilter(kind=CaseKind.DISPUTE, open=open, roles=[role] if role else None, invoice=invoice, account=account)
    rows, following = list_cases(context.database, case_filter, limit, cursor)
    return Page(items=[present_dispute(row) for row in rows], next=following)


@router.post(
    "/invoices/{invoice_id}/disputes", operation_id="raise_dispute", summary="The customer contests an invoice", responses=QUEUED_RESPONSE
)
async def raise_dispute(
    actor: CollectingActor, invoice: ExistingInvoice, body: DisputeIn, command_id: InvoiceCommandId, context: Context, response: Response
) -> CommandAnswer:
    """Collection of the disputed amount stops; an undisputed rest goes on being collected."""
    if body.currency != invoice.currency:
        raise invalid_request_problem(
            "/currency",
            Refusal(
                "dispute.currency", "the invoice is in {currency}; write the disputed amount in {currency} too", currency=invoice.currency
            ),
        )
    if body.look_again_on and body.look_again_on <= context.today:
        raise invalid_request_problem("/look_again_on", LOOK_AGAIN_LATER)
    if missing := await run_in_threadpool(DocumentStore(context.database).find_missing, body.evidence):
        raise invalid_request_problem(
            "/evidence", f"no file is stored under {missing[0]}; raise the dispute first and attach the file to it"
        )
    note = await run_in_threadpool(save_invoice_note, context, command_id, invoice, actor.user, body.comment) if body.comment else None
    command = RaiseDispute(
        act_id=command_id,
        actor=actor.user,
        role=actor.role,
        reason=body.reason,
        amount=body.minor,
        source=body.source,
        note_id=note,
        evidence=body.evidence,
    )
    answer = await submit_invoice_command(context, invoice, command, response)
    if body.look_again_on:
        await run_in_threadpool(
            open_account_call, context.database, invoice.account_id, command_id, [invoice.id], invoice.collector, body.look_again_on
        )
    return answer


@router.post(
    "/disputes/{dispute_id}/assignment",
    operation_id="assign_dispute",
    summary="Give it to a person or a department",
    responses=QUEUED_RESPONSE,
)
async def assign_dispute(
    actor: DisputeHandlingActor,
    dispute: ExistingDispute,
    body: AssignmentIn,
    command_id: DisputeCommandId,
    context: Context,
    response: Response,
) -> CommandAnswer:
    note = await save_comment(context, command_id, dispute, actor.user, body.comment)
    command = AssignDispute(
        act_id=command_id, actor=actor.user, role=actor.role, department=body.department, assignee=body.assignee, note_id=note
    )
    return await submit_case_command(context, dispute, command, response)


@router.post(
    "/disputes/{dispute_id}/resolution", operation_id="resolve_dispute", summary="The department's answer", responses=QUEUED_RESPONSE
)
async def resolve_dispute(
    actor: DisputeHandlingActor,
    dispute: ExistingDispute,
    body: ResolutionIn,
    command_id: DisputeCommandId,
    context: Context,
    response: Response,
) -> CommandAnswer:
    """A resolution that reduces the invoice needs approval; the dispute ends when billing has booked it."""
    currency = dispute.summary_of(DisputeSummary).currency
    if body.amount and body.amount.currency != currency:
        raise invalid_request_problem("/amount/currency", build_currency_refusal(currency))
    note = await save_comment(context, command_id, dispute, actor.user, body.comment)
    command = ResolveDispute(
        act_id=command_id,
        actor=actor.user,
        role=actor.role,
        resolution=body.resolution,
        amount=body.amount.minor if body.amount else None,
        reference=body.reference,
        note_id=note,
    )
    return await submit_case_command(context, dispute, command, response)


@router.post(
    "/disputes/{dispute_id}/evidence",
    operation_id="attach_evidence",
    summary="Files that speak for or against it",
    responses=QUEUED_RESPONSE,
)
async def attach_evidence(
    actor: DisputeHandlingActor,
    dispute: ExistingDispute,
    files: Annotated[list[UploadFile], File(max_length=20, description="one or more, at most 20")],
    command_id: DisputeCommandId,
    context: Context,
    response: Response,
) -> EvidenceAnswer:
    """Each file is stored once, by its SHA-256; what the dispute refuses is not kept. An empty file is named, and the others are attached;
    422 where there are only such."""
    if dispute.outcome is not None and not await find_done_act(context, dispute.case_id, command_id):
        raise await run_in_threadpool(build_closed_problem, context, dispute)
    read = [(describe_upload(file), describe_media_type(file), await file.read()) for file in files]
    uploads = [upload for upload in read if upload[2]]
    refused = {
        name: Refusal("evidence.empty", "{file} is empty; look whether it was saved, and attach it then", file=name)
        for name, _, content in read
        if not content
    }
    if not uploads:
        raise Problem(
            422,
            "invalid",
            "The request cannot be read",
            next(iter(refused.values())),
            errors=[build_field_error("/files", why) for why in refused.values()],
        )
    store, at = DocumentStore(context.database), context.business_now

    def store_files() -> list[str]:
        return [store.add(*upload, actor.user, at) for upload in uploads]

    digests = await run_in_threadpool(store_files)
    command = AttachEvidence(act_id=command_id, actor=actor.user, evidence=digests)
    try:
        answer = await submit_case_command(context, dispute, command, response)
    except (Problem, CommandRejected):
        await run_in_threadpool(store.discard_unused, digests, actor.user, at)
        raise
    await run_in_threadpool(store_files)  # another request with the same file may have been refused meanwhile, and have taken it away
    return EvidenceAnswer(
        **answer.model_dump(), evidence=digests, refused=[RefusedFile(name=name, why=why) for name, why in refused.items()]
    )


@router.get("/documents/{sha256}", operation_id="read_document", summary="A file that was attached", response_class=Response)
def get_document(sha256: str, context: Context, _: ReadingActor) -> Response:
    """A picture or a PDF, by its own first bytes, is answered as what it is; all else to be kept, and never shown."""
    found = DocumentStore(context.database).get(sha256)
    if found is None:
        raise not_found_problem("document", sha256, "the history of the dispute names its files")
    return answer_with_document(*found)
