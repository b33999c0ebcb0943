"""The test of a connection to Stripe: what works, what is missing, and what to ask whoever has the Stripe account for."""

from collections.abc import Iterator
from secrets import token_hex

from adapters.billing.connection_steps import describe_right, describe_some, try_step
from adapters.billing.errors import ConnectionRefusedByBillingError
from adapters.billing.external_records import ConnectionStep
from adapters.stripe.stripe_api import API_VERSION, NoSuchStripeObjectError, StripeApi, StripeSettings
from adapters.stripe.stripe_records import MARK
from domain.refusal import Refusal

_READ = (
    ("invoices", "invoices", "Invoices: read"),
    ("payments of invoices", "invoice_payments", "Invoices and Payment Intents: read"),
    ("credit notes", "credit_notes", "Credit notes: read"),
    ("customers", "customers", "Customers: read"),
    ("subscriptions", "subscriptions", "Subscriptions: read"),
    ("changes", "events", "Events: read"),
)
_KEY = Refusal("ask.stripe_key", "a restricted key of the account: Developers, API keys, with Account: read")
_NOBODY = "none_of_this_id"
_WRITTEN: tuple[tuple[str, str, str, dict[str, object]], ...] = (
    ("credit notes", "credit_notes", "Credit notes: write", {"invoice": _NOBODY, "amount": 1}),
    ("write-offs", f"invoices/{_NOBODY}/mark_uncollectible", "Invoices: write", {}),
    ("orders of service", f"customers/{_NOBODY}", "Customers: write", {"metadata": {f"{MARK}_trial": "1"}}),
    ("suspensions", f"subscriptions/{_NOBODY}", "Subscriptions: write", {"metadata": {f"{MARK}_trial": "1"}}),
)
"""Each is asked for something that is not there: who may not is told so, who may is told that it is not there."""


def try_connection(api: StripeApi, settings: StripeSettings) -> tuple[ConnectionStep, ...]:
    """Stops at a step without which none of the rest can work."""
    return tuple(_list_steps(api, settings))


def _list_steps(api: StripeApi, settings: StripeSettings) -> Iterator[ConnectionStep]:
    first = try_step("key", lambda: _find_account(api), _KEY)
    yield first
    if not first.works:
        return
    for name, path, ask_for in _READ:
        yield try_step(f"read {name}", lambda path=path: _look(api, path), _ask_for_permission(ask_for))  # type: ignore[misc]
    for name, path, ask_for, values in _WRITTEN:
        attempt = lambda path=path, values=values: _require_write_access(api, path, values)  # noqa: E731
        yield try_step(f"write {name}", attempt, _ask_for_permission(ask_for))
    if settings.webhook_secrets:
        endpoint = Refusal(
            "ask.stripe_endpoint",
            "a webhook endpoint of the API version {version}: one that has another, or none, says things otherwise",
            version=API_VERSION,
        )
        yield try_step("version of webhooks", lambda: _find_endpoints(api), endpoint)


def _ask_for_permission(permission: str) -> Refusal:
    return Refusal("ask.stripe_permission", "the key's permission {permission}", permission=permission)


def _find_account(api: StripeApi) -> str:
    account = api.read("account")
    name = ((account.get("settings") or {}).get("dashboard") or {}).get("display_name") or account["id"]
    return Refusal(
        "trial.stripe_account",
        "{name} ({account}), spoken to by API version {version}",
        name=name,
        account=account["id"],
        version=API_VERSION,
    )


def _look(api: StripeApi, path: str) -> str:
    return describe_some(api.list_page(path, 1).records)


def _require_write_access(api: StripeApi, path: str, values: dict[str, object]) -> str:
    try:
        api.change(path, f"{MARK}-trial-{token_hex(8)}", **values)
    except NoSuchStripeObjectError:
        return describe_right()
    raise ConnectionRefusedByBillingError(Refusal("trial.stripe_odd", "Stripe answered otherwise than by saying that this is not there"))


def _find_endpoints(api: StripeApi) -> str:
    endpoints = [endpoint for endpoint in api.list_all("webhook_endpoints") if endpoint["status"] == "enabled"]
    others = sorted({endpoint["api_version"] or "none" for endpoint in endpoints} - {API_VERSION})
    if not endpoints or others:
        raise ConnectionRefusedByBillingError(
            Refusal("trial.stripe_versions", "the endpoints speak {versions}", versions=", ".join(others))
            if others
            else Refusal("trial.stripe_no_endpoint", "there is no endpoint that is enabled")
        )
    return Refusal("trial.stripe_endpoints", "{count} speaking {version}", count=len(endpoints), version=API_VERSION)
