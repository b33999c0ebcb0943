"""The one composition that worker, API and command line share: settings in, adapters out."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.billing.port import BillingSystem
from adapters.config.company import Company, load_company
from adapters.config.openid import build_openid_config
from adapters.config.settings import Settings
from adapters.connections.connection_registry import ConnectionRegistry
from adapters.connections.routed_billing import RoutedBilling
from adapters.database.clock_store import load_clock
from adapters.database.engine import Database
from adapters.identity.openid_provider import OpenIdProvider
from adapters.identity.sessions import SessionRules
from adapters.identity.users_and_tokens import IdentityStore
from adapters.imports.importer import Importer
from adapters.ledger.ledger import Ledger
from adapters.letters.letter_templates import LetterTemplates
from adapters.mail.local_inbox import Inbox
from adapters.mail.smtp_client import Mailer, SmtpMailer, SmtpSecurity, SmtpSettings
from adapters.policies.policy_store import PolicyStore
from adapters.process.data_folder import convert_storage_errors, prepare_data_folder
from domain.clock import Clock


@dataclass(frozen=True)
class Services:
    """`smtp` is that of `mailer`. `inbox` is None when letters go to a mail server, `openid` where the company has no sign-in of its own.
    `connected` reads each billing system that is connected."""

    settings: Settings
    database: Database
    clock: Clock
    billing: BillingSystem
    connected: ConnectionRegistry
    importer: Importer
    policies: PolicyStore
    letters: LetterTemplates
    mailer: Mailer
    smtp: SmtpSettings
    company: Company
    identity: IdentityStore
    inbox: Inbox | None
    openid: OpenIdProvider | None


def open_database(settings: Settings) -> Database:
    """The database at this version's schema, its folder made. Raises NewerDatabaseError, DataFolderError."""
    prepare_data_folder(settings.data_dir)
    database = Database(settings.resolved_database_url)
    with convert_storage_errors():
        database.migrate()
    return database


def compose_services(
    settings: Settings, database: Database | None = None, clock: Clock | None = None, inbox_port: int | None = None
) -> Services:
    """The parts, on the clock that the database keeps unless another is given.

    Without a mail server in the settings, letters go to the local inbox, which listens on `inbox_port` of this machine.
    Raises SettingsError, NewerDatabaseError.
    """
    database = database or open_database(settings)
    letters = LetterTemplates(settings.letters_dir)
    provider = build_openid_config(settings)
    clock = clock or load_clock(database) or Clock.real_time()
    smtp = settings.build_smtp_settings() or _build_inbox_smtp_settings(settings, inbox_port)
    connected = ConnectionRegistry(database, settings, lambda: clock.to_business(datetime.now(UTC)))
    return Services(
        settings=settings,
        database=database,
        clock=clock,
        billing=RoutedBilling(Ledger(database), connected.billings, database),
        connected=connected,
        importer=Importer(database),
        policies=PolicyStore(database, letters),
        letters=letters,
        mailer=SmtpMailer(smtp),
        smtp=smtp,
        company=load_company(settings),
        identity=IdentityStore(database, _build_session_rules(settings)),
        inbox=Inbox(get_inbox_folder(settings)) if settings.smtp_host is None else None,
        openid=OpenIdProvider(provider) if provider else None,
    )


def _build_session_rules(settings: Settings) -> SessionRules:
    return SessionRules(idle=timedelta(hours=settings.session_idle_hours), longest=timedelta(days=settings.session_days))


def get_inbox_folder(settings: Settings) -> Path:
    return settings.data_dir / "inbox"


def _build_inbox_smtp_settings(settings: Settings, port: int | None) -> SmtpSettings:
    """With no inbox running (port None) every letter is deferred, and goes once there is one."""
    return SmtpSettings(host="127.0.0.1", port=port or 1, security=SmtpSecurity.PLAIN, connections=settings.smtp_connections)
