"""What Kill Bill lists and does not give is not gone: it never deletes an invoice."""

import httpx
import pytest

from tests.adapters.killbill.killbill_world import KillBillWorld, open_killbill


class Hiding(httpx.BaseTransport):
    """Answers that an invoice is not there, or not for this user, though it stands in the list."""

    def __init__(self, inner: httpx.BaseTransport, hidden: str, status: int) -> None:
        self._inner, self._hidden, self._status = inner, hidden, status

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(f"/invoices/{self._hidden}"):
            return httpx.Response(self._status)
        return self._inner.handle_request(request)


@pytest.mark.parametrize("status", [404, 403])
def test_an_invoice_that_is_listed_and_not_given_is_named_and_holds_up_no_other(status: int) -> None:
    world = KillBillWorld()
    account = world.add_account("Customer Ltd")
    hidden, shown = (world.issue_invoice(account, 1_000, world.today) for _ in range(2))
    page = open_killbill(Hiding(world.double, hidden, status)).read_changes(None, 10)
    assert ([each.external_id for each in page.invoices], page.gone, page.unknown) == ([shown], (), ())
    assert [each.external_id for each in page.unread] == [hidden]
