"""What Salesforce says is understood by the map, whatever its balances count, and what Duecourse leaves there is left once."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.billing.errors import (
    BillingAwayError,
    ConflictingBookingError,
    ConnectionRefusedByBillingError,
    RefusedByBillingError,
    UnansweredOrderError,
    UnknownAccountError,
    UnsupportedOperationError,
)
from adapters.billing.external_key import ExternalKey
from adapters.billing.external_records import BalanceCheck, ExternalInvoice, NoteKind, SettlementKind
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.comparison import compare_open_items
from adapters.connections.connection_states import load_connection_state
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.difference_store import keep_comparison
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger
from adapters.salesforce.salesforce_api import SalesforceApi, SalesforceSettings
from adapters.salesforce.salesforce_connector import SalesforceConnector
from adapters.salesforce.salesforce_map import SalesforceMapError, load_map
from domain.billing.billing_events import InvoiceStatus
from tests.adapters.salesforce.salesforce_double import CONSUMER_SECRET, FIELDS, NOW, SalesforceDouble, build_answer
from tests.adapters.salesforce.salesforce_world import ORG_SETTINGS, open_salesforce

DUE = "2026-11-10"


@pytest.fixture
def double() -> SalesforceDouble:
    return SalesforceDouble()


@pytest.fixture
def salesforce(double: SalesforceDouble) -> SalesforceConnector:
    return open_salesforce(double)


@pytest.fixture
def account(double: SalesforceDouble) -> str:
    return double.add_account("Customer Ltd")


def read_all(
    salesforce: SalesforceConnector, cursor: str | None = None, limit: int = 100
) -> tuple[dict[str, ExternalInvoice], list[str], str]:
    found: dict[str, ExternalInvoice] = {}
    gone: list[str] = []
    for _ in range(500):
        page = salesforce.read_changes(cursor, limit)
        found |= {each.external_id: each for each in page.invoices}
        gone += page.gone
        cursor = page.cursor
        if not page.has_more:
            return found, gone, cursor
    raise AssertionError("the pages have no end")


# --- what is owed


@pytest.mark.parametrize("counts_applied", [True, False])
def test_what_was_taken_back_is_owed_again_whatever_the_first_record_says(counts_applied: bool) -> None:
    double = SalesforceDouble(counts_applied=counts_applied)
    salesforce = open_salesforce(double, ORG_SETTINGS._replace(trusts_balance=counts_applied))
    invoice = double.issue_invoice(double.add_account("Customer Ltd"), Decimal(100), DUE)
    payment = double.receive(double.objects["Invoice"][invoice]["BillingAccountId"], Decimal(60))
    double.apply(payment, invoice)
    double.issue_credit_memo(invoice, Decimal(40))
    whole = salesforce.read_invoice(invoice)
    assert (whole.status, [each.kind for each in whole.settlements]) == (
        InvoiceStatus.CREDITED,
        [SettlementKind.PAYMENT, SettlementKind.CREDIT_NOTE],
    )
    _, _, cursor = read_all(salesforce)
    (applied,) = (each["Id"] for each in double.objects["PaymentLineInvoice"].values())
    double.unapply("PaymentLineInvoice", applied)
    found = read_all(salesforce, cursor)[0][invoice]
    assert (found.open_balance, [each.amount for each in found.settlements]) == (6_000, [4_000])
    assert [credit.left for credit in salesforce.list_credits(None, 10).credits] == [6_000]
    double.apply(payment, invoice)
    assert salesforce.read_invoice(invoice).open_balance == 0


def test_of_a_balance_that_does_not_count_what_is_applied_the_lower_is_owed_and_it_is_named() -> None:
    """Such an org's customers would else be asked for what they have paid, by what was read before."""
    double = SalesforceDouble(counts_applied=False)
    salesforce = open_salesforce(double)
    account = double.add_account("Customer Ltd")
    paid, part, untouched = (double.issue_invoice(account, Decimal(100), DUE) for _ in range(3))
    for invoice, amount in ((paid, 100), (part, 30)):
        double.apply(double.receive(account, Decimal(amount)), invoice)
    page, open_items = salesforce.read_changes(None, 100), salesforce.list_open_items(None, 100)
    assert (page.unread, open_items.unread) == ((), ())
    assert {each.external_id: each.open_balance for each in page.invoices} == {paid: 0, part: 7_000, untouched: 10_000}
    assert {each.external_id: each.open_balance for each in open_items.items} == {part: 7_000, untouched: 10_000}
    assert salesforce.read_invoice(paid).status is InvoiceStatus.PAID
    numbers = {double.objects["Invoice"][each]["DocumentNumber"] for each in (paid, part)}
    assert set(salesforce.check_balances().differing) == numbers
    assert open_salesforce(double, ORG_SETTINGS._replace(trusts_balance=False)).read_invoice(paid).open_balance == 0


