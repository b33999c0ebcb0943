"""Connections to Stripe, Odoo and Salesforce are described like any other, and what these systems say is mirrored and compared."""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from adapters.billing.connector import BillingConnector, ConnectorCapability, find_credits_interval
from adapters.billing.external_key import SystemKey
from adapters.config.settings import Settings
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.comparison import compare_open_items
from adapters.connections.connection_description import ConnectionFileError, OpenSecrets, WebhookProof
from adapters.connections.connection_file import load_connections, read_connection
from adapters.connections.connection_sync import ConnectionSync
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger
from tests.adapters.billing.connected_worlds import ConnectedWorld
from tests.adapters.ledger.builders import find_unbalanced_invoices
from tests.adapters.odoo.odoo_world import OdooWorld
from tests.adapters.salesforce.salesforce_world import SalesforceWorld
from tests.adapters.stripe.stripe_world import StripeWorld

CUSTOMERS: dict[str, object] = {"country": "DE", "time_zone": "Europe/Berlin", "language": "de"}
STRIPE: dict[str, object] = {"name": "shop", "kind": "stripe", **CUSTOMERS}
ODOO: dict[str, object] = {"name": "odoo", "kind": "odoo", "address": "https://odoo.example.com", "company": 3, **CUSTOMERS}
SALESFORCE: dict[str, object] = {
    "name": "crm",
    "kind": "salesforce",
    "address": "https://lindenhof.my.salesforce.com",
    "consumer_key": "3MVG9",
    **CUSTOMERS,
}


def describe(folder: Path, *connections: dict[str, object]) -> Settings:
    (folder / "connections.yaml").write_text(yaml.safe_dump({"connections": list(connections)}))
    return Settings.load(data_dir=folder)


def open_only(folder: Path, monkeypatch: pytest.MonkeyPatch, connection: dict[str, object]) -> BillingConnector:
    monkeypatch.setenv(f"DUECOURSE_BILLING_KEY_{str(connection['name']).upper()}", "secret-key")
    monkeypatch.setenv("DUECOURSE_BILLING_CONSUMER_SECRET_CRM", "secret-key")
    (found,) = load_connections(describe(folder, connection))
    return found.open()


def test_each_kind_is_opened_with_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for described, key in (
        (STRIPE, SystemKey("shop", "1")),
        ({**STRIPE, "account": "acct_123"}, SystemKey("shop", "acct_123")),
        (ODOO, SystemKey("odoo", "3")),
        (SALESFORCE, SystemKey("crm", "1")),
        ({**SALESFORCE, "org": "north"}, SystemKey("crm", "north")),
    ):
        assert open_only(tmp_path, monkeypatch, described).key == key


def test_what_a_connection_names_decides_what_the_system_can_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    can = ConnectorCapability
    assert can.VERIFY_WEBHOOK not in open_only(tmp_path, monkeypatch, STRIPE).capabilities
    monkeypatch.setenv("DUECOURSE_BILLING_WEBHOOK_SECRET_SHOP", "whsec_1 whsec_2")
    assert can.VERIFY_WEBHOOK in open_only(tmp_path, monkeypatch, STRIPE).capabilities
    assert can.BOOK_WRITE_OFF not in open_only(tmp_path, monkeypatch, ODOO).capabilities
    posting = {**ODOO, "write_off_journal": "WOFF", "write_off_account": "654000"}
    assert can.BOOK_WRITE_OFF in open_only(tmp_path, monkeypatch, posting).capabilities
    assert can.SUSPEND not in open_only(tmp_path, monkeypatch, SALESFORCE).capabilities
    assert can.SUSPEND in open_only(tmp_path, monkeypatch, {**SALESFORCE, "hold_field": "Hold__c"}).capabilities


