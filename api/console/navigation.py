"""What the header leads to: the pages of a role's day in sight, on one line, and the others under one menu."""

from typing import NamedTuple

from adapters.database.row_states import StartPage
from adapters.i18n.wording import fill_placeholders
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
"""What whoever acts in a role looks at on most days, and first of all where they begin; the other roles work on cases."""


_START_PATHS = {
    StartPage.TODAY: "/today",
    StartPage.OVERVIEW: "/overview",
    StartPage.APPROVALS: "/approvals",
    StartPage.TEAM: "/team",
    StartPage.ACCOUNTS: "/accounts",
    StartPage.INVOICES: "/invoices",
    StartPage.CASES: "/cases",
    StartPage.LETTERS: "/letters",
    StartPage.AUDIT: "/audit",
    StartPage.USERS: "/users",
    StartPage.IMPORT: "/import",
    StartPage.PORTFOLIO: "/",
}


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


def may_open(role: Role, page: str) -> bool:
    """Whether a role may see a page that the header knows."""
    return page not in _NEEDED or permission_denial_reason(role, _NEEDED[page]) is None


def build_navigation(role: Role, words: Phrases, path: str, *, has_inbox: bool) -> Navigation:
    """Return what a role may open, as seen from the page at `path`."""
    shown = [
        NavigationEntry(page, words.translate(*phrase), _place(page, path), GO_KEYS[page])
        for page, phrase in _PAGES.items()
        if (page != INBOX_PAGE or has_inbox) and may_open(role, page)
    ]
    in_sight = _IN_SIGHT.get(role, _CASE_WORK)
    return Navigation([entry for entry in shown if entry.path in in_sight], [entry for entry in shown if entry.path not in in_sight])


def find_start_path(role: Role, chosen: StartPage | None) -> str:
    """Where somebody begins: the page that they chose, while their role may see it; else the first one of its day."""
    path = _START_PATHS[chosen] if chosen is not None else ""
    return path if path and may_open(role, path) else _IN_SIGHT.get(role, _CASE_WORK)[0]


def list_start_pages(role: Role, words: Phrases) -> dict[str, str]:
    """The pages that somebody may choose to begin with, by what each is called in the settings; empty for the first one of the role's
    day."""
    usual = fill_placeholders(words.settings_page["usual_start"], {"page": words.translate(*_PAGES[find_start_path(role, None)])})
    chosen = {page.value: words.translate(*_PAGES[path]) for page, path in _START_PATHS.items() if may_open(role, path)}
    return {"": usual} | chosen


def _place(page: str, path: str) -> str:
    if path == page or (page == "/letters" and path == "/preview"):
        return "page"
    return "true" if page != "/" and path.startswith(f"{page}/") else ""
