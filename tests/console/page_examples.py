"""Every page of the console, found by the application's routes, and an example of each: a page that is added cannot be forgotten."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlencode

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Match

from api.console.acts.forms import ActForm, list_needed_facts, load_act_forms
from api.console.auditing import proof_pages
from api.console.imports import import_pages
from api.console.lists.acts_on_many import work_pages
from domain.roles import Role
from tests.console.staged_file import fill_form, stage_file, try_out
from tests.form_tokens import find_form_token
from tests.patience import PATIENCE

Facts = Mapping[str, str]
"""What an address names of what is there: `account_id`, `letter_id` … as the forms name it, and what the examples here name beside."""

NO_PAGES = {
    "/act/decide_approval": "leads to the approval's own page",
    "/invoices/{invoice_id}/document": "a file",
    "/lists/{name}/csv": "a file",
    "/lists/{name}/xlsx": "a file",
    "/mentions/people": "a part of a page, while somebody writes a name",
    "/oidc/sign-in": "leads to the company's own sign-in",
}
"""Routes of the console that answer with something else than a page of ours."""

ACT_FORMS = "/act/{name}"
"""The route of all forms, of which each is an example."""

EXAMPLES = {
    "/accounts/{account_id}": ("/accounts/{account_id}",),
    "/accounts/{account_id}/plan": ("/accounts/{account_id}/plan",),
    "/accounts/{account_id}/write": ("/accounts/{account_id}/write", "/accounts/{account_id}/write?copy_of={letter_id}"),
    "/approval-decisions": ("/approval-decisions?approval={approval_id}",),
    "/approvals/{approval_id}": ("/approvals/{approval_id}",),
    "/audit/accounts/{account_id}": ("/audit/accounts/{account_id}",),
    "/audit/proofs/{token}": ("/audit/proofs/{verification}", "/audit/proofs/{replay}"),
    "/cases/{case_id}": ("/cases/{dispute_id}", "/cases/{plan_id}", "/cases/{review_id}"),
    "/cases/{plan_id}/terms": ("/cases/{plan_id}/terms",),
    "/collected": ("/collected?month=2013-01&currency=EUR",),
    "/connections/new": ("/connections/new", "/connections/new?kind=tryton"),
    "/connections/{connection_id}": ("/connections/{connection_id}",),
    "/import/{token}": ("/import/{dry_run}",),
    "/import/{token}/columns": ("/import/{dry_run}/columns",),
    "/imports/{import_id}": ("/imports/{import_id}",),
    "/inbox/{mail_id}": ("/inbox/{mail_id}",),
    "/invoices/{invoice_id}": ("/invoices/{invoice_id}", "/invoices/{invoice_id}?depth=proof"),
    "/letters/{letter_id}": ("/letters/{letter_id}",),
    "/lists/accounts/reassignment": ("/lists/accounts/reassignment?q={account_id}",),
    "/lists/works/{token}": ("/lists/works/{act_on_many}",),
    "/lists/{name}/acts": ("/lists/accounts/acts?act=pause_account&query=",),
    "/password": ("/password?code={password_code}", "/password?code=old"),
    "/policies/{name}": ("/policies/standard",),
    "/preview": ("/preview", "/preview?account={account_id}"),
    "/search": ("/search?q=nothing", "/search?q=-"),
    "/today": ("/today", "/today?about={account_id}"),
    "/letters": ("/letters", "/letters?whose=all"),
    "/users/{user_name}": ("/users/{user_name}",),
}
"""Of the routes whose example is more than their own path. Each names the facts that its addresses need."""

NOWHERE = "/nowhere"
REFUSALS = {NOWHERE: 404, "/oidc/callback": 401, "/password?code=old": 401}
"""Pages that say why something cannot be had, and the status with which they do."""

STRANGERS, ADMINISTRATORS = (
    ("/sign-in", "/oidc", "/password"),
    ("/audit", "/users", "/tokens", "/connections", "/import/", "/lists/works", "/set-aside"),
)
"""How the pages begin that are read by who is not signed in; and those of administrators."""


class PageExample(NamedTuple):
    """`role`: in which it is read; None for whoever is not signed in."""

    path: str
    role: Role | None
    status: int = 200


def list_page_routes(app: FastAPI) -> list[APIRoute]:
    """The routes that answer a GET with HTML."""
    routes = [context.original_route for context in iter_route_contexts(app.routes)]
    pages = [
        each for each in routes if isinstance(each, APIRoute) and each.response_class is HTMLResponse and "GET" in (each.methods or ())
    ]
    return [each for each in pages if each.path not in NO_PAGES]


def list_routes_without_example(app: FastAPI) -> list[str]:
    """Those of pages that nobody looks at; and, as a fault too, examples that lead to no page or to another one."""
    pages = list_page_routes(app)
    paths = {each.path for each in pages}
    lost = [each.path for each in pages if "{" in each.path and each.path not in {*EXAMPLES, ACT_FORMS}]
    astray = [route for route, examples in EXAMPLES.items() if any(find_route(pages, each) != route for each in examples)]
    return [*lost, *astray, *({*EXAMPLES, ACT_FORMS} - paths)]


def find_route(pages: list[APIRoute], example: str) -> str | None:
    """The path of the route by which an example is answered."""
    scope = {"type": "http", "method": "GET", "path": example.partition("?")[0]}
    return next((each.path for each in pages if each.matches(scope)[0] is Match.FULL), None)


def list_examples(app: FastAPI, facts: Facts, forms: list[str] | None = None) -> list[PageExample]:
    """An example of each page, or several, in the order of the routes; and one that is not there. `forms`: of which acts; else of all."""
    return list(_build_examples(app, facts, list(load_act_forms()) if forms is None else forms))


def list_bare_examples(app: FastAPI) -> list[PageExample]:
    """Those that name nothing of what is there."""
    plain = [example for route in list_page_routes(app) for example in EXAMPLES.get(route.path, (route.path,)) if "{" not in example]
    return [build_example(path) for path in (*plain, NOWHERE)]


def _build_examples(app: FastAPI, facts: Facts, forms: list[str]) -> Iterator[PageExample]:
    quoted = {name: quote(value, safe="") for name, value in facts.items()}
    for route in list_page_routes(app):
        if route.path == ACT_FORMS:
            yield from (_build_form_example(name, facts) for name in forms if not load_act_forms()[name].page)
        for example in EXAMPLES.get(route.path, () if "{" in route.path else (route.path,)):
            yield build_example(example.format_map(quoted))
    yield build_example(NOWHERE)


def build_example(path: str) -> PageExample:
    role = None if path.startswith(STRANGERS) else Role.ADMIN if path.startswith(ADMINISTRATORS) else Role.COLLECTIONS_MANAGER
    return PageExample(path, role, REFUSALS.get(path, 200))


def _build_form_example(name: str, facts: Facts) -> PageExample:
    """What is not among the facts, such as a cover that may be ended, is asked for as if it were there."""
    form = load_act_forms()[name]
    given = {each: facts.get(each, "1") for each in list_needed_facts(form)}
    return PageExample(f"/act/{name}?{urlencode(given)}", _choose_actor(form))


def _choose_actor(form: ActForm) -> Role:
    """A manager where one may, for theirs are most."""
    roles: list[Role] = [Role.COLLECTIONS_MANAGER, Role.ADMIN, *Role]
    return next(role for role in roles if form.is_for(role))


def choose_telling_forms() -> list[str]:
    """A few acts whose forms have between them every kind of field."""
    forms = {name: form for name, form in load_act_forms().items() if not form.page}
    kinds = {name: {field.kind for field in form.fields.values() if field.is_asked} for name, form in forms.items()}
    left, chosen = set[str]().union(*kinds.values()), list[str]()
    while left:
        chosen.append(max(kinds, key=lambda name: len(kinds[name] & left)))
        left -= kinds[chosen[-1]]
    return chosen


def wait_for_works(patch: pytest.MonkeyPatch) -> None:
    """Let what somebody begins have ended when its page is shown: while it is under way, that looks otherwise."""
    for pages in (import_pages, work_pages, proof_pages):
        patch.setattr(pages, "WAITED_SECONDS", float(PATIENCE))


async def begin_works(client: httpx.AsyncClient, account_id: str, invoice_id: str) -> dict[str, str]:
    """What pages show of works that an administrator has begun: the dry run of a file, a verification, the replay of an account, and a note
    about each of the invoices that were ticked."""
    staged = await stage_file(client)
    await try_out(client, staged)
    token = find_form_token((await client.get("/audit")).text)
    begun = [await client.post(path, data={"form_token": token}) for path in ("/audit", f"/audit/accounts/{quote(account_id)}")]
    verification, replay = (_read_token(answer.headers["location"]) for answer in begun)
    form = fill_form((await client.get(f"/lists/invoices/acts?act=add_note&query=&chosen={quote(invoice_id)}")).text)
    noted = await client.post("/lists/invoices/acts", data={**form, "text": "Inventur"})
    act_on_many = _read_token(noted.headers["location"])
    return {"dry_run": staged.rpartition("/")[2], "verification": verification, "replay": replay, "act_on_many": act_on_many}


def _read_token(address: str) -> str:
    """Of a work, out of the address to which it leads."""
    return address.partition("?")[0].rpartition("/")[2]
