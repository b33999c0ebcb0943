"""People who decide through HTTP while real workers live, die or are away; and what the journal then says of each decision.

An invoice is of EUR 100 and not yet due, unless a test says otherwise; each stands on an account of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml
from fastapi import FastAPI

from adapters.config.settings import PROJECT
from adapters.database.engine import Database
from adapters.imports.column_mapping import load_mapping
from adapters.temporal.case_commands import CommandQueued, TemporalCaseCommands
from adapters.temporal.case_start import CaseStart
from adapters.temporal.handler_names import SIGNAL_NAMES
from adapters.temporal.schedules import upsert_schedules
from api.app import create_app
from api.context import ApiContext
from domain import identifiers as ids
from domain.case.command import Command, CommandReceipt
from domain.clock import Clock
from domain.roles import Role
from tests.faults.fault_environment import FaultEnvironment, start_fault_environment
from tests.faults.journal_snapshot import JournalSnapshot
from tests.patience import PATIENCE
from tests.time_skipping_play import write_invoice_file

MONDAY = datetime(2013, 6, 3, 9, tzinfo=UTC)
DAY = timedelta(days=1)
AT_ONCE = 40
"""Requests on the wire at once."""


class DecisionInvoice(NamedTuple):
    """One invoice of the account `A-` and its number. `due_in`: so many days after the first one of the play."""

    number: str
    total: str = "100.00"
    due_in: int = 60

    @property
    def account(self) -> str:
        return f"A-{self.number}"

    def row(self) -> dict[str, str]:
        due = MONDAY.date() + self.due_in * DAY
        return {
            "number": self.number,
            "account_id": self.account,
            "issue_date": (min(due, MONDAY.date()) - DAY).isoformat(),
            "due_date": due.isoformat(),
            "currency": "EUR",
            "total": self.total,
            "country": "GB",
            "time_zone": "UTC",
            "language": "en",
            "email": f"{self.account.lower()}@customer.test",
        }


def build_invoices(prefix: str, number: int, **terms: Any) -> list[DecisionInvoice]:
    return [DecisionInvoice(f"{prefix}{each}", **terms) for each in range(1, number + 1)]


class ExpectedOutcome(StrEnum):
    """What becomes of a decision: done, refused by its case in the journal, or by the API with a reason."""

    DONE = "done"
    REFUSED = "refused"
    TURNED_AWAY = "turned away"


@dataclass
class RequestedDecision:
    """One decision of one person, and what must become of it. `status`: the API's answer to what it turns away."""

    user: str
    role: Role
    path: str
    body: dict[str, Any] = field(default_factory=dict)
    fate: ExpectedOutcome = ExpectedOutcome.DONE
    status: int = 0
    act_id: str = ""

    @property
    def who(self) -> tuple[str, Role]:
        return self.user, self.role


class RecordingCases(TemporalCaseCommands):
    """It remembers every act that it sends, by its id, with the case it is sent to."""

    sent: dict[str, tuple[str, Command]]

    def set_timeout(self, seconds: float) -> None:
        """How long a person waits from now on, in real time."""
        self._update_seconds = seconds

    async def submit_command(self, case_id: str, command: Command) -> CommandReceipt | CommandQueued:
        self.sent[command.act_id] = (case_id, command)
        return await super().submit_command(case_id, command)

    async def queue_invoice_command(self, invoice_id: str, command: Command) -> CommandQueued:
        self.sent[command.act_id] = (ids.invoice_case_id(invoice_id), command)
        return await super().queue_invoice_command(invoice_id, command)

    async def submit_or_start_case(self, case_start: CaseStart, command: Command) -> CommandReceipt | CommandQueued:
        self.sent[command.act_id] = (case_start.case_id, command)
        return await super().submit_or_start_case(case_start, command)


