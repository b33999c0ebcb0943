"""Every error a caller sees is an RFC 9457 problem document, made here. A person at the console gets the same words as a page."""

import json
import math
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from adapters.billing.errors import BillingAwayError
from adapters.outages import is_database_away
from domain.errors import OperatingError, UserError
from domain.refusal import RefusalFacts, find_refusal_facts

PROBLEM_MEDIA_TYPE = "application/problem+json"
NO_SUCH_ROUTE = "no-such-route"
"""The kind of problem of an address that leads nowhere."""

FIELD_CODES = "field."
"""How the codes begin by which pydantic's rules are named."""

log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """One thing in a request that has to be mended. `pointer` is an RFC 6901 JSON pointer, or the name of a parameter."""

    pointer: str
    detail: str
    reason: RefusalFacts | None = None


class ProblemDocument(BaseModel):
    """RFC 9457. `detail` says what to do; `reason` the same without the words, where there is a name for it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:duecourse:problem:refused",
                "title": "The case's state rules this out",
                "status": 409,
                "detail": "the promised amount is more than the open balance",
                "instance": "/v1/invoices/INV-1/promises",
                "errors": [],
            }
        }
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] = Field(default_factory=list)
    reason: RefusalFacts | None = None


class Problem(Exception):
    """Raised by a route; rendered by `answer`."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str,
        *,
        errors: list[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.title, self.detail = status, kind, title, detail
        self.reason = find_refusal_facts(detail)
        self.errors, self.headers, self.extensions = errors or [], dict(headers or {}), dict(extensions or {})

    def build_document(self, instance: str) -> ProblemDocument:
        return ProblemDocument(
            type=f"urn:duecourse:problem:{self.kind}",
            title=self.title,
            status=self.status,
            detail=self.detail,
            instance=instance,
            errors=self.errors,
            reason=self.reason,
        )


DATABASE_AWAY = Problem(
    503,
    "not-ready",
    "The database does not answer",
    "nothing was done, or it is not known whether it was; send the same again in a moment, under the same Idempotency-Key",
    headers={"Retry-After": "5"},
)


def not_found_problem(subject: str, subject_id: str, hint: str) -> Problem:
    return Problem(404, "not-found", f"There is no such {subject}", f"there is no {subject} {subject_id!r}; {hint}")


def invalid_request_problem(pointer: str, detail: str) -> Problem:
    return Problem(422, "invalid", "The request cannot be read", detail, errors=[build_field_error(pointer, detail)])


def build_field_error(pointer: str, detail: str) -> FieldError:
    return FieldError(pointer=pointer, detail=detail, reason=find_refusal_facts(detail))


def build_problem(error: Exception) -> Problem:
    """An error as a caller sees it. What the caller cannot put right is logged, and told nothing of."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            faults = [_build_field_error(dict(fault)) for fault in error.errors()]
            detail = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults[:3])
            return Problem(422, "invalid", "The request cannot be read", detail, errors=faults)
        case SQLAlchemyError() if is_database_away(error):
            return DATABASE_AWAY
        case BillingAwayError():
            return _build_billing_away_problem(error)
        case OperatingError():
            return _build_unexpected_problem(error)
        case UserError():
            return build_user_error_problem(error)
        case HTTPException(__cause__=Problem() as cause):
            return cause
        case HTTPException(status_code=404):
            return Problem(404, NO_SUCH_ROUTE, "There is nothing here", "no route has this path; /openapi.json lists them all")
        case HTTPException(status_code=405):
            allowed = (error.headers or {}).get("Allow", "another method")
            return Problem(
                405, "method-not-allowed", "This route has no such method", f"use {allowed}; /openapi.json says how", headers=error.headers
            )
        case HTTPException():
            return Problem(error.status_code, "http", HTTPStatus(error.status_code).phrase, str(error.detail), headers=error.headers)
    return _build_unexpected_problem(error)


def build_user_error_problem(error: UserError, hint: str = "") -> Problem:
    """Its own message becomes the detail; `hint` is added to it."""
    faults = [FieldError(pointer=error.pointer, detail=str(error))] if error.pointer else []
    problem = Problem(error.status, error.problem_type, error.title, f"{error}{hint}", errors=faults, extensions=error.extensions)
    problem.reason = find_refusal_facts(next(iter(error.args), None))
    return problem


def _build_billing_away_problem(error: BillingAwayError) -> Problem:
    """It may have booked what was asked before its answer was lost: by the same key, it is booked once."""
    log.warning("a billing system is away", error=str(error))
    return Problem(
        503,
        "billing-away",
        "The billing system does not answer",
        f"{error}; it is not known whether anything was booked there: send it again under the same Idempotency-Key",
        headers={"Retry-After": str(math.ceil(error.retry_after or 5))},
    )


def _build_unexpected_problem(error: Exception) -> Problem:
    log.error("a request failed", error=repr(error), exc_info=error)
    return Problem(
        OperatingError.status,
        OperatingError.problem_type,
        OperatingError.title,
        "this is our fault, not yours; try again, and tell your administrator if it stays",
    )


class ProblemResponse(JSONResponse):
    """A problem document. It names what came, which need not be text that can be written: halves of a sign become question marks."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def build_problem_response(problem: Problem, instance: str) -> JSONResponse:
    document = {**problem.extensions, **problem.build_document(instance).model_dump(exclude_none=True)}
    return ProblemResponse(document, status_code=problem.status, headers=problem.headers, media_type=PROBLEM_MEDIA_TYPE)


def install_problem_handlers(app: FastAPI, render_page: Callable[[Request, Problem], Response]) -> None:
    """`render_page` renders a problem for a person who looks at the console."""

    async def handle(request: Request, error: Exception) -> Response:
        problem = build_problem(error)
        if wants_page(request):
            return render_page(request, problem)
        return build_problem_response(problem, request.url.path)

    async def handle_database_error(request: Request, error: Exception) -> Response:
        """One that is no outage is a fault of ours, and goes the way of those."""
        if not is_database_away(error):
            raise error
        return await handle(request, error)

    for kind in (HTTPException, RequestValidationError, Problem, UserError, BillingAwayError, Exception):
        app.add_exception_handler(kind, handle)
    app.add_exception_handler(SQLAlchemyError, handle_database_error)


def wants_page(request: Request) -> bool:
    machine = request.url.path.startswith(("/v1", "/metrics", "/healthz", "/readyz", "/openapi"))
    return not machine and "text/html" in request.headers.get("accept", "")


def _build_field_error(error: dict[str, Any]) -> FieldError:
    place = [str(part) for part in error["loc"]]
    inside = place[1:] if place[0] in ("body", "query", "path", "header") else place
    pointer = "/" + "/".join(inside) if place[0] == "body" else ".".join(inside)
    message = str(error["msg"]).removeprefix("Value error, ")
    return FieldError(pointer=pointer, detail=message[:1].lower() + message[1:], reason=_find_field_reason(error))


def _find_field_reason(error: dict[str, Any]) -> RefusalFacts:
    """What the schema's own rule says; of any other, by pydantic's name for it."""
    context = error.get("ctx") or {}
    cause = context.get("error")
    own = find_refusal_facts(next(iter(cause.args), None)) if isinstance(cause, Exception) else None
    facts = {name: value for name, value in context.items() if isinstance(value, str | int)}
    return own or RefusalFacts(code=f"{FIELD_CODES}{error['type']}", facts=facts)


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}}
    for status, description in {
        400: "The request is not well-formed: its path, its host or its body",
        401: "Not signed in: send a bearer token",
        403: "The role may not do this",
        404: "There is no such thing",
        409: "The state rules it out",
        413: "The request is too large",
        422: "The request cannot be read",
        503: "A part that is needed does not answer; try again",
    }.items()
}
"""For routers: what every operation may answer besides its success."""