def test_secrets_of_a_webhook_may_be_several_and_of_salesforce_are_of_either_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "hook"
    file.write_text("whsec_new\nwhsec_old\n")
    file.chmod(0o600)
    (stripe,) = load_connections(describe(tmp_path, {**STRIPE, "webhook_secret_file": str(file)}))
    assert (stripe.read_webhook_secrets(), stripe.webhook_proof) == (("whsec_new", "whsec_old"), WebhookProof.SIGNED)
    by_secret, by_key = read_connection(dict(SALESFORCE)), read_connection({**SALESFORCE, "username": "duecourse@lindenhof.example"})
    assert (by_secret.secret_names, by_key.secret_names) == (("consumer_secret",), ("private_key",))
    pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"
    assert by_key.find_secret_fault("private_key", pem) is None
    assert by_secret.find_secret_fault("consumer_secret", pem) is not None
    kept = by_secret.with_secrets(OpenSecrets({"consumer_secret": "kept"}))
    assert kept.open().key == SystemKey("crm", "1")


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({**STRIPE, "suspension": "both"}, "suspension"),
        ({**STRIPE, "account": "123"}, "account"),
        ({**ODOO, "write_off_journal": "WOFF"}, "name both, or neither"),
        ({**ODOO, "address": "https://odoo.example.com/web"}, "address"),
        ({**SALESFORCE, "preset": "other"}, "preset"),
        ({**SALESFORCE, "currency": "Euro"}, "ISO 4217"),
        ({**SALESFORCE, "case_fields": {"Subject": "x"}}, "case_fields"),
        ({**SALESFORCE, "map": {"invoice": {"number": "1"}}}, r"invoice\.number"),
        ({**SALESFORCE, "address": "http://lindenhof.my.salesforce.com"}, "address"),
    ],
)
def test_a_description_that_cannot_be_used_is_refused(tmp_path: Path, described: dict[str, object], said: str) -> None:
    with pytest.raises(ConnectionFileError, match=said):
        load_connections(describe(tmp_path, described))


@pytest.mark.parametrize(("described", "library"), [(STRIPE, "stripe"), (SALESFORCE, "simple_salesforce")])
def test_a_library_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, described: dict[str, object], library: str
) -> None:
    for module in [name for name in sys.modules if name.startswith((f"adapters.{described['kind']}.", f"{library}."))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConnectionFileError, match="make connectors"):
        open_only(tmp_path, monkeypatch, described)


def test_only_the_adapters_of_stripe_and_salesforce_know_their_libraries(tmp_path: Path) -> None:
    """So that Duecourse starts without them."""
    sources = [
        path for path in Path(__file__).parents[3].joinpath("adapters").rglob("*.py") if path.parent.name not in ("stripe", "salesforce")
    ]
    assert [path.name for path in sources if {"import stripe", "from stripe", "simple_salesforce"} & set(find_imports(path))] == []


def find_imports(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [" ".join(line.split()[:2]).partition(".")[0] for line in lines if line.startswith(("import ", "from "))]


WORLDS: dict[str, Callable[[], ConnectedWorld]] = {
    "stripe": StripeWorld,
    "odoo": OdooWorld,
    "salesforce": lambda: SalesforceWorld(counts_applied=False),
}


@pytest.mark.parametrize("name", WORLDS)
def test_what_the_system_says_is_mirrored_and_the_comparison_finds_what_is_planted(name: str, house_database: Database) -> None:
    """One is paid, one partly, one has a payment that nobody assigned, one is credited, one written off, as far as the system can."""
    world, database = WORLDS[name](), house_database
    connector, can = world.connector, world.connector.capabilities
    account, due = world.add_account("Customer Ltd"), world.today - timedelta(30)
    paid, partly, disputed, lost = (world.issue_invoice(account, total, due) for total in (1_000, 2_000, 3_000, 4_000))
    sync = ConnectionSync(database, connector, AccountDefaults("DE", "Europe/Berlin", "de"))
    sync.sync()

    def read(invoice: str) -> tuple[str, int]:
        facts = Ledger(database).get_invoice_facts(f"@{connector.key.system}:{connector.key.company}:{invoice}")
        return facts.status.value, facts.open_balance

    assert [read(each) for each in (paid, partly, disputed, lost)] == [("open", total) for total in (1_000, 2_000, 3_000, 4_000)]
    world.pay(paid, 1_000)
    world.pay(partly, 500)
    world.receive(account, 700)
    if ConnectorCapability.BOOK_CREDIT_NOTE in can:
        connector.book_credit_note("C1", disputed, 3_000, "EUR", "never arrived")
    if ConnectorCapability.BOOK_WRITE_OFF in can:
        connector.book_write_off("W1", lost, 4_000, "EUR", world.today)
    sync.sync()
    if find_credits_interval(connector) is not None:
        sync.sync_credits()
    assert [read(each) for each in (paid, partly)] == [("paid", 0), ("open", 1_500)]
    assert read(disputed) == (("credited", 0) if ConnectorCapability.BOOK_CREDIT_NOTE in can else ("open", 3_000))
    assert read(lost) == (("written_off", 0) if ConnectorCapability.BOOK_WRITE_OFF in can else ("open", 4_000))
    assert list(Ledger(database).list_unapplied_credit([f"@{connector.key.system}:{connector.key.company}:{account}"]).values()) == [700]
    assert (compare_open_items(database, connector).differences, find_unbalanced_invoices(database)) == ((), [])
    world.pay(partly, 100)
    assert [(each.kind, each.here, each.there) for each in compare_open_items(database, connector).differences] == [
        ("balance", "1500", "1400")
    ]
