"""The test of a connection to Odoo: what works, what is missing, and what to ask whoever runs Odoo for."""

from collections.abc import Iterator, Sequence

from adapters.billing.connection_steps import describe_company, describe_right, describe_some, refuse_writing, try_step
from adapters.billing.errors import ConnectionRefusedByBillingError
from adapters.billing.external_records import ConnectionStep
from adapters.odoo.invoice_records import DUE_FIELDS, INVOICE_FIELDS, PARTIAL_FIELDS, PAYING_FIELDS, PAYMENT_FIELDS
from adapters.odoo.odoo_api import OdooApi, OdooSettings
from adapters.odoo.odoo_reader import PARTNER_FIELDS, OdooReader
from adapters.odoo.odoo_records import read_name
from domain.refusal import Refusal

_READ = (
    ("invoices", "account.move", INVOICE_FIELDS),
    ("due dates and payments", "account.move.line", (*DUE_FIELDS, *PAYING_FIELDS)),
    ("what paid what", "account.partial.reconcile", PARTIAL_FIELDS),
    ("payments without a posting", "account.payment", PAYMENT_FIELDS),
    ("customers", "res.partner", PARTNER_FIELDS),
)
_BILLING = Refusal("ask.odoo_billing", "the access right Accounting: Invoicing (Billing)")


def try_connection(api: OdooApi, settings: OdooSettings) -> tuple[ConnectionStep, ...]:
    """Stops at a step without which none of the rest can work."""
    return tuple(_list_steps(api, settings))


def _list_steps(api: OdooApi, settings: OdooSettings) -> Iterator[ConnectionStep]:
    ask_for = Refusal("ask.odoo_address", "the server's address, the name of its database, a user's key, and the number of the company")
    first = try_step("address and key", lambda: _find_company(api, settings), ask_for)
    yield first
    if not first.works:
        return
    for name, model, fields in _READ:
        yield try_step(f"read {name}", lambda model=model, fields=fields: _look(api, model, fields), _BILLING)  # type: ignore[misc]
    yield try_step("write credit notes", lambda: _require_access(api, "account.move"), _BILLING)
    yield try_step(
        "write notes",
        lambda: _require_access(api, "mail.message"),
        Refusal("ask.odoo_notes", "the role of an internal user, who may write notes on contacts"),
    )
    if settings.write_off_journal is not None:
        ask_for = Refusal(
            "ask.odoo_write_offs", "a journal for write-offs alone and an expense account, named in the connection by their codes"
        )
        yield try_step("write-offs", lambda: _find_write_off_accounts(api, settings), ask_for)


def _find_company(api: OdooApi, settings: OdooSettings) -> str:
    found = api.find("res.company", [["id", "=", settings.company]], ("name", "currency_id"))
    if not found:
        raise ConnectionRefusedByBillingError(
            Refusal(
                "trial.no_company",
                "the key's user does not see a company {company}; give the user this company in {system}",
                company=settings.company,
                system="Odoo",
            )
        )
    return describe_company(found[0]["name"], read_name(found[0]["currency_id"]))


def _look(api: OdooApi, model: str, fields: Sequence[str]) -> str:
    """With every field that is read."""
    return describe_some(api.find(model, [], fields, limit=1))


def _require_access(api: OdooApi, model: str) -> str:
    if not api.call(model, "has_access", [], operation="create"):
        raise ConnectionRefusedByBillingError(refuse_writing(model))
    return describe_right()


def _find_write_off_accounts(api: OdooApi, settings: OdooSettings) -> str:
    journal = OdooReader(api, settings).find_write_off_journal()
    account = api.find("account.account", [["code", "=", settings.write_off_account]], ("code", "name"), limit=1)
    if journal is None or not account:
        raise ConnectionRefusedByBillingError(
            Refusal(
                "trial.no_write_off_journal",
                "Odoo has no journal {journal} in this company, or no account {account}",
                journal=repr(settings.write_off_journal),
                account=repr(settings.write_off_account),
            )
        )
    return Refusal(
        "trial.write_off_journal",
        "journal {journal}, account {account}",
        journal=settings.write_off_journal,
        account=settings.write_off_account,
    )
