"""What the API needs, given by whoever composes it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from adapters.case_beginnings import CaseBeginnings
from adapters.company import Company
from adapters.database import Database
from adapters.dossiers import DossierBook
from adapters.erasure import Erasure
from adapters.identity import Identity
from adapters.importer import Importer
from adapters.inbox import Inbox
from adapters.ledger import Ledger
from adapters.letter_decisions import LetterDecisions
from adapters.letters import LetterBook
from adapters.mapping import MAPPINGS
from adapters.policies import PolicyBook
from api.acting import Cases
from api.auditing import Audits, NoHistories
from domain.clock import Clock
from domain.erasure import RETENTION_YEARS


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
