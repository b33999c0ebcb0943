"""What the API needs, given by whoever composes it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from adapters.database import Database
from adapters.identity import Identity
from adapters.importer import Importer
from adapters.inbox import Inbox
from adapters.ledger import Ledger
from adapters.letter_decisions import LetterDecisions
from adapters.mapping import MAPPINGS
from api.acting import Cases
from domain.clock import Clock


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

    @property
    def business_now(self) -> datetime:
        return self.clock.business(self.now())

    @property
    def today(self) -> date:
        """The business date."""
        return self.business_now.date()

    @property
    def letter_decisions(self) -> LetterDecisions:
        return LetterDecisions(self.database)
