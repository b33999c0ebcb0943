"""The console's page on which a person writes to a customer now: what, to whom, with which sentence; read first, then sent."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from adapters.billing.invoice_documents import DocumentAwayError, DocumentTooLargeError, NoDocumentError
from adapters.correspondence.written_letter_store import WrittenLetter
from adapters.database.row_states import MessageState
from adapters.read_model.accounts import AccountDetail, ContactRow
from adapters.read_model.correspondence import list_letters
from adapters.read_model.letter_brakes import find_account_brake
from api.commands.letter_writing import build_letter_to_write
from api.console.acts.forms import load_act_forms
from api.console.acts.sent_form import SentForm, get_first, read_sent_form
from api.console.acts.shown_form import show_form
from api.console.acts.subject import NO_SUBJECT
from api.console.mail_policy import MAIL_CONTENT_SECURITY_POLICY
from api.console.rendering import load_reader, render, require_page_right
from api.context import ApiContext
from api.routes.accounts import require_account_detail
from api.schemas.letters.written_letters import LetterToWriteIn
from api.web.authentication import Context
from api.web.permissions import Permission
from api.web.request_target import EncodedPathRoute
from domain.errors import UserError
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
WRITE_FORM = "write_letter"
MAX_COPIED, MAX_PRINTED = 30, 50
"""So many of the last letters are offered to be copied, and of the invoices to go along."""


PageWriter = Annotated[Actor, Depends(require_page_right(Permission.COLLECT))]


class Written(NamedTuple):
    """What was filled in. `copy_of`: the number of the letter, empty for a statement. `invoice_copies`: the invoices of which a copy goes
    along. `fault` is the phrase that says what is missing."""

    contacts: Sequence[str] = ()
    copy_of: str = ""
    sentence: str = ""
    fault: str = ""
    invoice_copies: Sequence[str] = ()


@router.get("/accounts/{account_id}/write")
def show_empty(request: Request, account_id: str, context: Context, actor: PageWriter, copy_of: str = "") -> HTMLResponse:
    """`copy_of`: the number of a letter that is to be copied."""
    account = require_account_detail(context, account_id)
    first = next((str(contact.id) for contact in account.contacts if _is_reachable(contact)), None)
    return _render_page(request, context, actor, account, Written([first] if first else [], copy_of))


@router.post("/accounts/{account_id}/write")
async def show_letter(request: Request, account_id: str, context: Context, actor: PageWriter) -> HTMLResponse:
    """The form again, and beneath it the letters as they would go."""
    sent = await read_sent_form(request)
    return await run_in_threadpool(_show_filled, request, context, actor, account_id, sent)


def _show_filled(request: Request, context: ApiContext, actor: Actor, account_id: str, sent: SentForm) -> HTMLResponse:
    account = require_account_detail(context, account_id)
    given = sent.values
    written = Written(
        given.get("contacts", ()), get_first(given, "copy_of"), get_first(given, "sentence"), invoice_copies=given.get("invoice_copies", ())
    )
    if not sent.is_ours:
        return _render_page(request, context, actor, account, written._replace(fault="stale"), status=403)
    if not written.contacts:
        return _render_page(request, context, actor, account, written._replace(fault="choose"), status=422)
    try:
        body = LetterToWriteIn.model_validate(
            {
                "contacts": list(written.contacts),
                "copy_of": written.copy_of or None,
                "sentence": written.sentence,
                "invoice_copies": list(written.invoice_copies),
            }
        )
        letters = context.letter_writing.preview(build_letter_to_write(context, account.id, body), context.business_now)
    except (NoDocumentError, DocumentAwayError, DocumentTooLargeError):
        return _render_page(request, context, actor, account, written._replace(fault="no_copy"), status=422)
    except (ValidationError, UserError):
        return _render_page(request, context, actor, account, written._replace(fault="cannot"), status=422)
    return _render_page(request, context, actor, account, written, letters)


def _is_reachable(contact: ContactRow) -> bool:
    return bool(contact.email) and contact.undeliverable_since is None


def _render_page(
    request: Request,
    context: ApiContext,
    actor: Actor,
    account: AccountDetail,
    written: Written,
    letters: Sequence[WrittenLetter] = (),
    status: int = 200,
) -> HTMLResponse:
    sent, _ = list_letters(context.database, MAX_COPIED, account=account.id, state=MessageState.SENT)
    values = {"contacts": written.contacts, "copy_of": [written.copy_of] if written.copy_of else [], "sentence": [written.sentence]}
    values["invoice_copies"] = written.invoice_copies
    reader = load_reader(context, actor)
    form = show_form(WRITE_FORM, load_act_forms()[WRITE_FORM], {"account_id": account.id}, NO_SUBJECT, reader, values)
    page = render(
        request,
        context,
        "write.html",
        actor,
        account=account,
        reachable=[contact for contact in account.contacts if _is_reachable(contact)],
        unreachable=[contact for contact in account.contacts if not _is_reachable(contact)],
        sent=sent,
        printed=[invoice for invoice in account.invoices if context.documents.can_fetch(invoice.id)][:MAX_PRINTED],
        written=written,
        letters=letters,
        form=form,
        brake=find_account_brake(context.database, account.id, context.today),
        now=context.business_now,
    )
    page.status_code = status
    page.headers["Content-Security-Policy"] = MAIL_CONTENT_SECURITY_POLICY
    return page
