"""What the header leads to: the pages of a role's day in sight, on one line, and the others under one menu."""

from typing import NamedTuple

from api.presenters.phrases import Phrases
from api.web.permissions import Permission, permission_denial_reason
from domain.roles import Role

INBOX_PAGE = "/inbox"

_PAGES = {
    "/today": ("today", "title"),
    "/overview": ("overview", "title"),
    "/approvals": ("approvals", "title"),
    "/team": ("team", "title"),
    "/accounts": ("list_titles", "accounts"),
    "/invoices": ("list_titles", "invoices"),
    "/cases": ("list_titles", "cases"),
    "/letters": ("letters_page", "title"),
    "/correspondence": ("list_titles", "correspondence"),
    "/audit": ("auditing", "title"),
    "/users": ("user_pages", "title"),
    "/import": ("imports", "title"),
    INBOX_PAGE: ("mails", "title"),
    "/": ("portfolio", "title"),
    "/policies": ("policies_page", "title"),
    "/connections": ("connections_page", "title"),
    "/set-aside": ("set_aside", "title"),
}
"""Every page that the header knows, in its order there, with the group and the name of the phrase that names it."""

GO_KEYS = {
    "/today": "t",
    "/overview": "o",
    "/approvals": "a",
    "/team": "m",
    "/accounts": "c",
    "/invoices": "v",
    "/cases": "s",
    "/letters": "l",
    "/correspondence": "e",
    "/audit": "u",
    "/users": "n",
    "/import": "f",
    INBOX_PAGE: "i",
    "/": "p",
    "/policies": "y",
    "/connections": "b",
    "/set-aside": "x",
}
"""By which letter each is gone to, after a `g`."""

_NEEDED = {
    "/import": Permission.IMPORT,
    "/users": Permission.AUDIT,
    "/audit": Permission.AUDIT,
    "/connections": Permission.ASK_BILLING,
    "/set-aside": Permission.RETRY_SET_ASIDE,
}

_CASE_WORK = ("/today", "/accounts", "/invoices", "/cases", "/letters")
_IN_SIGHT: dict[Role, tuple[str, ...]] = {
    Role.COLLECTIONS_MANAGER: ("/today", "/overview", "/approvals", "/team", "/accounts"),
    Role.FINANCE_DIRECTOR: ("/today", "/overview", "/approvals", "/accounts", "/invoices"),
    Role.BILLING_OPS: ("/today", "/accounts", "/invoices", "/import"),
    Role.AUDITOR: ("/audit", "/accounts", "/invoices", "/letters", "/policies"),
    Role.ADMIN: ("/today", "/users", "/accounts", "/import", "/audit"),
}
"""What whoever acts in a role looks at on most days; the other roles work on cases."""


class NavigationEntry(NamedTuple):
    """`current` is what `aria-current` says: `page` on the page itself, `true` on one below it, empty elsewhere. `key`: the letter that
    goes there, after a `g`."""

    path: str
    label: str
    current: str
    key: str


class Navigation(NamedTuple):
    in_sight: list[NavigationEntry]
    more: list[NavigationEntry]


def build_navigation(role: Role, words: Phrases, path: str, *, has_inbox: bool) -> Navigation:
    """Return what a role may open, as seen from the page at `path`."""
    shown = [
        NavigationEntry(page, words.translate(*phrase), _place(page, path), GO_KEYS[page])
        for page, phrase in _PAGES.items()
        if (page != INBOX_PAGE or has_inbox) and (page not in _NEEDED or permission_denial_reason(role, _NEEDED[page]) is None)
    ]
    in_sight = _IN_SIGHT.get(role, _CASE_WORK)
    return Navigation([entry for entry in shown if entry.path in in_sight], [entry for entry in shown if entry.path not in in_sight])


def _place(page: str, path: str) -> str:
    if path == page or (page == "/letters" and path == "/preview"):
        return "page"
    return "true" if page != "/" and path.startswith(f"{page}/") else ""
