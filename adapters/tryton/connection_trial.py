"""The test of a connection to Tryton: what works, what is missing, and what to ask whoever runs Tryton for."""

from collections.abc import Iterator

from adapters.billing.connection_steps import describe_company, describe_right, describe_some, refuse_writing, try_step
from adapters.billing.errors import ConnectionRefusedByBillingError
from adapters.billing.external_records import ConnectionStep
from adapters.tryton.tryton_api import TrytonApi
from domain.refusal import Refusal

_ACCOUNTING = Refusal("ask.tryton_accounting", "the group Accounting")
_READ = (
    ("invoices", "account.invoice", _ACCOUNTING),
    ("open items", "account.move.line", _ACCOUNTING),
    ("customers", "party.party", _ACCOUNTING),
)
_WRITTEN = (
    ("credit notes", "account.invoice", _ACCOUNTING),
    ("write-offs", "account.move", _ACCOUNTING),
    ("notes", "ir.note", Refusal("ask.tryton_notes", "write access to notes")),
)
_PARTY, _CREDIT_LIMIT_MODULE = "party.party", "account_credit_limit"


def try_connection(api: TrytonApi, company: int) -> tuple[ConnectionStep, ...]:
    """Stops at a step without which none of the rest can work."""
    return tuple(_list_steps(api, company))


def _list_steps(api: TrytonApi, company: int) -> Iterator[ConnectionStep]:
    ask_for = Refusal("ask.tryton_address", "the server's address with its database, and a user's key for REST")
    first = try_step("address and key", lambda: _find_company(api, company), ask_for)
    yield first
    if not first.works:
        return
    for name, model, ask_for in _READ:
        yield try_step(f"read {name}", lambda model=model: _look(api, model), ask_for)  # type: ignore[misc]
    ask_for = Refusal("ask.tryton_suspensions", "the module {module}, and the group Party Administration", module=_CREDIT_LIMIT_MODULE)
    yield try_step("suspensions", lambda: _find_credit_limits(api), ask_for)
    for name, model, ask_for in _WRITTEN:
        yield try_step(f"write {name}", lambda model=model: _require_write_access(api, model), ask_for)  # type: ignore[misc]
    ask_for = Refusal("ask.tryton_write_offs", "a write-off method: Financial, Configuration, Journals")
    yield try_step("write-off methods", lambda: _find_write_off_methods(api, company), ask_for)


def _find_company(api: TrytonApi, company: int) -> str:
    found = api.find("company.company", [["id", "=", company]], ("party.name", "currency.code"))
    if not found:
        raise ConnectionRefusedByBillingError(
            Refusal(
                "trial.no_company",
                "the key's user does not see a company {company}; give the user this company in {system}",
                company=company,
                system="Tryton",
            )
        )
    return describe_company(found[0]["party"]["name"], found[0]["currency"]["code"])


def _look(api: TrytonApi, model: str) -> str:
    found = api.find(model, [], ("id",), limit=1)
    return describe_some(found)


def _require_write_access(api: TrytonApi, model: str) -> str:
    if not api.read_access([model])[model]["write"]:
        raise ConnectionRefusedByBillingError(refuse_writing(model))
    return describe_right()


def _find_credit_limits(api: TrytonApi) -> str:
    if not api.find("ir.module", [["name", "=", _CREDIT_LIMIT_MODULE], ["state", "=", "activated"]], ("name",)):
        raise ConnectionRefusedByBillingError(
            Refusal("trial.tryton_no_limits", "Tryton has no credit limits here, so nobody can be suspended")
        )
    return _require_write_access(api, _PARTY)


def _find_write_off_methods(api: TrytonApi, company: int) -> str:
    found = api.find("account.move.reconcile.write_off", [["company", "=", company]], ("name",))
    if not found:
        raise ConnectionRefusedByBillingError(
            Refusal("trial.tryton_no_write_offs", "there is no write-off method in Tryton, so nothing can be written off")
        )
    return ", ".join(method["name"] for method in found)