class DecisionEnvironment(JournalSnapshot):
    """The API in front of a fault environment, and everybody who signs in to it."""

    def __init__(self, environment: FaultEnvironment, folder: Path) -> None:
        super().__init__(environment)
        self.cases = RecordingCases(environment.client, update_seconds=60)
        self.cases.sent = {}
        parts = environment.parts
        self.api = ApiContext(parts.database, parts.clock, self.cases, parts.billing, parts.importer, parts.identity, company=parts.company)
        self._app: FastAPI = create_app(self.api)
        self._folder, self._stack, self._gate = folder, AsyncExitStack(), asyncio.Semaphore(AT_ONCE)
        self._clients: dict[tuple[str, Role], httpx.AsyncClient] = {}

    def today(self, days: int = 0) -> str:
        """The business date, or so many days after it."""
        return (self.api.today + days * DAY).isoformat()

    # --- people at the API

    async def client(self, user: str, role: Role) -> httpx.AsyncClient:
        if (user, role) not in self._clients:
            headers = {"Authorization": f"Bearer {self.fault_environment.parts.identity.issue_token(user, role)}"}
            way = httpx.ASGITransport(app=self._app)
            client = httpx.AsyncClient(transport=way, base_url="http://duecourse.test", timeout=None, headers=headers)
            self._clients[user, role] = await self._stack.enter_async_context(client)
        return self._clients[user, role]

    async def post(self, who: tuple[str, Role], path: str, body: dict[str, Any] | None = None, key: str | None = None) -> httpx.Response:
        """Again under the same key while Temporal is too busy to answer, as the API then asks for."""
        client = await self.client(*who)
        for _ in range(PATIENCE):
            async with self._gate:
                answer = await client.post(f"/v1/{path}", json=body or {}, headers={"Idempotency-Key": key} if key else {})
            if answer.status_code != 503 or key is None:
                break
        return answer

    async def post_all(self, *posts: tuple[tuple[str, Role], str, dict[str, Any]]) -> list[dict[str, Any]]:
        """All at once; each must be taken. Their answers, in order."""
        for who, _, _ in posts:
            await self.client(*who)
        answers = await asyncio.gather(*(self.post(*post) for post in posts))
        for (who, path, _), answer in zip(posts, answers, strict=True):
            assert answer.status_code < 300, f"{who[0]} at {path}: {answer.text}"
        return [answer.json() for answer in answers]

    async def post_decision(self, expected: RequestedDecision, key: str | None = None) -> httpx.Response:
        """Post it; what came of the request is as expected, and whatever is refused says why."""
        answer = await self.post(expected.who, expected.path, expected.body, key)
        if expected.fate is ExpectedOutcome.TURNED_AWAY:
            assert (answer.status_code, bool(answer.json()["detail"])) == (expected.status, True), f"{expected}: {answer.text}"
        else:
            assert answer.status_code < 300, f"{expected}: {answer.text}"
            expected.act_id = answer.json()["act_id"]
        return answer

    async def signal_again(self, act_id: str) -> None:
        """The same act once more, as the signal that stands in for it."""
        case_id, command = self.cases.sent[act_id]
        await self.fault_environment.client.get_workflow_handle(case_id).signal(SIGNAL_NAMES[type(command)], command)

    # --- the portfolio

    async def open_invoices(self, expected: Collection[DecisionInvoice]) -> None:
        """Import the invoices; a worker opens their cases."""
        file = write_invoice_file(self._folder / "bills.csv", [bill.row() for bill in expected])
        mapping = load_mapping(PROJECT / "mappings" / "duecourse.yaml")
        result = self.fault_environment.parts.importer.run(file, mapping, self.api.today, self.api.business_now, "tests")
        assert not result.rejected, result.rejected
        await self.fault_environment.client.execute_workflow(
            "BillingSync", id=f"sync:{next(iter(expected)).number}", task_queue=ids.TASK_QUEUE
        )
        await self.wait_for_entries("case.opened", [ids.invoice_case_id(bill.number) for bill in expected])

    # --- what becomes of it

    async def wait_until_written(self, decisions: Iterable[RequestedDecision]) -> None:
        """Until the journal knows every act that was taken."""
        acts = {expected.act_id for expected in decisions if expected.act_id}
        await self.fault_environment.wait_until(lambda: acts <= self.acts_written(), "every decision is in the journal")

    def check_decisions(self, decisions: Iterable[RequestedDecision]) -> None:
        """Each was done once, or refused once with the reason, in the name of the person. A dispute is in its invoice's journal and in
        its own."""
        entries = self.by_act()
        for expected in decisions:
            if expected.fate is ExpectedOutcome.TURNED_AWAY:
                continue
            found = entries[expected.act_id]
            cases = [entry.case_id for entry in found]
            assert cases, f"{expected} is in no journal"
            assert len(set(cases)) == len(cases), f"{expected} was done more than once: {[(entry.case_id, entry.kind) for entry in found]}"
            assert {entry.actor for entry in found} == {expected.user}, f"{expected}: {[(entry.kind, entry.actor) for entry in found]}"
            refused = found[0].kind == "act.refused"
            assert refused == (expected.fate is ExpectedOutcome.REFUSED), f"{expected}: {found[0].kind} {found[0].facts}"
            assert not refused or found[0].facts["reason"]

    async def close(self) -> None:
        await self._stack.aclose()


@asynccontextmanager
async def start_decision_environment(
    database: Database, folder: Path, day_seconds: float = 86_400.0, short_notice: bool = False
) -> AsyncIterator[DecisionEnvironment]:
    """Start the fault environment and the API, on a Monday morning. `short_notice`: a suspension's notice lasts one day, and an offer
    ninety: on a slow machine many played days pass before everybody has decided."""
    clock = Clock(real_anchor=datetime.now(UTC), business_anchor=MONDAY, day_seconds=day_seconds)
    async with start_fault_environment(database, folder / "data", clock) as environment:
        if short_notice:
            environment.parts.policies.load_folder(_with_short_notice(folder / "policies"))
        if day_seconds < 86_400:
            await upsert_schedules(environment.client, clock)
        smtp_server = DecisionEnvironment(environment, folder)
        try:
            yield smtp_server
        finally:
            await smtp_server.close()


def _with_short_notice(folder: Path) -> Path:
    rules = yaml.safe_load((PROJECT / "policies" / "standard.yaml").read_text(encoding="utf-8"))
    rules["suspension"]["notice_days"] = 1
    rules["plan"]["offer_days"] = 90
    rules["version"] += 1
    folder.mkdir()
    (folder / "standard.yaml").write_text(yaml.safe_dump(rules, sort_keys=False), encoding="utf-8")
    return folder


def money_body(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def terms_body(first_on: date | str, equal: int = 2) -> dict[str, Any]:
    return {"first_on": str(first_on), "equal": equal, "rhythm": "weekly"}
