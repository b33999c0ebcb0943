"""Who may do what, over every route and every role."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.web.permissions import ALLOWED_ROLES, Permission
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import PortfolioWorld

EVERYBODY = set(Role)
DESK = {Role.COLLECTOR, Role.COLLECTIONS_MANAGER, Role.ADMIN}
LEADS = {Role.COLLECTIONS_MANAGER, Role.ADMIN}
MONEY = DESK | {Role.BILLING_OPS}
BILLING = {Role.COLLECTIONS_MANAGER, Role.ADMIN, Role.BILLING_OPS}

HANDLERS = {Role.COLLECTOR, Role.COLLECTIONS_MANAGER, Role.SALES_OPS, Role.SALES, Role.BILLING_OPS, Role.FINANCE_DIRECTOR}
AUDITORS = {Role.AUDITOR, Role.ADMIN}
APPROVERS = set(Role) - {Role.COLLECTOR, Role.AUDITOR, Role.ADMIN}

WHO_MAY: dict[tuple[str, str], set[Role]] = {
    ("GET", "/v1/policies"): EVERYBODY,
    ("GET", "/v1/policies/{name}/adoption"): EVERYBODY,
    ("POST", "/v1/policies/{name}/versions"): LEADS | {Role.FINANCE_DIRECTOR},
    ("POST", "/v1/policies/{name}/adoption"): LEADS | {Role.FINANCE_DIRECTOR},
    ("GET", "/v1/invoices"): EVERYBODY,
    ("POST", "/v1/invoices"): BILLING,
    ("GET", "/v1/invoices/{invoice_id}"): EVERYBODY,
    ("GET", "/v1/invoices/{invoice_id}/why"): EVERYBODY,
    ("GET", "/v1/invoices/{invoice_id}/history"): EVERYBODY,
    ("POST", "/v1/invoices/{invoice_id}/promises"): DESK,
    ("POST", "/v1/invoices/{invoice_id}/calls"): DESK,
    ("POST", "/v1/accounts/{account_id}/calls"): DESK,
    ("POST", "/v1/accounts/{account_id}/pause"): DESK,
    ("POST", "/v1/accounts/{account_id}/resume"): DESK,
    ("POST", "/v1/accounts/{account_id}/escalations"): DESK,
    ("POST", "/v1/accounts/{account_id}/notes"): DESK,
    ("GET", "/v1/accounts/{account_id}/notes"): EVERYBODY,
    ("POST", "/v1/invoices/{invoice_id}/pause"): DESK,
    ("POST", "/v1/invoices/{invoice_id}/letter-resends"): DESK,
    ("POST", "/v1/invoices/{invoice_id}/letter-skips"): DESK,
    ("POST", "/v1/invoices/{invoice_id}/resume"): DESK,
    ("POST", "/v1/invoices/{invoice_id}/notes"): DESK,
    ("POST", "/v1/invoices/{invoice_id}/payments"): MONEY,
    ("POST", "/v1/invoices/{invoice_id}/credit-notes"): BILLING,
    ("POST", "/v1/invoices/{invoice_id}/cancellation"): BILLING,
    ("POST", "/v1/invoices/{invoice_id}/credit-request/withdrawal"): BILLING,
    ("POST", "/v1/payments/{payment_id}/reversal"): MONEY,
    ("POST", "/v1/accounts/{account_id}/unapplied/applications"): MONEY,
    ("GET", "/v1/accounts/{account_id}/unapplied"): EVERYBODY,
    ("POST", "/v1/accounts/{account_id}/unapplied/applications/{application_id}/reversal"): MONEY,
    ("GET", "/v1/accounts"): EVERYBODY,
    ("GET", "/v1/accounts/{account_id}"): EVERYBODY,
    ("GET", "/v1/accounts/{account_id}/history"): EVERYBODY,
    ("PUT", "/v1/accounts/{account_id}/service"): BILLING,
    ("DELETE", "/v1/accounts/{account_id}/contacts/{contact_id}"): DESK,
    ("POST", "/v1/accounts/{account_id}/contacts"): DESK,
    ("POST", "/v1/accounts/{account_id}/contacts/{contact_id}"): DESK,
    ("GET", "/v1/letters"): EVERYBODY,
    ("GET", "/v1/letters/{letter_id}"): EVERYBODY,
    ("POST", "/v1/letters/{letter_id}/decision"): DESK,
    ("GET", "/v1/letter-stops"): EVERYBODY,
    ("POST", "/v1/letter-stops"): LEADS | {Role.FINANCE_DIRECTOR},
    ("DELETE", "/v1/letter-stops/{stop_id}"): LEADS | {Role.FINANCE_DIRECTOR},
    ("POST", "/v1/accounts/{account_id}/letter-holdbacks"): DESK,
    ("DELETE", "/v1/accounts/{account_id}/letter-holdbacks/{holdback_id}"): DESK,
    ("POST", "/v1/accounts/{account_id}/letters"): DESK,
    ("POST", "/v1/accounts/{account_id}/letters/preview"): DESK,
    ("GET", "/v1/held-accounts"): EVERYBODY,
    ("GET", "/v1/preview"): EVERYBODY,
    ("GET", "/v1/releases"): EVERYBODY,
    ("POST", "/v1/releases"): LEADS | {Role.FINANCE_DIRECTOR},
    ("GET", "/v1/tasks"): EVERYBODY,
    ("GET", "/v1/mentions"): EVERYBODY,
    ("GET", "/v1/collection-targets"): EVERYBODY,
    ("GET", "/v1/collection-targets/changes"): EVERYBODY,
    ("GET", "/v1/collection-targets/collected"): EVERYBODY,
    ("POST", "/v1/collection-targets"): LEADS,
    ("POST", "/v1/collection-targets/withdrawal"): LEADS,
    ("POST", "/v1/mentions/read"): EVERYBODY,
    ("POST", "/v1/tasks/{task_id}/done"): MONEY,
    ("POST", "/v1/imports"): BILLING,
    ("GET", "/v1/imports/{import_id}"): EVERYBODY,
    ("POST", "/v1/imports/{import_id}/closure"): BILLING,
    ("GET", "/v1/imports/{import_id}/rejected.csv"): EVERYBODY,
    ("POST", "/v1/invoices/{invoice_id}/disputes"): DESK,
    ("GET", "/v1/disputes"): EVERYBODY,
    ("POST", "/v1/disputes/{dispute_id}/assignment"): HANDLERS,
    ("POST", "/v1/disputes/{dispute_id}/resolution"): HANDLERS,
    ("POST", "/v1/disputes/{dispute_id}/evidence"): HANDLERS,
    ("GET", "/v1/documents/{sha256}"): EVERYBODY,
    ("GET", "/v1/invoices/{invoice_id}/document"): EVERYBODY,
    ("GET", "/v1/approvals"): EVERYBODY,
    ("GET", "/v1/approvals/{approval_id}"): EVERYBODY,
    ("POST", "/v1/approvals/{approval_id}/decision"): APPROVERS,
    ("POST", "/v1/delegations"): APPROVERS,
    ("GET", "/v1/delegations"): EVERYBODY,
    ("DELETE", "/v1/delegations/{delegation_id}"): APPROVERS | {Role.ADMIN},
    ("GET", "/v1/plans"): EVERYBODY,
    ("GET", "/v1/plans/{plan_id}"): EVERYBODY,
    ("POST", "/v1/accounts/{account_id}/plans/preview"): DESK,
    ("POST", "/v1/accounts/{account_id}/plans"): DESK,
    ("POST", "/v1/plans/{plan_id}/revision"): DESK,
    ("POST", "/v1/plans/{plan_id}/acceptance"): DESK,
    ("POST", "/v1/plans/{plan_id}/refusal"): DESK,
    ("POST", "/v1/plans/{plan_id}/cancellation"): DESK,
    ("GET", "/v1/credit-reviews"): EVERYBODY,
    ("GET", "/v1/credit-reviews/{review_id}"): EVERYBODY,
    ("POST", "/v1/accounts/{account_id}/credit-reviews"): DESK,
    ("POST", "/v1/credit-reviews/{review_id}/verdict"): {Role.CREDIT_ANALYST},
    ("POST", "/v1/credit-reviews/{review_id}/closing"): {Role.CREDIT_ANALYST},
    ("GET", "/v1/suspensions"): EVERYBODY,
    ("GET", "/v1/accounts/{account_id}/suspension"): EVERYBODY,
    ("POST", "/v1/accounts/{account_id}/suspension"): DESK,
    ("POST", "/v1/accounts/{account_id}/suspension/renewal"): DESK,
    ("POST", "/v1/accounts/{account_id}/suspension/warning"): DESK,
    ("POST", "/v1/accounts/{account_id}/suspension/extension"): DESK,
    ("POST", "/v1/accounts/{account_id}/suspension/withdrawal"): DESK,
    ("POST", "/v1/accounts/{account_id}/suspension/reinstatement"): LEADS,
    ("POST", "/v1/accounts/{account_id}/suspension/hand-over"): LEADS,
    ("GET", "/v1/write-offs"): EVERYBODY,
    ("GET", "/v1/accounts/{account_id}/write-off"): EVERYBODY,
    ("POST", "/v1/accounts/{account_id}/write-off/decision"): {Role.WRITE_OFF_ANALYST},
    ("POST", "/v1/invoices/{invoice_id}/escalations"): DESK,
    ("POST", "/v1/invoices/{invoice_id}/escalations/answer"): set(Role) - {Role.AUDITOR},
    ("GET", "/v1/accounts/{account_id}/dossiers"): EVERYBODY,
    ("POST", "/v1/accounts/{account_id}/dossiers"): DESK | {Role.WRITE_OFF_ANALYST, Role.CREDIT_ANALYST},
    ("GET", "/v1/accounts/{account_id}/solvency"): EVERYBODY,
    ("GET", "/v1/worklist"): EVERYBODY,
    ("GET", "/v1/worklist/accounts/{account_id}"): EVERYBODY,
    ("GET", "/v1/worklist/roles"): EVERYBODY,
    ("GET", "/v1/portfolios"): EVERYBODY,
    ("GET", "/v1/portfolios/rules"): EVERYBODY,
    ("PUT", "/v1/portfolios/rules"): LEADS,
    ("POST", "/v1/portfolios/rules/apply"): LEADS,
    ("POST", "/v1/portfolios/reassignments"): LEADS,
    ("GET", "/v1/portfolios/changes"): EVERYBODY,
    ("GET", "/v1/portfolios/cover"): EVERYBODY,
    ("POST", "/v1/portfolios/cover"): LEADS,
    ("DELETE", "/v1/portfolios/cover/{cover_id}"): LEADS,
    ("GET", "/v1/audit/views"): AUDITORS,
    ("GET", "/v1/audit/clock-changes"): AUDITORS,
    ("GET", "/v1/audit/verify"): AUDITORS,
    ("GET", "/v1/audit/seals"): AUDITORS,
    ("GET", "/v1/audit/seals/{day}"): AUDITORS,
    ("GET", "/v1/audit/accounts/{account_id}/replay"): AUDITORS,
    ("GET", "/v1/audit/accounts/{account_id}/standing"): AUDITORS,
    ("GET", "/v1/audit/accounts/{account_id}/steps"): AUDITORS,
    ("GET", "/v1/audit/export"): AUDITORS,
    ("GET", "/v1/audit/log"): AUDITORS,
    ("GET", "/v1/audit/accounts/{account_id}/erasure"): AUDITORS,
    ("POST", "/v1/audit/accounts/{account_id}/erasure"): {Role.ADMIN},
    ("GET", "/metrics"): EVERYBODY,
    ("GET", "/v1/set-aside"): EVERYBODY,
    ("POST", "/v1/set-aside/{item_id}/retry"): {Role.ADMIN},
    ("GET", "/v1/users"): AUDITORS,
    ("POST", "/v1/users"): {Role.ADMIN},
    ("POST", "/v1/users/{user_name}/details"): {Role.ADMIN},
    ("POST", "/v1/users/{user_name}/roles"): {Role.ADMIN},
    ("POST", "/v1/users/{user_name}/role-removal"): {Role.ADMIN},
    ("POST", "/v1/users/{user_name}/deactivation"): {Role.ADMIN},
    ("POST", "/v1/users/{user_name}/password-link"): {Role.ADMIN},
    ("GET", "/v1/tokens"): AUDITORS,
    ("POST", "/v1/tokens"): {Role.ADMIN},
    ("POST", "/v1/tokens/{token_id}/revocation"): {Role.ADMIN},
    ("GET", "/v1/audit/sign-ins"): AUDITORS,
    ("GET", "/v1/sessions"): EVERYBODY,
    ("POST", "/v1/sessions/{session_id}/revocation"): {Role.ADMIN},
    ("GET", "/v1/connections"): EVERYBODY,
    ("GET", "/v1/connections/{connection_id}"): EVERYBODY,
    ("POST", "/v1/connections"): {Role.ADMIN},
    ("POST", "/v1/connections/{connection_id}/secret"): {Role.ADMIN},
    ("POST", "/v1/connections/{connection_id}/webhook-secret"): {Role.ADMIN},
    ("POST", "/v1/connections/{connection_id}/switch-off"): {Role.ADMIN},
    ("POST", "/v1/connections/{connection_id}/switch-on"): {Role.ADMIN},
    ("POST", "/v1/connections/{connection_id}/test"): BILLING,
    ("POST", "/v1/connections/{connection_id}/reading"): BILLING,
    ("POST", "/v1/connections/{connection_id}/comparison"): BILLING,
    ("POST", "/v1/connections/{connection_id}/absences"): {Role.ADMIN},
    ("POST", "/v1/connections/{connection_id}/notes"): BILLING,
    ("GET", "/v1/clock"): EVERYBODY,
    ("POST", "/v1/clock"): LEADS,
}
OPEN = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
    ("GET", "/password"),
    ("GET", "/oidc/sign-in"),
    ("GET", "/oidc/callback"),
    ("POST", "/password"),
    ("POST", "/v1/webhooks/{name}"),
    ("POST", "/v1/webhooks/{name}/{secret}"),
    ("GET", "/assets/{name}"),
}
PAGES = {
    ("GET", path)
    for path in (
        "/",
        "/overview",
        "/collected",
        "/mentions",
        "/mentions/people",
        "/cases",
        "/correspondence",
        "/invoices",
        "/team",
        "/audit",
        "/audit/accounts/{account_id}",
        "/audit/proofs/{token}",
        "/search",
        "/policies",
        "/policies/{name}",
        "/import",
        "/import/{token}",
        "/import/{token}/columns",
        "/imports/{import_id}",
        "/invoices/{invoice_id}",
        "/invoices/{invoice_id}/document",
        "/lists/accounts/reassignment",
        "/lists/{name}/acts",
        "/lists/works/{token}",
        "/lists/{name}/csv",
        "/lists/{name}/xlsx",
        "/accounts/{account_id}",
        "/approvals",
        "/approvals/{approval_id}",
        "/cases/{case_id}",
        "/act/decide_approval",
        "/act/{name}",
        "/accounts",
        "/letters",
        "/letter-holdbacks",
        "/accounts/{account_id}/write",
        "/accounts/{account_id}/plan",
        "/cases/{plan_id}/terms",
        "/letters/{letter_id}",
        "/approval-decisions",
        "/today",
        "/preview",
        "/roles",
        "/set-aside",
        "/connections",
        "/connections/new",
        "/connections/{connection_id}",
        "/shortcuts",
        "/live",
        "/settings",
        "/users",
        "/users/{user_name}",
        "/tokens",
        "/role",
        "/inbox",
        "/inbox/{mail_id}",
    )
} | {
    ("POST", "/clock"),
    ("POST", "/connections/new"),
    ("POST", "/import"),
    ("POST", "/policies"),
    ("POST", "/team/rules"),
    ("POST", "/team/rules/apply"),
    ("POST", "/audit"),
    ("POST", "/audit/accounts/{account_id}"),
    ("POST", "/import/{token}/columns"),
    ("POST", "/import/{token}/run"),
    ("POST", "/import/{token}/mapping"),
    ("POST", "/accounts/{account_id}/write"),
    ("POST", "/accounts/{account_id}/plan"),
    ("POST", "/cases/{plan_id}/terms"),
    ("POST", "/approval-decisions"),
    ("POST", "/set-aside/{item_id}/retry"),
    ("POST", "/act/decide_approval"),
    ("POST", "/act/{name}"),
    ("POST", "/lists/accounts/reassignment"),
    ("POST", "/lists/{name}/acts"),
    ("POST", "/letter-holdbacks"),
    ("POST", "/today/foreseen"),
    ("POST", "/mentions"),
    ("POST", "/lists/{name}/views"),
    ("POST", "/lists/{name}/views/forget"),
    ("POST", "/settings/password"),
    ("POST", "/settings/preferences"),
    ("POST", "/settings/sessions/{session_id}/end"),
    ("POST", "/role"),
    ("POST", "/accounts/{account_id}/credit/applications"),
    ("POST", "/accounts/{account_id}/credit/applications/{application_id}/reversal"),
}


def routes_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every route that a router brought in, as its full path."""
    for included in app.routes:
        routes = getattr(getattr(included, "original_router", None), "routes", [included])
        for route in routes:
            if isinstance(route, APIRoute):
                yield from ((method, route.path) for method in route.methods or set())


