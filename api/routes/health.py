"""Is it alive, can it work, and a few figures for Prometheus."""

from datetime import datetime

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from adapters.read_model.archive_status import read_last_sweep
from adapters.read_model.portfolio_totals import Portfolio, read_portfolio
from api.context import ApiParts
from api.web.authentication import Parts, Reader
from api.web.problems import RESPONSES, Problem
from domain.audit.archive_status import Swept

router = APIRouter(tags=["health"], responses={503: RESPONSES[503]})
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Health(BaseModel):
    status: str = "ok"


@router.get("/healthz", operation_id="is_alive", summary="The process answers")
async def alive() -> Health:
    return Health()


@router.get("/readyz", operation_id="is_ready", summary="Database and Temporal answer too")
async def ready(parts: Parts) -> Health:
    absent = []
    if not await run_in_threadpool(_database_answers, parts):
        absent.append("the database")
    if not await parts.cases.reachable():
        absent.append("Temporal")
    if absent:
        raise Problem(
            503, "not-ready", "A part does not answer", f"{' and '.join(absent)} does not answer; see that it runs, then try again"
        )
    return Health()


@router.get(
    "/metrics", operation_id="read_metrics", summary="Figures for Prometheus", response_class=PlainTextResponse, responses=RESPONSES
)
def metrics(parts: Parts, _: Reader) -> PlainTextResponse:
    told = exposition(read_portfolio(parts.database, parts.today)) + archive_exposition(read_last_sweep(parts.database), parts.now())
    return PlainTextResponse(told, media_type=METRICS_TYPE)


def exposition(portfolio: Portfolio) -> str:
    """Prometheus' text format."""
    stages = [(f'stage="{_label(row.stage)}"', row.count) for row in portfolio.stages]
    stages += [(f'stage="{_label(status)}"', count) for status, count in sorted(portfolio.settled.items())]
    letters = [(f'state="{_label(state)}"', count) for state, count in sorted(portfolio.letters.items())]
    tasks = [(f'kind="{_label(kind)}"', count) for kind, count in sorted(portfolio.tasks.items())]
    return "".join(
        (
            _gauge("duecourse_invoices", "Invoices by stage.", stages),
            _gauge("duecourse_letters", "Letters by state.", letters),
            _gauge("duecourse_open_tasks", "Tasks that wait for a person, by kind.", tasks),
            _gauge("duecourse_undelivered_ledger_events", "Ledger events that no case has heard of.", [("", portfolio.undelivered_events)]),
        )
    )


def archive_exposition(swept: Swept | None, now: datetime) -> str:
    """Nothing before the first sweep. The lag goes on growing while no sweep comes to its end."""
    if swept is None:
        return ""
    since = max(0.0, (now - swept.at).total_seconds())
    return "".join(
        (
            _gauge("duecourse_archive_swept_seconds", "How long ago the last sweep of the archive was.", [("", round(since))]),
            _gauge(
                "duecourse_archive_lag_seconds",
                "How long ago the oldest run ended that is left to archive; 0: none is.",
                [("", round(swept.lag_seconds + since) if swept.left else 0)],
            ),
            _gauge("duecourse_archive_left", "Runs that have ended and are not archived.", [("", swept.left)]),
            _gauge("duecourse_archive_at_risk", "Of these, the runs that the server will delete within a day.", [("", swept.at_risk)]),
        )
    )


def _gauge(name: str, help: str, samples: list[tuple[str, int]]) -> str:
    lines = [f"# HELP {name} {help}", f"# TYPE {name} gauge"]
    lines += [f"{name}{{{labels}}} {value}" if labels else f"{name} {value}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _label(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _database_answers(parts: ApiParts) -> bool:
    try:
        with parts.database.reading() as session:
            session.execute(text("SELECT 1"))
        return True
    except SQLAlchemyError:
        return False
