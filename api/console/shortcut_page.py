"""The console's page of the keys by which one acts; the reader's settings switch them off."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.console.rendering import PageReader, render
from api.web.authentication import Context
from api.web.request_target import EncodedPathRoute

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
SHORTCUTS_PAGE = "/shortcuts"
HOW_TO_ACT = (
    ("c", "call"),
    ("1 … 9", "outcome"),
    ("m", "promise"),
    ("d", "dispute"),
    ("p", "pause"),
    ("u", "escalation"),
    ("n", "note"),
    ("w", "write"),
    ("e", "letters"),
)
KEYS = (
    ("to_move", (("j", "next"), ("k", "previous"), ("o", "open"), ("/", "search"), ("?", "help"))),
    ("to_act", HOW_TO_ACT),
    ("to_go_on", (("Ctrl ↵", "save_next"), ("s", "save"), ("l", "later"), ("o", "account"), ("x", "done_today"))),
    ("to_choose", ((".", "menu"),)),
    ("to_decide", (("a", "approve"), ("r", "reject"), ("t", "return"))),
)
"""The keys by what they are for, each with the phrase that says what it does. `shortcuts.js` binds them; those that go elsewhere
stand with the pages' names in `navigation.py`."""


@router.get(SHORTCUTS_PAGE)
def show_shortcuts(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    return render(request, context, "shortcuts.html", actor, keys=KEYS)
