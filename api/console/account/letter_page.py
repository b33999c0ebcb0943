"""The page of a letter, as it was sent."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from adapters.mail.local_inbox import read_mail
from adapters.read_model.correspondence import find_letter, find_letter_mail, list_tasks
from api.console.mail_policy import MAIL_CONTENT_SECURITY_POLICY
from api.console.rendering import PageReader, render
from api.schemas.request_body import RowId
from api.web.authentication import Context
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
MAX_TASKS = 200


@router.get("/letters/{letter_id}")
def show_letter(request: Request, letter_id: RowId, context: Context, actor: PageReader) -> HTMLResponse:
    """What went, to whom, and what became of it. Raises Problem 404."""
    letter = find_letter(context.database, letter_id)
    if letter is None:
        raise not_found_problem("letter", str(letter_id), "the pages of accounts and invoices lead to those that there are")
    content = find_letter_mail(context.database, letter_id)
    waiting, _ = list_tasks(context.database, limit=MAX_TASKS, account_id=letter.account_id)
    page = render(
        request,
        context,
        "letter.html",
        actor,
        letter=letter,
        mail=read_mail(content) if content else None,
        must_decide=any(task.message_id == letter_id for task in waiting),
    )
    page.headers["Content-Security-Policy"] = MAIL_CONTENT_SECURITY_POLICY
    return page
