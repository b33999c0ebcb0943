"""Every case's row is of the kind, the account and the invoice that its entries are of. Its count and head the chain's own check judges."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.audit.verification.journal_evidence import Testimony, portions
from adapters.database.tables import Case
from domain.audit.verification_report import Fault

KIND_OF = {"plan": "payment_plan"}
"""How the kind is called where a case's id begins otherwise."""


class CaseCheck:
    table, kinds = "cases", frozenset[str]()

    def __init__(self, session: Session) -> None:
        self._session = session
        self._first: dict[str, Testimony] = {}

    def hear(self, entry: Testimony) -> None:
        self._first.setdefault(entry.case_id, entry)

    def settle(self) -> Iterator[Fault]:
        heard, self._first = list(self._first.values()), {}
        columns = (col(Case.case_id), col(Case.kind), col(Case.account_id), col(Case.invoice_id))
        for portion in portions(heard):
            some = {entry.case_id: entry for entry in portion}
            for case_id, kind, account_id, invoice_id in self._session.execute(select(*columns).where(col(Case.case_id).in_(some))):
                entry, word = some[case_id], case_id.partition(":")[0]
                if (account_id, invoice_id) != (entry.account_id, entry.invoice_id):
                    yield entry.against(
                        self.table, case_id, f"is not of the account {account_id}, or not about {invoice_id or 'no invoice'}"
                    )
                elif kind != KIND_OF.get(word, word):
                    yield entry.against(self.table, case_id, f"is no case of the kind {kind}")

    def conclude(self) -> Iterator[Fault]:
        yield from self.settle()
