"""The customers of a played year: what they owe and pay, and whether letters reach them."""

import asyncio
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from adapters.cases.case_inputs import CaseInputLoader
from adapters.database.tables import Invoice
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from domain.billing.receivables import Receivable
from tests.workflows.collection_environment import CollectionEnvironment
from tests.workflows.dispute_commands import next_act_id


class Customers:
    """`unreachable`: the accounts that no letter reaches until our people have found another address. Amounts in minor units."""

    def __init__(self, environment: CollectionEnvironment, beginnings: CaseInputLoader) -> None:
        self.environment, self.play, self._beginnings = environment, environment.play, beginnings
        self.unreachable: set[str] = set()
        self._send = self.play.parts.mailer.send
        self.play.parts.mailer.send = self._deliver  # type: ignore[method-assign]

    def list_owed_receivables(self, account: str) -> list[Receivable]:
        """What the account owes, without what billing calls disputed."""
        with self.environment.database.reading() as session:
            mine = (col(Invoice.account_id) == account, col(Invoice.status) == "open", col(Invoice.disputed).is_(False))
            names = session.scalars(select(col(Invoice.id)).where(*mine).order_by(col(Invoice.id))).all()
        return [claim for claim in self._beginnings.load_claims(account, names) if claim.open_balance > 0]

    async def pay(self, account: str, amount: int) -> None:
        if amount > 0:
            now = await self.play.now()
            await asyncio.to_thread(
                self.play.parts.billing.record_payment, f"P-{next_act_id()}", account, "EUR", amount, now.date(), at=now
            )

    async def pay_each(self, claims: list[Receivable]) -> None:
        for claim in claims:
            await self.pay_invoice(claim.invoice_id, claim.open_balance)

    async def pay_invoice(self, invoice: str, amount: int) -> None:
        account, currency = self.environment.account_and_currency(invoice)
        if amount > 0:
            now = await self.play.now()
            await asyncio.to_thread(
                self.play.parts.billing.record_payment,
                f"P-{next_act_id()}",
                account,
                currency,
                amount,
                now.date(),
                invoice_id=invoice,
                at=now,
            )

    async def _deliver(self, message: bytes, sender: str, recipients: Any) -> DeliveryResult:
        if any(account.lower() in address for account in self.unreachable for address in recipients):
            return DeliveryResult(DeliveryOutcome.REFUSED, 550, "no such user")
        return await self._send(message, sender, recipients)
