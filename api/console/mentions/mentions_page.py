"""The list of where the reader was named, each with its text and the way to it, and whom a note may name."""

from typing import NamedTuple
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from adapters.mentions.mention_store import MentionLine, MentionStore
from adapters.read_model.journal import build_cursor_after
from api.console.acts.sent_form import FOREIGN_FORM, read_sent_form
from api.console.rendering import PageReader, render
from api.web.access_logging import record_listed_accounts
from api.web.authentication import Context
from api.web.request_target import EncodedPathRoute

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
MENTIONS_PAGE = "/mentions"
MAX_MENTIONS = 200


class ShownMention(NamedTuple):
    """`address`: of the note, in the conversation of its account."""

    line: MentionLine
    address: str


@router.get(MENTIONS_PAGE)
def show_mentions(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    """Those that are unread stand first; the header counts also those for which the page has no room."""
    lines = MentionStore(context.database).list_mentions(actor.user, MAX_MENTIONS, unread_first=True)
    record_listed_accounts(request, (line.account_id for line in lines))
    return render(request, context, "mentions.html", actor, mentions=[ShownMention(line, build_note_address(line)) for line in lines])


@router.post(MENTIONS_PAGE)
async def mark_mentions_read(request: Request, context: Context, actor: PageReader) -> RedirectResponse:
    """Those that the form names, which its page showed: what was written since is still unread. A setting of the reader's own, as an
    auditor has them, too. Raises Problem 403 for another site's form."""
    sent = await read_sent_form(request)
    if not sent.is_ours:
        raise FOREIGN_FORM
    chosen = sent.values.get("note", ())
    await run_in_threadpool(MentionStore(context.database).mark_read, actor.user, chosen, context.now())
    return RedirectResponse(MENTIONS_PAGE, status_code=303)


@router.get(f"{MENTIONS_PAGE}/people")
def show_people(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    """Whom a note may name, as the script offers them while somebody writes."""
    return render(request, context, "people.html", actor, known_people=MentionStore(context.database).load_people())


def build_note_address(line: MentionLine) -> str:
    """The page of the conversation that begins with the note."""
    page = urlencode({"older": build_cursor_after(line.written_at)})
    return f"/accounts/{quote(line.account_id, safe='')}?{page}#{quote(line.note_id, safe=':')}"