def test_what_an_org_applies_by_objects_that_are_not_mapped_is_believed(double: SalesforceDouble, account: str) -> None:
    invoice = double.issue_invoice(account, Decimal(100), DUE, Balance=Decimal(40))
    fields = load_map("revenue_cloud", {"credit_application": None, "credit_note": None}, has_one_currency=False)
    org = SalesforceConnector("crm", ORG_SETTINGS, fields, SalesforceApi(ORG_SETTINGS, double))
    assert org.read_invoice(invoice).open_balance == 4_000
    double.apply(double.receive(account, Decimal(70)), invoice, Decimal(70))
    double.objects["Invoice"][invoice]["Balance"] = Decimal(40)
    assert org.read_invoice(invoice).open_balance == 3_000


def test_who_paid_is_asked_for_nothing_though_the_balance_says_so(database: Database) -> None:
    """What was read before stands no longer where balance and applications part."""
    double = SalesforceDouble(counts_applied=False)
    salesforce = open_salesforce(double)
    sync = ConnectionSync(database, salesforce, AccountDefaults("DE", "Europe/Berlin", "en"))
    account = double.add_account("Customer Ltd")
    invoice = double.issue_invoice(account, Decimal(100), DUE)
    sync.sync()
    double.apply(double.receive(account, Decimal(100)), invoice)
    sync.sync()
    key = ExternalKey.build(salesforce.key, invoice).id
    assert (Ledger(database).get_invoice_facts(key).status, sync.sync().left_out) == (InvoiceStatus.PAID, ())


def test_a_balance_that_is_lower_than_what_is_applied_leaves_is_named_by_the_comparison(database: Database) -> None:
    """Though nothing is applied to it, so that no sample has it."""
    double = SalesforceDouble(counts_applied=True)
    salesforce = open_salesforce(double)
    account = double.add_account("Customer Ltd")
    invoice = double.issue_invoice(account, Decimal(100), DUE, Balance=Decimal(40))
    number = double.objects["Invoice"][invoice]["DocumentNumber"]
    comparison = compare_open_items(database, salesforce)
    assert comparison.balances == BalanceCheck(1, (number,), is_trusted=True)
    assert salesforce.read_invoice(invoice).open_balance == 4_000
    double.objects["Invoice"][invoice]["Balance"] = Decimal(100)
    assert compare_open_items(database, salesforce).balances == BalanceCheck(0, (), is_trusted=True)


def test_each_comparison_looks_at_a_sample_of_balances_and_keeps_what_it_showed(database: Database) -> None:
    double = SalesforceDouble(counts_applied=False)
    salesforce = open_salesforce(double)
    account = double.add_account("Customer Ltd")
    double.apply(double.receive(account, Decimal(30)), (invoice := double.issue_invoice(account, Decimal(100), DUE)))
    comparison = compare_open_items(database, salesforce)
    number = double.objects["Invoice"][invoice]["DocumentNumber"]
    assert comparison.balances == BalanceCheck(1, (number,), is_trusted=True)
    keep_comparison(database, salesforce.key, comparison, NOW)
    assert load_connection_state(database, salesforce.key).balances == comparison.balances
    computed = open_salesforce(double, ORG_SETTINGS._replace(trusts_balance=False))
    assert compare_open_items(database, computed).balances == BalanceCheck(1, (number,), is_trusted=False)


