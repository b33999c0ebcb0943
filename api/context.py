"""What the API needs, given by whoever composes it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from adapters.audit.erasure import Erasure
from adapters.cases.case_inputs import CaseBeginnings
from adapters.config.company import Company
from adapters.correspondence.letter_decisions import LetterDecisions
from adapters.database.engine import Database
from adapters.dossier.dossier_store import DossierBook
from adapters.identity.users_and_tokens import Identity
from adapters.imports.column_mapping import MAPPINGS
from adapters.imports.importer import Importer
from adapters.ledger.ledger import Ledger
from adapters.letters.letter_templates import LetterBook
from adapters.mail.local_inbox import Inbox
from adapters.policies.policy_store import PolicyBook
from adapters.temporal.case_commands import Cases
from api.audit_port import Audits, NoHistories
from domain.clock import Clock
from domain.erasure.report import RETENTION_YEARS


def real_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ApiParts:
    """`inbox` is None when letters go to a mail server; `mappings` holds the import mappings that a name can stand for."""

    database: Database
    clock: Clock
    cases: Cases
    ledger: Ledger
    importer: Importer
    identity: Identity
    inbox: Inbox | None = None
    mappings: Path = MAPPINGS
    now: Callable[[], datetime] = field(default=real_now)
    company: Company = field(kw_only=True)
    retention_years: int = field(default=RETENTION_YEARS, kw_only=True)
    audits: Audits = field(default_factory=NoHistories, kw_only=True)

    @property
    def business_now(self) -> datetime:
        return self.clock.business(self.now())

    @property
    def today(self) -> date:
        """The business date."""
        return self.business_now.date()

    @property
    def dossiers(self) -> DossierBook:
        return DossierBook(self.database, self.company)

    @property
    def erasure(self) -> Erasure:
        return Erasure(self.database, self.retention_years)

    @property
    def letter_decisions(self) -> LetterDecisions:
        return LetterDecisions(self.database)

    @cached_property
    def _letters(self) -> LetterBook:
        return LetterBook()

    @property
    def policies(self) -> PolicyBook:
        """Read anew each time, for they may be loaded while this runs."""
        return PolicyBook(self.database, self._letters)

    @property
    def beginnings(self) -> CaseBeginnings:
        return CaseBeginnings(self.database, self.policies, self.clock)
