"""The test of a connection to Tryton: what works, what is missing, and what to ask whoever runs Tryton for."""

from collections.abc import Iterator

from adapters.billing.connection_steps import try_step
from adapters.billing.errors import ConnectionRefusedByBillingError
from adapters.billing.external_records import ConnectionStep
from adapters.tryton.tryton_api import TrytonApi

_READ = (
    ("invoices", "account.invoice", "the group Accounting"),
    ("open items", "account.move.line", "the group Accounting"),
    ("customers", "party.party", "the group Accounting"),
)
_WRITTEN = (
    ("credit notes", "account.invoice", "the group Accounting"),
    ("write-offs", "account.move", "the group Accounting"),
    ("notes", "ir.note", "write access to notes"),
)
_PARTY, _CREDIT_LIMIT_MODULE = "party.party", "account_credit_limit"


def try_connection(api: TrytonApi, company: int) -> tuple[ConnectionStep, ...]:
    """Stops at a step without which none of the rest can work."""
    return tuple(_list_steps(api, company))


def _list_steps(api: TrytonApi, company: int) -> Iterator[ConnectionStep]:
    first = try_step(
        "address and key", lambda: _find_company(api, company), "the server's address with its database, and a user's key for REST"
    )
    yield first
    if not first.works:
        return
    for name, model, ask_for in _READ:
        yield try_step(f"read {name}", lambda model=model: _look(api, model), ask_for)  # type: ignore[misc]
    yield try_step(
        "suspensions", lambda: _find_credit_limits(api), f"the module {_CREDIT_LIMIT_MODULE}, and the group Party Administration"
    )
    for name, model, ask_for in _WRITTEN:
        yield try_step(f"write {name}", lambda model=model: _require_write_access(api, model), ask_for)  # type: ignore[misc]
    yield try_step(
        "write-off methods", lambda: _find_write_off_methods(api, company), "a write-off method: Financial, Configuration, Journals"
    )


def _find_company(api: TrytonApi, company: int) -> str:
    found = api.find("company.company", [["id", "=", company]], ("party.name", "currency.code"))
    if not found:
        raise ConnectionRefusedByBillingError(f"the key's user does not see a company {company}; give the user this company in Tryton")
    return f"{found[0]['party']['name']}, books in {found[0]['currency']['code']}"


def _look(api: TrytonApi, model: str) -> str:
    found = api.find(model, [], ("id",), limit=1)
    return "there are some" if found else "there are none yet"


def _require_write_access(api: TrytonApi, model: str) -> str:
    if not api.read_access([model])[model]["write"]:
        raise ConnectionRefusedByBillingError(f"the key's user may not write {model}")
    return "allowed"


def _find_credit_limits(api: TrytonApi) -> str:
    if not api.find("ir.module", [["name", "=", _CREDIT_LIMIT_MODULE], ["state", "=", "activated"]], ("name",)):
        raise ConnectionRefusedByBillingError("Tryton has no credit limits here, so nobody can be suspended")
    return _require_write_access(api, _PARTY)


def _find_write_off_methods(api: TrytonApi, company: int) -> str:
    found = api.find("account.move.reconcile.write_off", [["company", "=", company]], ("name",))
    if not found:
        raise ConnectionRefusedByBillingError("there is no write-off method in Tryton, so nothing can be written off")
    return ", ".join(method["name"] for method in found)