def test_drafts_and_void_invoices_are_told_apart(double: SalesforceDouble, salesforce: SalesforceConnector, account: str) -> None:
    draft, void, credit = (
        double.issue_invoice(account, Decimal(total), DUE, Status=status) for total, status in ((1, "Draft"), (1, "Voided"), (-1, "Posted"))
    )
    found, _, _ = read_all(salesforce)
    assert {key: (each.status, each.open_balance) for key, each in found.items()} == {void: (InvoiceStatus.CANCELLED, 0)}
    assert draft not in found
    assert credit not in found
    assert salesforce.list_open_items(None, 10).items == ()


def test_an_org_of_one_currency_has_no_field_for_it() -> None:
    double = SalesforceDouble(has_currencies=False)
    salesforce = open_salesforce(double, ORG_SETTINGS._replace(currency="JPY"))
    account = double.add_account("Customer Ltd")
    invoice = double.issue_invoice(account, Decimal(12_000), DUE)
    double.receive(account, Decimal(500))
    found = salesforce.read_invoice(invoice)
    assert (found.currency, found.open_balance, salesforce.list_credits(None, 10).credits[0].left) == ("JPY", 12_000, 500)
    assert [step for step in salesforce.try_connection() if not step.works] == []
    failed = [step for step in open_salesforce(double).try_connection() if not step.works]
    assert "CurrencyIsoCode" in failed[0].found


def test_dinars_have_three_decimals(double: SalesforceDouble, salesforce: SalesforceConnector, account: str) -> None:
    assert salesforce.read_invoice(double.issue_invoice(account, Decimal("12.345"), DUE, "KWD")).total == 12_345


def test_letters_go_to_who_was_billed_last(double: SalesforceDouble, salesforce: SalesforceConnector, account: str) -> None:
    billed = double.add_contact(account, "billing@customer.example")
    double.add_contact(account, None)
    double.issue_invoice(account, Decimal(100), DUE, BillToContactId=billed)
    assert salesforce.read_account(account).emails == ("billing@customer.example", "books@customer.example")
    other = double.add_account("Other Ltd", None, "Germany")
    found = salesforce.read_account(other)
    assert (found.country, found.emails) == (None, ())
    with pytest.raises(UnknownAccountError):
        salesforce.read_account("x' OR Name != '")


# --- changes


def test_what_is_deleted_is_gone_and_an_application_that_is_deleted_no_longer_counts(
    double: SalesforceDouble, salesforce: SalesforceConnector, account: str
) -> None:
    computing = open_salesforce(double, ORG_SETTINGS._replace(trusts_balance=False))
    kept, deleted = (double.issue_invoice(account, Decimal(100), DUE) for _ in range(2))
    double.apply(double.receive(account, Decimal(30)), kept)
    _, _, cursor = read_all(computing)
    double.now += timedelta(hours=1)
    double.delete("Invoice", deleted)
    (applied,) = (each["Id"] for each in double.objects["PaymentLineInvoice"].values())
    double.delete("PaymentLineInvoice", applied)
    found, gone, _ = read_all(computing, cursor)
    assert (found[kept].open_balance, gone) == (10_000, [deleted])


@pytest.mark.parametrize("changed", [{"Status": "Draft"}, {"TotalAmountWithTax": Decimal(0), "Balance": Decimal(0)}])
def test_what_no_longer_asks_money_of_anybody_is_gone(
    double: SalesforceDouble, salesforce: SalesforceConnector, account: str, changed: dict[str, object]
) -> None:
    invoice = double.issue_invoice(account, Decimal(100), DUE)
    found, gone, cursor = read_all(salesforce)
    assert (list(found), gone) == ([invoice], [])
    double.now += timedelta(hours=1)
    double.objects["Invoice"][invoice] |= changed
    double.touch(double.objects["Invoice"][invoice])
    found, gone, _ = read_all(salesforce, cursor)
    assert (found, gone) == ({}, [invoice])


