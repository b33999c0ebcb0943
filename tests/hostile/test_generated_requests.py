"""Thousands of requests from the API's own description, by every role: none is an error of ours, and the journal stands afterwards."""

import asyncio
from collections import Counter
from datetime import date
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from adapters.audit.audit_service import find_chain_faults
from adapters.identity.users_and_tokens import IdentityStore
from adapters.policies.matrix_store import build_matrix_row
from domain.policy.approval_matrix import MatrixSnapshot
from domain.roles import Role
from tests.api.account_cases import create_account, create_credit_review, create_proposed_plan, create_suspension
from tests.api.portfolio_world import PortfolioWorld
from tests.api.stored_approvals import MATRIX
from tests.hostile.request_generator import GeneratedRequest, RequestGenerator
from tests.patience import PATIENCE

SLOW = frozenset({"verify_journal", "export_audit", "preview_letters", "read_metrics"})
"""Operations that read everything: asked a few times, not in every round."""
ROUNDS_OF_A_ROLE = 3


async def send(app: FastAPI, request: GeneratedRequest, token: str) -> tuple[int, bytes]:
    """Answer a request without a client between, which would refuse to send much of this."""
    path, _, query = request.target.partition("?")
    headers = {b"host": b"duecourse.test", b"authorization": f"Bearer {token}".encode(), b"content-length": str(len(request.body)).encode()}
    headers |= {name.lower(): value for name, value in request.headers.items()}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": list(headers.items()),
        "client": ("127.0.0.1", 1),
        "server": ("duecourse.test", 80),
    }
    status, answer, is_sent = 0, bytearray(), False

    async def receive() -> dict[str, Any]:
        """As a server does: after the body nothing comes until the client leaves. A file's answer asks all the while whether it has."""
        nonlocal is_sent
        if is_sent:
            await asyncio.sleep(PATIENCE)
            return {"type": "http.disconnect"}
        is_sent = True
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def take(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        answer.extend(message.get("body", b"")[:2_000])

    try:
        await app(scope, receive, take)
    except Exception as error:  # what no handler answered is an error of ours as well
        return 599, repr(error).encode()
    return status, bytes(answer)


async def test_no_generated_request_is_an_error_of_ours(app: FastAPI, world: PortfolioWorld) -> None:
    known = build_world(world)
    identity, statuses, asked = IdentityStore(world.database), Counter[int](), Counter[str]()
    for seed, role in enumerate(Role):
        token = identity.issue_token(f"{role.value}-1", role)
        for request in RequestGenerator(describe(app), known, seed).generate(ROUNDS_OF_A_ROLE):
            status, answer = await send(app, request, token)
            assert 200 <= status < 500 or (status == 503 and b"unexpected" not in answer), f"{role} {request}\n{status} {answer!r}"
            statuses[status] += 1
            asked[request.operation] += 1
    assert sum(statuses.values()) > 2_500, "on each kind of database"
    assert asked == dict.fromkeys(list_operations(app) - SLOW, ROUNDS_OF_A_ROLE * len(Role)), "each route under /v1, whenever it was added"
    assert statuses[200] + statuses[201] > sum(statuses.values()) / 10, f"most were refused at the door: {statuses}"
    assert find_chain_faults(world.database, "A-1") == []


def build_world(world: PortfolioWorld) -> dict[str, tuple[str, ...]]:
    """An account with something of each kind; what names it, by the name of the parameter."""
    create_account(world, "I-1", "I-2", "I-3")
    world.add(build_matrix_row(MatrixSnapshot.from_matrix(MATRIX)))
    case = world.case("I-1", "A-1", date(2013, 2, 10), 25_000, "EUR")
    world.steps(case, 2)
    plan = create_proposed_plan(world, ("I-2",)).journal.case_id
    review, suspension = create_credit_review(world).journal.case_id, create_suspension(world).journal.case_id
    letter, task = world.letter("I-3", state="refused"), world.task("I-3")
    return {
        "invoice_id": ("I-1", "I-2", "I-3"),
        "invoices": ("I-1", "I-2", "I-3"),
        "account_id": ("A-1",),
        "account": ("A-1",),
        "accounts": ("A-1",),
        "letter_id": (str(letter),),
        "task_id": (str(task),),
        "plan_id": (plan,),
        "review_id": (review,),
        "approval_id": (f"approval:{suspension}:1",),
        "day": ("2013-03-01",),
        "name": ("standard",),
    }


def describe(app: FastAPI) -> dict[str, Any]:
    """The API's description without the slow operations."""
    document = app.openapi()
    paths = {
        path: {method: operation for method, operation in methods.items() if operation["operationId"] not in SLOW}
        for path, methods in document["paths"].items()
    }
    return {**document, "paths": paths}


def list_operations(app: FastAPI) -> set[str]:
    """The names of the routes that have one, from the routes themselves."""
    included = [each for router in app.routes for each in getattr(getattr(router, "original_router", None), "routes", [router])]
    return {route.operation_id for route in included if isinstance(route, APIRoute) and route.operation_id}
