"""Suspension in Stripe: a customer's subscriptions are paused.

Stripe has two pauses. `pause` stops the service and its invoices, and the status is `paused`; it needs the flexible billing mode, and no
schedule. `pause_collection` stops the collection alone: invoices stay drafts, the status stays `active`, and the customer is served on.
Which one is used is a setting; which one was used is written on each subscription, and that one is undone. A subscription that somebody
else has paused, or whose pause they have changed, is left as it is.

Which orders were given stands on the customer, the latest last: one that is given again does what was interrupted, and nothing that was
undone since.
"""

import hashlib
from typing import Final

from adapters.billing.errors import ConflictingBookingError, RefusedByBillingError, UnsupportedOperationError
from adapters.stripe.stripe_api import StripeApi
from adapters.stripe.stripe_reader import StripeReader, is_paused
from adapters.stripe.stripe_records import MARK, Record, SubscriptionStatus

ORDERS: Final = f"{MARK}_orders"
PAUSED_BY: Final = f"{MARK}_pause"
SERVICE, COLLECTION = "service", "collection"
_SUSPEND, _REINSTATE = "S", "R"
_MOST_ORDERS = 25
"""That are remembered: a value of Stripe's metadata has at most 500 characters."""
_COLLECTION_PAUSE: Final = {"behavior": "keep_as_draft"}


class StripeService:
    def __init__(self, api: StripeApi, reader: StripeReader, *, pauses_service: bool) -> None:
        self._api, self._reader, self._kind = api, reader, SERVICE if pauses_service else COLLECTION

    def suspend(self, key: str, account_id: str, reason: str) -> None:
        customer = self._reader.read_customer(account_id)
        subscriptions = self._reader.list_live_subscriptions(account_id)
        if not subscriptions:
            raise UnsupportedOperationError(
                f"{customer.get('name') or account_id} has no subscription in Stripe that could be paused; stop serving them by hand"
            )
        if not self._give_order(customer, _SUSPEND, key):
            return
        refused = [words for each in subscriptions if not is_paused(each) and (words := self._pause(each, key))]
        if refused:
            raise RefusedByBillingError(
                f"Stripe cannot pause {'; '.join(refused)}: stop it there by hand, or let the connection pause collection alone"
            )

    def reinstate(self, key: str, account_id: str) -> None:
        customer = self._reader.read_customer(account_id)
        if not self._give_order(customer, _REINSTATE, key):
            return
        for subscription in self._reader.list_live_subscriptions(account_id):
            if kind := (subscription["metadata"] or {}).get(PAUSED_BY):
                self._undo_pause(subscription, kind, key)

    def _give_order(self, customer: Record, order: str, key: str) -> bool:
        """Write it down as the latest; False where another came after it."""
        digest = hashlib.sha256(key.encode()).hexdigest()[:16]
        orders = ((customer.get("metadata") or {}).get(ORDERS) or "").split()
        known = next((each for each in orders if each[1:] == digest), None)
        if known is not None and known[0] != order:
            raise ConflictingBookingError(f"the key {key!r} was used before, for something else; give this its own")
        if known is not None:
            return orders[-1] == known
        orders = [*orders, order + digest][-_MOST_ORDERS:]
        self._api.change(f"customers/{customer['id']}", f"{MARK}-order-{digest}", metadata={ORDERS: " ".join(orders)})
        return True

    def _pause(self, subscription: Record, key: str) -> str | None:
        """Why it cannot be paused; None where it is. A refusal holds up no other subscription."""
        path, name = f"subscriptions/{subscription['id']}", f"{MARK}-pause-{subscription['id']}-{key}"
        if self._kind == COLLECTION:
            self._api.set_values(path, metadata={PAUSED_BY: self._kind}, pause_collection=_COLLECTION_PAUSE)
            return None
        if not _can_pause_service(subscription):
            return f"{subscription['id']} (it has no flexible billing mode, or a schedule)"
        self._api.set_values(path, metadata={PAUSED_BY: self._kind})
        try:
            self._api.change(f"{path}/pause", name, type="subscription", bill_for={"unused_time_from": {"type": "none"}})
        except RefusedByBillingError as error:
            self._api.set_values(path, metadata={PAUSED_BY: ""})
            return f"{subscription['id']} ({error})"
        return None

    def _undo_pause(self, subscription: Record, kind: str, key: str) -> None:
        """Nothing is invoiced by it: a resumption that makes an invoice would wait for its payment."""
        path, name = f"subscriptions/{subscription['id']}", f"{MARK}-resume-{subscription['id']}-{key}"
        forget = {PAUSED_BY: ""}
        if kind == COLLECTION:
            is_ours = _is_our_collection_pause(subscription["pause_collection"])
            self._api.set_values(path, metadata=forget, **({"pause_collection": ""} if is_ours else {}))
            return
        if subscription["status"] == SubscriptionStatus.PAUSED:
            anchor = {"type": "unchanged"}
            self._api.change(f"{path}/resume", name, billing_cycle_anchor=anchor, proration_behavior="none")
        self._api.set_values(path, metadata=forget)


def _can_pause_service(subscription: Record) -> bool:
    return (subscription.get("billing_mode") or {}).get("type") == "flexible" and subscription.get("schedule") is None


def _is_our_collection_pause(pause: Record | None) -> bool:
    return pause is not None and pause.get("behavior") == _COLLECTION_PAUSE["behavior"] and pause.get("resumes_at") is None
