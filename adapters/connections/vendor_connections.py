"""Connections to Odoo, Salesforce and Stripe. The libraries of the last two may not be installed: they are loaded when a connection is
opened."""

from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from adapters.billing.connector import BillingConnector
from adapters.billing.external_key import SystemKey
from adapters.connections.connection_description import ConnectionDescription, ConnectionFileError, WebhookProof
from adapters.odoo.odoo_api import OdooSettings
from adapters.odoo.odoo_connector import OdooConnector
from adapters.salesforce.salesforce_map import SET_BY_DUECOURSE, ObjectName, SalesforceMap, SalesforceMapError, SalesforcePreset, load_map
from domain.money import CURRENCIES


def _build_missing_library_error(name: str, error: ImportError) -> ConnectionFileError:
    return ConnectionFileError(
        f"the connection {name!r} needs the library {error.name}, which is not installed: `make connectors` where Duecourse is installed"
    )


class StripeConnection(ConnectionDescription):
    """`account`: of a platform, the connected account that is meant. `suspension`: whether subscriptions are paused whole, or their
    collection alone. `chase_uncollectible`: what somebody has marked uncollectible in Stripe is still to be collected.
    `automatic_invoices`: when somebody is asked for what Stripe charges by itself: once it has given up, never, or from its issue on."""

    webhook_proof = WebhookProof.SIGNED

    kind: Literal["stripe"]
    address: str = Field("https://api.stripe.com", pattern=r"^https?://[^\s/]+$")
    account: str | None = Field(None, pattern=r"^acct_[A-Za-z0-9]+$")
    suspension: Literal["service", "collection"] = "service"
    chase_uncollectible: bool = False
    automatic_invoices: Literal["after_retries", "never", "always"] = "after_retries"
    webhook_secret_file: Path | None = None

    @property
    def key(self) -> SystemKey:
        """Raises ExternalKeyError."""
        return SystemKey.build(self.name, self.account or "1")

    def open(self) -> BillingConnector:
        """Raises ConnectionFileError."""
        try:
            from adapters.stripe.stripe_api import StripeSettings
            from adapters.stripe.stripe_connector import StripeConnector
            from adapters.stripe.stripe_records import AutomaticInvoices
        except ImportError as error:
            raise _build_missing_library_error(self.name, error) from error
        settings = StripeSettings(
            api_key=self.read_key(),
            time_zone=ZoneInfo(self.time_zone),
            account=self.account,
            webhook_secrets=self.read_webhook_secrets(),
            pauses_service=self.suspension == "service",
            chases_uncollectible=self.chase_uncollectible,
            address=self.address,
            automatic=AutomaticInvoices(self.automatic_invoices),
        )
        return StripeConnector(self.name, settings)


class OdooConnection(ConnectionDescription):
    """`database`: needed where the server has several. `write_off_journal` and `write_off_account`: the codes by which write-offs are
    posted; without them none are."""

    kind: Literal["odoo"]
    address: str = Field(pattern=r"^https?://[^\s/]+$")
    database: str | None = None
    company: int = Field(1, ge=1)
    write_off_journal: str | None = None
    write_off_account: str | None = None

    @property
    def key(self) -> SystemKey:
        """Raises ExternalKeyError."""
        return SystemKey.build(self.name, str(self.company))

    @model_validator(mode="after")
    def _require_both(self) -> Self:
        if (self.write_off_journal is None) is not (self.write_off_account is None):
            raise ValueError("write-offs need a journal and an account; name both, or neither")
        return self

    def open(self) -> BillingConnector:
        """Raises ConnectionFileError."""
        settings = OdooSettings(self.address, self.read_key(), self.database, self.company, self.write_off_journal, self.write_off_account)
        return OdooConnector(self.name, settings)


class SalesforceConnection(ConnectionDescription):
    """`address`: the org's own (My Domain). `username`: with it, the app signs for this user with a private key (PEM); without it, it has
    its consumer secret. `org`: a name for it, which is part of its invoices' ids. `preset` and `map`: which objects have the invoices, see
    `salesforce_map`. `balance`: whether the invoice's balance is believed, or computed of what is applied. `currency`: of an org that has
    one alone. `hold_field`: a checkbox of Account. `task_fields`
    and `case_fields`: what every task and case that is made there is given, such as the case's Origin and Status."""

    usual_secrets = ()
    long_secrets = frozenset({"private_key"})

    kind: Literal["salesforce"]
    address: str = Field(pattern=r"^https://[^\s/]+$")
    consumer_key: str
    username: str | None = None
    org: str = "1"
    api_version: str = Field("66.0", pattern=r"^[0-9]{2}\.0$")
    preset: SalesforcePreset = "revenue_cloud"
    map: dict[str, Any] = Field(default_factory=dict)
    balance: Literal["field", "applications"] = "field"
    currency: str | None = None
    hold_field: str | None = Field(None, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    task_fields: dict[ObjectName, str | bool | int | None] = Field(default_factory=dict)
    case_fields: dict[ObjectName, str | bool | int | None] = Field(default_factory=dict)
    private_key_file: Path | None = None
    consumer_secret_file: Path | None = None

    @property
    def key(self) -> SystemKey:
        """Raises ExternalKeyError."""
        return SystemKey.build(self.name, self.org)

    @property
    def secret_names(self) -> tuple[str, ...]:
        return ("private_key" if self.username else "consumer_secret",)

    @field_validator("currency")
    @classmethod
    def _require_currency(cls, code: str | None) -> str | None:
        if code is not None and code not in CURRENCIES:
            raise ValueError(f"{code!r} is not an ISO 4217 currency code; write three capital letters such as EUR")
        return code

    @field_validator("task_fields", "case_fields")
    @classmethod
    def _require_free_fields(cls, given: dict[str, Any]) -> dict[str, Any]:
        if own := sorted(SET_BY_DUECOURSE & given.keys()):
            raise ValueError(f"{', '.join(own)} is filled by Duecourse itself; leave it out")
        return given

    @model_validator(mode="after")
    def _require_map(self) -> Self:
        try:
            self.load_map()
        except SalesforceMapError as error:
            raise ValueError(str(error)) from error
        return self

    def load_map(self) -> SalesforceMap:
        """Raises SalesforceMapError."""
        return load_map(self.preset, self.map, has_one_currency=self.currency is not None)

    def open(self) -> BillingConnector:
        """Raises ConnectionFileError."""
        try:
            from adapters.salesforce.salesforce_api import SalesforceSettings
            from adapters.salesforce.salesforce_connector import SalesforceConnector
        except ImportError as error:
            raise _build_missing_library_error(self.name, error) from error
        settings = SalesforceSettings(
            address=self.address,
            consumer_key=self.consumer_key,
            secret=self.read_secret(self.secret_names[0]),
            username=self.username,
            org=self.org,
            version=self.api_version,
            currency=self.currency,
            trusts_balance=self.balance == "field",
            hold_field=self.hold_field,
            task_fields=self.task_fields,
            case_fields=self.case_fields,
        )
        return SalesforceConnector(self.name, settings, self.load_map())