def test_an_invoice_in_a_currency_that_is_none_holds_up_no_other(
    double: SalesforceDouble, salesforce: SalesforceConnector, account: str
) -> None:
    strange, known = (double.issue_invoice(account, Decimal(100), DUE, currency) for currency in ("ZZ1", "EUR"))
    for currency in ("ZZ1", "EUR"):
        double.receive(account, Decimal(7), currency)
    page, open_items = salesforce.read_changes(None, 10), salesforce.list_open_items(None, 10)
    assert ([each.external_id for each in page.invoices], [each.external_id for each in open_items.items]) == ([known], [known])
    for unread in (page.unread, open_items.unread):
        assert [(each.external_id, "'ZZ1' is not an ISO 4217" in each.reason) for each in unread] == [(strange, True)]
    assert [each.left for each in salesforce.list_credits(None, 10).credits] == [700]
    with pytest.raises(RefusedByBillingError, match="cannot be read"):
        salesforce.read_invoice(strange)
    for invoice in (strange, known):
        double._apply("PaymentLineInvoice", "PaymentId", "Payment", double.receive(account, Decimal(9)), invoice, Decimal(9))
    (step,) = (step for step in salesforce.try_connection() if step.name == "balance rule")
    assert (step.works, "of 1 invoices" in step.found) == (True, True)


def test_a_cursor_goes_on_though_the_map_has_other_objects_now(double: SalesforceDouble, account: str) -> None:
    def connect(changed: dict[str, object]) -> SalesforceConnector:
        fields = load_map("revenue_cloud", changed, has_one_currency=False)
        return SalesforceConnector("crm", ORG_SETTINGS, fields, SalesforceApi(ORG_SETTINGS, double))

    whole, fewer = connect({}), connect({"credit_note": None, "credit_application": None})
    double.issue_invoice(account, Decimal(100), DUE)
    _, _, cursor = read_all(whole)
    in_the_last = whole.read_changes(whole.read_changes(cursor, 10).cursor, 10).cursor
    for before, now in ((cursor, fewer), (in_the_last, fewer), (read_all(fewer)[2], whole)):
        double.now += timedelta(hours=1)
        later = double.issue_invoice(account, Decimal(50), DUE)
        assert later in read_all(now, before)[0]


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_many_changes_of_one_second_are_all_read_in_pages_of_queries(
    double: SalesforceDouble, salesforce: SalesforceConnector, account: str, limit: int
) -> None:
    double.tick, double.page_size = timedelta(milliseconds=1), 2
    invoices = {double.issue_invoice(account, Decimal(100), DUE) for _ in range(7)}
    assert read_all(salesforce, limit=limit)[0].keys() == invoices
    assert {item.external_id for item in salesforce.list_open_items(None, 100).items} == invoices


# --- the connection


@pytest.mark.parametrize(("counts_applied", "trusts", "works"), [(True, True, True), (False, True, False), (False, False, True)])
def test_the_connections_test_tells_whether_balances_count_what_is_applied(counts_applied: bool, trusts: bool, works: bool) -> None:
    double = SalesforceDouble(counts_applied=counts_applied)
    salesforce = open_salesforce(double, ORG_SETTINGS._replace(trusts_balance=trusts))
    account = double.add_account("Customer Ltd")
    (before,) = (step for step in salesforce.try_connection() if step.name == "balance rule")
    assert "test again" in before.found
    double.apply(double.receive(account, Decimal(30)), double.issue_invoice(account, Decimal(100), DUE))
    (step,) = (step for step in salesforce.try_connection() if step.name == "balance rule")
    assert (step.works, "of 1 invoices" in step.found) == (works, True)
    if not works:
        assert "`balance: applications`" in step.found


def test_the_connections_test_names_what_is_missing(double: SalesforceDouble) -> None:
    fields = load_map("revenue_cloud", {"invoice": {"number": "Legal_Number__c"}}, has_one_currency=False)
    settings = ORG_SETTINGS._replace(hold_field="Notes__c")
    double.read_only.add("Case")
    lacking = SalesforceConnector("crm", settings, fields, SalesforceApi(settings, double))
    failed = {step.name: step for step in lacking.try_connection() if not step.works}
    assert failed.keys() == {"read invoices", "write disputes", "suspensions"}
    assert "Legal_Number__c" in failed["read invoices"].found
    assert "no checkbox" in failed["suspensions"].found


