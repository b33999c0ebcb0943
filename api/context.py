"""The services that the API needs, given by the composition root."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from adapters.audit.erasure import AccountEraser
from adapters.billing.invoice_documents import InvoiceDocuments
from adapters.billing.port import ApiBilling
from adapters.cases.case_inputs import CaseInputLoader
from adapters.config.company import Company
from adapters.config.settings import Settings
from adapters.connections.connection_admin import ConnectionAdmin
from adapters.connections.connection_registry import ConnectionRegistry
from adapters.connections.webhooks.webhook_receiver import WebhookReceiver
from adapters.correspondence.letter_decisions import LetterDecisionStore
from adapters.correspondence.letter_loader import LetterLoader
from adapters.correspondence.release_store import ReleaseStore
from adapters.correspondence.written_letter_store import WrittenLetterStore
from adapters.database.engine import Database
from adapters.dossier.dossier_store import DossierStore
from adapters.identity.openid_provider import OpenIdProvider
from adapters.identity.passwords import PasswordStore
from adapters.identity.sign_in_limits import SignInLimits
from adapters.identity.user_admin import UserAdmin
from adapters.identity.users_and_tokens import IdentityStore
from adapters.imports.column_mapping import MAPPINGS_DIR
from adapters.imports.importer import Importer
from adapters.letters.letter_templates import LetterTemplates
from adapters.mail.local_inbox import Inbox
from adapters.policies.policy_store import PolicyStore
from adapters.preview.kept_days import KeptDays
from adapters.preview.letter_preview import LetterPreview, PreviewedLetter, PreviewServices
from adapters.read_model.correspondence import TaskRow
from adapters.shipped_files import PROJECT
from adapters.temporal.case_commands import CaseCommands
from api.audit_port import AuditPort, UnavailableAuditPort
from domain.clock import Clock
from domain.erasure.report import DEFAULT_RETENTION_YEARS

NO_FOLDER = Path(os.devnull)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ApiContext:
    """`inbox` is None when letters go to a mail server; `mappings` holds the import mappings that a name can stand for.

    `read_sdk_metrics` returns the Temporal SDK's own metrics, in Prometheus' text format.

    `openid`: the company's own sign-in; None where it has none. `systems`: the billing systems that are connected.

    `secure_cookies`: cookies go over HTTPS alone, however the request came. `allowed_hosts`: the names by which requests may call this
    server; None for any.
    """

    database: Database
    clock: Clock
    cases: CaseCommands
    billing: ApiBilling
    importer: Importer
    identity: IdentityStore
    inbox: Inbox | None = None
    mappings: Path = MAPPINGS_DIR
    now: Callable[[], datetime] = field(default=utc_now)
    company: Company = field(kw_only=True)
    retention_years: int = field(default=DEFAULT_RETENTION_YEARS, kw_only=True)
    letter_sender: str = field(default="receivables@lindenhof.example", kw_only=True)
    letters: LetterTemplates | None = field(default=None, kw_only=True)
    policies_dir: Path = field(default=PROJECT / "policies", kw_only=True)
    secure_cookies: bool = field(default=False, kw_only=True)
    allowed_hosts: frozenset[str] | None = field(default=None, kw_only=True)
    read_sdk_metrics: Callable[[], str] = field(default=str, kw_only=True)
    openid: OpenIdProvider | None = field(default=None, kw_only=True)
    systems: ConnectionRegistry | None = field(default=None, kw_only=True)
    audits: AuditPort = field(default_factory=UnavailableAuditPort, kw_only=True)

    @property
    def business_now(self) -> datetime:
        return self.clock.to_business(self.now())

    @property
    def today(self) -> date:
        """Return the business date (UTC)."""
        return self.business_now.date()

    @cached_property
    def connected(self) -> ConnectionRegistry:
        """Return the billing systems that are connected. Where none were given, there is no folder in which they or a key could be."""
        if self.systems is not None:
            return self.systems
        return ConnectionRegistry(self.database, Settings.load(data_dir=NO_FOLDER), lambda: self.business_now)

    @cached_property
    def webhooks(self) -> WebhookReceiver:
        return WebhookReceiver(self.database, self.connected)

    @property
    def connection_admin(self) -> ConnectionAdmin:
        return ConnectionAdmin(self.database, self.connected.settings, self.connected)

    @cached_property
    def passwords(self) -> PasswordStore:
        return PasswordStore(self.database)

    @property
    def users(self) -> UserAdmin:
        return UserAdmin(self.database, self.identity)

    @property
    def sign_in_limits(self) -> SignInLimits:
        return SignInLimits(self.database)

    @property
    def dossiers(self) -> DossierStore:
        return DossierStore(self.database, self.company)

    @property
    def erasure(self) -> AccountEraser:
        return AccountEraser(self.database, self.retention_years)

    @property
    def letter_decisions(self) -> LetterDecisionStore:
        return LetterDecisionStore(self.database)

    @property
    def releases(self) -> ReleaseStore:
        return ReleaseStore(self.database)

    @cached_property
    def letter_templates(self) -> LetterTemplates:
        """Return the templates that letters are made of; the project's own where none were given."""
        return self.letters or LetterTemplates()

    @property
    def letter_loader(self) -> LetterLoader:
        domain, company = self.letter_sender.rpartition("@")[2], self.company
        signing, sender = company.collector, self.letter_sender
        return LetterLoader(self.database, self.billing, self.letter_templates, company, signing, sender, domain, self.documents)

    @property
    def letter_writing(self) -> WrittenLetterStore:
        return WrittenLetterStore(self.database, self.letter_loader, self.documents)

    @property
    def documents(self) -> InvoiceDocuments:
        return InvoiceDocuments(self.connected)

    @property
    def preview(self) -> LetterPreview:
        domain = self.letter_sender.rpartition("@")[2]
        services = PreviewServices(self.billing, self.letter_templates, self.company, self.letter_sender, domain, self.policies_dir)
        return LetterPreview(self.database, services, self.clock, self._kept_days)

    @cached_property
    def _kept_days(self) -> KeptDays[tuple[list[PreviewedLetter], list[TaskRow]]]:
        return KeptDays()

    @property
    def policies(self) -> PolicyStore:
        """Return the policies, read again each time: they may be loaded while the API runs."""
        return PolicyStore(self.database, self.letter_templates)

    @property
    def case_inputs(self) -> CaseInputLoader:
        return CaseInputLoader(self.database, self.policies, self.clock)
