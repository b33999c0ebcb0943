"""The HTTP application: the API under /v1 for machines, and the console's pages for people."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import Depends, FastAPI

from adapters.audit.access_log import AccessLog
from adapters.read_model.overview.overview_figures import OverviewReader
from api import console
from api.context import ApiContext
from api.routes import (
    account_calls,
    accounts,
    approvals,
    audit,
    audit_proofs,
    correspondence,
    credit_reviews,
    delegations,
    disputes,
    dossiers,
    escalations,
    health,
    imports,
    invoices,
    letter_brakes,
    plans,
    policies,
    portfolios,
    solvency,
    suspensions,
    worklist,
    write_offs,
)
from api.routes import billing as money
from api.routes import invoice_commands as acts
from api.routes.connections import connections, webhooks
from api.routes.identity import sessions, tokens, users
from api.routes.letters import written_letters
from api.routes.mentions import mentions
from api.routes.targets import collection_targets
from api.web import problems
from api.web.access_logging import AccessLogBuffer, AccessLoggingMiddleware
from api.web.idempotency import IDEMPOTENCY_PARAMETER
from api.web.middleware import BodyLimitMiddleware, HostPinMiddleware, SecurityHeadersMiddleware
from api.web.page_compression import PageCompressionMiddleware
from api.web.request_target import RequestPathMiddleware, refuse_unknown_parameters

DESCRIPTION = """The collection of overdue invoices.

