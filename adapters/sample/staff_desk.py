"""What a member of the invented staff has at hand to work with: the API, each signed in as themselves, and what customers send to the bank.

Every act is a request that a person could make, with all that is checked there. Its `Idempotency-Key` derives from the script, so that an
act that is repeated after a restart does nothing twice.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx

from adapters.billing.errors import BillingError
from adapters.billing.port import BillingSystem
from adapters.sample.accounts import CUSTOMER
from domain.billing.billing_events import InvoiceStatus
from domain.money import Money

API_ADDRESS = "http://localhost"
PAGE_LENGTH = 200


class ActRefused(Exception):
    """An act that cannot be done: not yet, or because somebody else did something there. The message is the reason."""


class StaffDesk:
    """One act of one person. `answers`: the ids of the acts done before, by the script's names; `now` is business time (UTC)."""

    def __init__(
        self, api: httpx.AsyncClient, billing: BillingSystem, token: str, act_id: str, now: datetime, answers: Mapping[str, str]
    ) -> None:
        self._api, self._billing, self._token, self._act_id, self._now = api, billing, token, act_id, now
        self._answers = answers

    @property
    def today(self) -> date:
        """Return the business date (UTC)."""
        return self._now.date()

    def format_day(self, days: int) -> str:
        """Return the date so many days from today, in ISO 8601."""
        return (self.today + timedelta(days=days)).isoformat()

    def get_answer(self, act: str) -> str:
        """Return the id under which an earlier act of the script was taken. Raises ActRefused."""
        try:
            return self._answers[act]
        except KeyError:
            raise ActRefused(f"{act} was not done") from None

    async def get(self, path: str, **parameters: str) -> Any:
        """Raises ActRefused."""
        return await self._ask("GET", path, params=parameters)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, version: object = "") -> str:
        """Do the act; return the id under which it was taken. `version`: of what it is based on; an act that was refused for
        that may be done on a later one. Raises ActRefused."""
        answer = await self._ask("POST", path, json=body, headers={"Idempotency-Key": f"sample:{self._act_id}:{version}".rstrip(":")})
        return str(answer["act_id"])

    async def list_all(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        """Return the items of all pages. Raises ActRefused."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            more = {"cursor": cursor} if cursor else {}
            page = await self.get(path, limit=str(PAGE_LENGTH), **parameters, **more)
            found += page["items"]
            if (cursor := page["next"]) is None:
                return found

    async def find_open_case(self, cases: str, account: str) -> dict[str, Any]:
        """Return the account's open case in a list of the API, such as `plans`: the last one. Raises ActRefused."""
        found = await self.list_all(f"/v1/{cases}", account=account, open="true")
        if not found:
            raise ActRefused(f"{account} has none of its {cases} open")
        return max(found, key=lambda case: str(case["id"]))

    async def find_approval(self, subject: str) -> dict[str, Any]:
        """Return the approval that a case waits for and that this person may decide now. Raises ActRefused."""
        for approval in await self.list_all("/v1/approvals", mine="true"):
            if approval["subject"] == subject:
                return approval
        raise ActRefused(f"no approval of {subject} waits for this person")

    async def decide(self, subject: str, decision: str, comment: str) -> str:
        """Decide what a case waits for, on the facts as they are. Raises ActRefused."""
        approval = await self.find_approval(subject)
        body = {"decision": decision, "comment": comment, "facts_version": approval["facts_version"]}
        return await self.post(f"/v1/approvals/{quote(str(approval['id']), safe='')}/decision", body, version=approval["facts_version"])

    async def list_open_invoices(self, account: str) -> list[tuple[str, Money]]:
        """Return the ids of the account's open invoices and what is owed on each, the oldest due first. Raises ActRefused."""
        rows = await self.list_all("/v1/invoices", account=account, status=InvoiceStatus.OPEN)
        ordered = sorted(rows, key=lambda row: (str(row["due_date"]), str(row["id"])))
        return [(str(row["id"]), parse_money(row["open_balance"])) for row in ordered]

    def record_payment(self, account: str, paid: Money, invoice_id: str | None = None, part: str = "") -> str:
        """Book what a customer paid, once, as the bank's file would; return the payment's id. Raises ActRefused."""
        payment_id = f"sample:{self._act_id}{part and ':' + part}"
        reference = f"Transfer {invoice_id or account}"
        try:
            self._billing.record_payment(
                payment_id, account, paid.currency, paid.minor, self.today, reference, invoice_id, recorded_by=CUSTOMER, at=self._now
            )
        except BillingError as error:
            raise ActRefused(str(error)) from error
        return payment_id

    async def _ask(self, method: str, path: str, **request: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", **request.pop("headers", {})}
        try:
            response = await self._api.request(method, API_ADDRESS + path, headers=headers, **request)
        except httpx.HTTPError as error:
            raise ActRefused(f"no answer: {error}") from error
        if response.is_success:
            return response.json()
        problem = response.json() if "json" in response.headers.get("content-type", "") else {}
        raise ActRefused(str(problem.get("detail") or f"HTTP {response.status_code}"))


def parse_money(amount: Mapping[str, str]) -> Money:
    """Return an amount as the API writes it: a decimal string in major units with its currency."""
    return Money.from_major(Decimal(amount["amount"]), amount["currency"])