def test_what_records_are_given_is_a_setting_and_is_tried_against_the_picklists(double: SalesforceDouble, account: str) -> None:
    double.picklists = {("Case", "Origin"): (("Phone", "Email"), True), ("Task", "Status"): (("Open", "Closed"), False)}
    double.required = {("Case", "Product__c")}

    def try_writing(settings: SalesforceSettings) -> dict[str, str]:
        steps = open_salesforce(double, settings).try_connection()
        return {step.name: f"{step.works} {step.found} {step.ask_for}" for step in steps if step.name.startswith("write ")}

    found = try_writing(ORG_SETTINGS)
    assert "False Case: Origin has no value 'Duecourse' (it has Phone, Email)" in found["write disputes"]
    assert "`case_fields`" in found["write disputes"]
    assert "True allowed; Status does not list 'Completed', and takes it" in found["write letters and calls"]
    named = ORG_SETTINGS._replace(case_fields={"Origin": "Email", "Status": "New"}, task_fields={"Status": "Closed", "Status__x": None})
    assert "cannot be made without Product__c" in try_writing(named)["write disputes"]
    whole = named._replace(case_fields={**named.case_fields, "Product__c": "P1"})
    assert [words[:12] for words in try_writing(whole).values()] == ["True allowed", "True allowed"]
    salesforce = open_salesforce(double, whole)
    salesforce.record_note("L1", account, "Letter sent", NoteKind.LETTER)
    salesforce.record_note("D1", account, "Dispute", NoteKind.DISPUTE)
    (case,), (task,) = double.objects["Case"].values(), double.objects["Task"].values()
    assert (case["Origin"], case["Status"], case["Product__c"], task["Status"]) == ("Email", "New", "P1", "Closed")
    unknown = open_salesforce(double, ORG_SETTINGS._replace(case_fields={"Origin": None, "Region__c": "EU"}))
    failed = {step.name: step.found for step in unknown.try_connection() if not step.works}
    assert "Case has no field Region__c" in failed["write disputes"]


def test_an_app_signs_in_by_a_token_that_it_signs(double: SalesforceDouble, account: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    double.public_key = public.decode()
    by_token = open_salesforce(double, ORG_SETTINGS._replace(username="duecourse@lindenhof.example", secret=private))
    assert by_token.read_account(account).name == "Customer Ltd"


def test_a_session_that_ended_is_begun_anew(double: SalesforceDouble, salesforce: SalesforceConnector, account: str) -> None:
    salesforce.read_account(account)
    double.end_sessions()
    salesforce.read_account(account)
    assert double.sign_ins == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (ORG_SETTINGS._replace(address="https://login.salesforce.com"), "My Domain"),
        (ORG_SETTINGS._replace(address="https://crm.lindenhof.example"), "My Domain"),
        (ORG_SETTINGS._replace(address="https://other.my.salesforce.com"), "app_not_found"),
        (ORG_SETTINGS._replace(secret="wrong"), "invalid_client"),
    ],
)
def test_an_app_that_is_not_let_in_is_told_what_to_ask_for(double: SalesforceDouble, settings: SalesforceSettings, said: str) -> None:
    (step,) = open_salesforce(double, settings).try_connection()
    assert (step.works, said in step.found) == (False, True)
    assert "External Client App" in step.ask_for


def test_the_secret_is_in_no_text_of_the_settings() -> None:
    assert CONSUMER_SECRET not in f"{ORG_SETTINGS} {ORG_SETTINGS!r}"


Planned = Callable[[requests.PreparedRequest], requests.Response]


def plan(status: int, body: object, **headers: str) -> Planned:
    return lambda request: build_answer(request, status, body, **headers)


def refuse(code: str, message: str) -> list[dict[str, str]]:
    return [{"errorCode": code, "message": message}]