Amounts are decimal strings in major units with their ISO 4217 currency, never added across currencies; dates are ISO 8601 business dates.
Errors are problem documents (RFC 9457) whose `detail` says what to do. Every POST takes an `Idempotency-Key`: the same key and request give
the same answer, and nothing happens twice."""

TAGS = [
    {"name": "invoices", "description": "Invoices and how far their collection has come."},
    {"name": "acts", "description": "What collectors do: promises, calls, pauses, notes."},
    {"name": "money", "description": "Payments, credit notes, unapplied credit and cancellations in the billing system."},
    {"name": "disputes", "description": "What customers contest, whose answer it waits for, and how it ended."},
    {"name": "approvals", "description": "What nobody does alone, and who may sign in whose place."},
    {"name": "payment plans", "description": "Debts paid off in instalments, from the proposal to the last payment."},
    {"name": "credit reviews", "description": "Whether a customer can pay and wants to, and what follows from it."},
    {"name": "suspensions", "description": "Warnings, notices, and accounts whose service is switched off."},
    {"name": "write-offs", "description": "Accounts that were handed over, and what becomes of what they owe."},
    {"name": "escalations", "description": "Invoices that people of another role were asked to look at."},
    {"name": "dossiers", "description": "An account's whole story, for those who take it over or decide on it."},
    {"name": "worklist", "description": "What a person should do next, and why."},
    {"name": "portfolios", "description": "Who collects which account, and who covers for whom."},
    {"name": "policies", "description": "The collection policies in force, and how a new version reaches the open invoices."},
    {"name": "imports", "description": "Invoices from CSV and Excel files, with a verdict for each row."},
    {"name": "accounts", "description": "Customers, their balances per currency and their history."},
    {"name": "letters", "description": "What went out by e-mail, and what became of it."},
    {"name": "tasks", "description": "What waits for a person."},
    {
        "name": "audit",
        "description": "Proofs of the journal, and exports. Who looked at what, and what is erased.",
    },
    {"name": "connections", "description": "The billing systems that Duecourse reads, how each stands, and what differs."},
    {"name": "users", "description": "Who may sign in, as what, and where they are signed in."},
    {"name": "health", "description": "For those who run Duecourse."},
]


ROUTERS = (
    invoices.router,
    acts.router,
    money.router,
    disputes.router,
    approvals.router,
    delegations.router,
    plans.router,
    credit_reviews.router,
    suspensions.router,
    write_offs.router,
    escalations.router,
    worklist.router,
    mentions.router,
    portfolios.router,
    collection_targets.router,
    policies.router,
    imports.router,
    accounts.router,
    accounts.contacts_router,
    account_calls.router,
    dossiers.router,
    users.router,
    tokens.router,
    sessions.router,
    solvency.router,
    audit.router,
    audit_proofs.router,
    health.router,
    health.clock_router,
    worklist.set_aside_router,
    letter_brakes.stops_router,
    letter_brakes.holdbacks_router,
    letter_brakes.releases_router,
    written_letters.router,
    connections.router,
    correspondence.letters_router,
    correspondence.previews_router,
    correspondence.tasks_router,
)
"""Those of the API, in the order in which its description has them."""


CONSOLE_ROUTERS = (
    console.approvals_router,
    console.set_aside_router,
    console.search_router,
    console.decision_router,
    console.acts_router,
    console.assets_router,
    console.reassignment_router,
    console.many_acts_router,
    console.list_works_router,
    console.lists_router,
    console.account_router,
    console.invoice_router,
    console.plan_router,
    console.letter_router,
    console.letters_router,
    console.letter_holdbacks_router,
    console.write_router,
    console.batch_router,
    console.cases_router,
    console.credit_router,
    console.import_router,
    console.live_router,
    console.overview_router,
    console.collected_router,
    console.mentions_router,
    console.team_router,
    console.account_day_router,
    console.proof_router,
    console.policies_router,
    console.shortcuts_router,
    console.call_preview_router,
    console.today_router,
    console.sign_in_router,
    console.provider_router,
    console.settings_router,
    console.users_router,
    console.connections_router,
    console.router,
)
"""Those of the pages."""


def create_app(context: ApiContext) -> FastAPI:
    """Return the whole application, ready for a server. Nothing is loaded from elsewhere: the description is at /openapi.json."""
    app = build_app()
    attach_context(app, context)
    return app


def attach_context(app: FastAPI, context: ApiContext) -> None:
    """Attach the services with which requests are answered from now on."""
    app.state.parts, app.state.trail = context, AccessLogBuffer(AccessLog(context.database))
    app.state.pulse = console.PulseReader(context)
    app.state.overview = OverviewReader(context.database)
    app.state.connection_tasks = set[asyncio.Task[None]]()
    app.state.staged_files, app.state.import_tasks = console.StagedFiles(), set[asyncio.Task[None]]()
    app.state.proof_works, app.state.letter_plays = console.ProofWorks(), console.LetterPlays()
    app.state.list_works = console.ListWorks()


def build_app() -> FastAPI:
    """Return the application with every route, and no services yet."""
    app = FastAPI(
        title="Duecourse",
        version=_find_installed_version(),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_read_ahead_and_keep_access_log,
    )
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(refuse_unknown_parameters)])
    app.include_router(webhooks.router)
    for page in CONSOLE_ROUTERS:
        app.include_router(page)
    problems.install_problem_handlers(app, console.render_problem_page)
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(RequestPathMiddleware)
    app.add_middleware(HostPinMiddleware)
    app.add_middleware(SecurityHeadersMiddleware)
    app.add_middleware(PageCompressionMiddleware)
    app.add_middleware(AccessLoggingMiddleware)
    _complete_description(app)
    return app


@asynccontextmanager
async def _read_ahead_and_keep_access_log(app: FastAPI) -> AsyncIterator[None]:
    """While it serves, what does not work is known, and what the overview shows; when it ends, who looked at what is written."""
    reading = [asyncio.create_task(each) for each in (_keep_pulse(app), _keep_overview(app))]
    try:
        yield
    finally:
        for task in reading:
            task.cancel()
    await app.state.trail.flush()


async def _keep_pulse(app: FastAPI) -> None:
    await app.state.pulse.keep_reading()


async def _keep_overview(app: FastAPI) -> None:
    await console.keep_overview(app.state.overview, app.state.parts)


def _complete_description(app: FastAPI) -> None:
    """Add what no route declares itself: the problem document's schema, and the header that every POST heeds."""
    describe = app.openapi

    def described() -> dict[str, object]:
        document = describe()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schema = problems.ProblemDocument.model_json_schema(ref_template="#/components/schemas/Problem{model}")
        schemas.update({f"Problem{name}": part for name, part in schema.pop("$defs", {}).items()})
        schemas["ProblemDocument"] = schema
        for methods in document["paths"].values():
            if post := methods.get("post"):
                parameters = post.setdefault("parameters", [])
                parameters += [] if IDEMPOTENCY_PARAMETER in parameters else [IDEMPOTENCY_PARAMETER]
        return document

    app.openapi = described  # type: ignore[method-assign]


def _find_installed_version() -> str:
    try:
        return version("duecourse")
    except PackageNotFoundError:
        return "0.1.0"