def address(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: "1" if found[1] in ("letter_id", "task_id", "contact_id", "item_id") else "none", path)


def test_every_route_says_who_may(app: FastAPI) -> None:
    assert set(routes_of(app)) == WHO_MAY.keys() | OPEN | PAGES


@pytest.mark.parametrize("role", Role)
async def test_each_role_may_exactly_what_the_table_says(role: Role, as_role: As, world: PortfolioWorld) -> None:
    async with as_role(role) as client:
        for (method, path), able in WHO_MAY.items():
            answer = await client.request(method, address(path), json={})
            refused = answer.status_code == 403
            assert refused == (role not in able), (method, path, answer.status_code)


async def test_whoever_is_not_signed_in_is_told_how(as_role: As, problem: Problem, world: PortfolioWorld) -> None:
    async with as_role(None) as stranger:
        for method, path in WHO_MAY:
            document = problem(await stranger.request(method, address(path), json={}), 401)
            assert "duecourse token" in document["detail"]


async def test_pages_send_a_stranger_to_sign_in(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(None, Accept="text/html") as stranger:
        for method, path in PAGES:
            answer = await stranger.request(method, address(path))
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in"), path


async def test_a_revoked_token_opens_nothing(app: FastAPI, as_role: As, problem: Problem) -> None:
    token = as_role.identity.issue_token("leaver", Role.ADMIN)
    app.state.parts.identity.revoke_token(token)
    async with as_role(None, Authorization=f"Bearer {token}") as client:
        problem(await client.get("/v1/invoices"), 401)


async def test_a_refusal_names_who_may(auditor: Client, problem: Problem, world: PortfolioWorld) -> None:
    document = problem(await auditor.post("/v1/invoices/I-1/pause", json={"reason": "x"}), 403)
    assert document["detail"] == (
        "the role auditor may not record promises, calls, pauses and notes; ask someone who is admin, collections_manager, collector"
    )


def test_an_auditor_may_only_read_and_say_that_they_have_read_what_names_them() -> None:
    allowed = {expected for expected in Permission if Role.AUDITOR in ALLOWED_ROLES[expected]}
    assert allowed == {Permission.READ, Permission.AUDIT, Permission.MARK_MENTIONS}