@pytest.mark.parametrize(
    ("planned", "error", "said"),
    [
        (plan(403, refuse("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")), BillingAwayError, "REQUEST_LIMIT_EXCEEDED"),
        (plan(400, refuse("QUERY_TIMEOUT", "Your query request was running for too long.")), BillingAwayError, "QUERY_TIMEOUT"),
        (plan(400, refuse("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access")), BillingAwayError, "UNABLE_TO_LOCK_ROW"),
        (plan(500, refuse("UNKNOWN_EXCEPTION", "oh")), BillingAwayError, "500"),
        (plan(502, "<html>"), BillingAwayError, "502"),
        (plan(403, refuse("API_DISABLED_FOR_ORG", "no API")), ConnectionRefusedByBillingError, "no API"),
        (plan(400, refuse("INVALID_TYPE", "sObject type 'Invoice' is not supported.")), ConnectionRefusedByBillingError, "Invoice"),
        (plan(400, refuse("MALFORMED_QUERY", "unexpected token")), RefusedByBillingError, "unexpected token"),
        (plan(401, "<html>Login</html>"), ConnectionRefusedByBillingError, "otherwise than Salesforce"),
        (plan(200, "<html>Maintenance</html>"), ConnectionRefusedByBillingError, "otherwise than Salesforce"),
    ],
)
def test_what_is_refused_is_told_from_what_may_be_tried_again(
    double: SalesforceDouble, salesforce: SalesforceConnector, account: str, planned: Planned, error: type[Exception], said: str
) -> None:
    salesforce.read_account(account)
    double.plans.append(planned)
    with pytest.raises(error, match=said):
        salesforce.list_open_items(None, 10)


def test_salesforce_says_when_to_come_again(double: SalesforceDouble, salesforce: SalesforceConnector) -> None:
    double.plans.append(plan(503, refuse("SERVER_UNAVAILABLE", "maintenance"), retry_after="120"))
    with pytest.raises(BillingAwayError) as caught:
        salesforce.list_open_items(None, 10)
    assert caught.value.retry_after == 120


def test_one_that_does_not_answer_is_away(double: SalesforceDouble, salesforce: SalesforceConnector) -> None:
    def stay_silent(request: requests.PreparedRequest) -> requests.Response:
        raise requests.ConnectTimeout("no")

    double.plans.append(stay_silent)
    with pytest.raises(BillingAwayError, match="does not answer"):
        salesforce.list_open_items(None, 10)


@pytest.mark.parametrize(
    ("planned", "waits"),
    [
        (plan(403, refuse("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")), False),
        (plan(400, refuse("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access")), False),
        (plan(429, ""), False),
        (plan(500, refuse("UNKNOWN_EXCEPTION", "oh")), True),
        (plan(503, refuse("SERVER_UNAVAILABLE", "maintenance")), True),
    ],
)
def test_what_may_still_be_written_is_not_written_again_at_once(double: SalesforceDouble, planned: Planned, waits: bool) -> None:
    api = SalesforceApi(ORG_SETTINGS, double)
    api.query("SELECT Id FROM Task")
    for write in (lambda: api.create("Task", {"Subject": "S"}), lambda: api.change("Account", "A", {"Notes__c": "N"})):
        double.plans.append(planned)
        with pytest.raises(BillingAwayError) as caught:
            write()
        assert isinstance(caught.value, UnansweredOrderError) is waits


# --- the map


def test_a_preset_is_changed_in_parts() -> None:
    fields = load_map("billing_package", {"invoice": {"number": "Legal__c"}, "credit_note": None}, has_one_currency=True)
    assert (fields.invoice.object, fields.invoice.number, fields.invoice.currency) == ("blng__Invoice__c", "Legal__c", None)
    assert fields.credit_note is None
    assert fields.credit_application is not None
    assert "." in fields.credit_application.invoice, "an allocation is between lines"


@pytest.mark.parametrize(
    "changed",
    [
        {"invoice": {"number": "x' OR"}},
        {"invoice": {"posted": ["O'Neil"]}},
        {"invoice": {"nonsense": "x"}},
        {"refund": {}},
        {"invoice": None},
    ],
)
def test_a_map_that_cannot_be_used_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(SalesforceMapError, match="cannot be used"):
        load_map("revenue_cloud", changed, has_one_currency=False)


def test_the_double_knows_every_field_of_the_preset() -> None:
    for _, kind, names in load_map("revenue_cloud", {}, has_one_currency=False).list_objects():
        assert set(names) <= FIELDS[kind]


# --- what is left there


def test_a_letter_and_a_call_are_tasks_and_a_dispute_is_a_case(
    double: SalesforceDouble, salesforce: SalesforceConnector, account: str
) -> None:
    contact = next(iter(double.objects["Contact"]))
    for key, kind in (("L1", NoteKind.LETTER), ("C1", NoteKind.CALL), ("N1", NoteKind.NOTE), ("D1", NoteKind.DISPUTE)):
        for _ in range(2):
            salesforce.record_note(key, account, f"About {kind}\nand what was said", kind)
    tasks = [(task["TaskSubtype"], task["WhatId"], task["WhoId"], task["Status"]) for task in double.objects["Task"].values()]
    assert tasks == [(subtype, account, contact, "Completed") for subtype in ("Email", "Call", "Task")]
    (case,) = double.objects["Case"].values()
    assert (case["AccountId"], case["Description"], case["Subject"].partition("] ")[2]) == (account, "and what was said", "About dispute")


@pytest.mark.parametrize("kind", [NoteKind.LETTER, NoteKind.DISPUTE])
def test_what_is_left_is_left_once_though_an_answer_is_lost(
    double: SalesforceDouble, salesforce: SalesforceConnector, account: str, kind: NoteKind
) -> None:
    double.lost_answers = 1
    with pytest.raises(BillingAwayError):
        salesforce.record_note("L1", account, "x" * 40_000, kind)
    salesforce.record_note("L1", account, "x" * 40_000, kind)
    assert len(double.objects["Task"]) + len(double.objects["Case"]) == 1


def test_a_hold_that_others_have_set_stays(double: SalesforceDouble, salesforce: SalesforceConnector, account: str) -> None:
    double.objects["Account"][account]["Duecourse_Hold__c"] = True
    salesforce.suspend("S1", account, "overdue")
    salesforce.reinstate("R1", account)
    assert double.objects["Account"][account]["Duecourse_Hold__c"]


def test_a_hold_that_was_ordered_twice_is_lifted_once(double: SalesforceDouble, salesforce: SalesforceConnector, account: str) -> None:
    salesforce.suspend("S1", account, "overdue")
    salesforce.suspend("S2", account, "another invoice is overdue")
    salesforce.reinstate("R1", account)
    assert not double.objects["Account"][account]["Duecourse_Hold__c"]
    double.objects["Account"][account]["Duecourse_Hold__c"] = True
    salesforce.suspend("S3", account, "overdue")
    for _ in range(2):
        salesforce.reinstate("R2", account)
    assert double.objects["Account"][account]["Duecourse_Hold__c"], "it is a hold that others have set since"


def test_a_hold_whose_answer_is_lost_is_carried_on(double: SalesforceDouble, salesforce: SalesforceConnector, account: str) -> None:
    double.lost_answers = 1
    with pytest.raises(BillingAwayError):
        salesforce.suspend("S1", account, "overdue")
    assert not salesforce.read_account(account).suspended
    salesforce.suspend("S1", account, "overdue")
    assert salesforce.read_account(account).suspended
    with pytest.raises(ConflictingBookingError):
        salesforce.reinstate("S1", account)


def test_without_a_hold_field_a_person_stops_the_service(double: SalesforceDouble, account: str) -> None:
    bare = open_salesforce(double, ORG_SETTINGS._replace(hold_field=None))
    assert not {"suspend", "reinstate"} & bare.capabilities
    with pytest.raises(UnsupportedOperationError, match="by hand"):
        bare.suspend("S1", account, "overdue")
    assert bare.read_account(account).suspended is None
