"""Kill Bill's REST interface: objects are found by their ids, and what is changed names who changed it."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from adapters.billing.errors import BillingAwayError, RefusedByBillingError
from adapters.billing.http_api import HttpAnswer, HttpApi, NotFoundThereError
from adapters.billing.http_sign_in import FixedHeaders, build_basic_header
from adapters.billing.unanswered_orders import build_unanswered_error
from domain.digits import parse_digits

Record = dict[str, Any]
CREATED_BY = "duecourse"
NEXT_OFFSET = "x-killbill-pagination-nextoffset"


class KillBillSettings(NamedTuple):
    """`address` is the server's, such as https://killbill.example.com. `user` and `password` are a user's, `api_key` and `api_secret` the
    tenant's. `terms_days`: in how many days an invoice is due, for Kill Bill knows no due date; `terms_field`: the custom field of an
    account that says otherwise. `reread_minutes`: how often every invoice is read again."""

    address: str
    user: str
    password: str
    api_key: str
    api_secret: str
    company: str = "1"
    terms_days: int = 30
    terms_field: str = "net_terms"
    reread_minutes: int = 60

    def __repr__(self) -> str:
        return f"KillBillSettings(address={self.address!r}, user={self.user!r}, company={self.company!r})"


class RecordPage(NamedTuple):
    """`next`: the offset of the next page; None on the last."""

    records: list[Record]
    next: int | None


class KillBillApi:
    """Every method raises BillingAwayError, ConnectionRefusedByBillingError, RefusedByBillingError, and NotFoundThereError."""

    def __init__(self, settings: KillBillSettings, transport: httpx.BaseTransport | None = None) -> None:
        headers = {
            "Authorization": build_basic_header(settings.user, settings.password),
            "X-Killbill-ApiKey": settings.api_key,
            "X-Killbill-ApiSecret": settings.api_secret,
        }
        self._api = HttpApi("Kill Bill", settings.address, auth=FixedHeaders(headers), transport=transport)

    def close(self) -> None:
        self._api.close()

    def read(self, path: str, **query: str) -> Any:
        return self.fetch(path, **query).read()

    def read_record(self, path: str, **query: str) -> Record:
        found = self.read(path, **query)
        if not isinstance(found, dict):
            raise NotFoundThereError(path)
        return found

    def list_records(self, path: str, **query: str) -> list[Record]:
        found = self.read(path, **query)
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def list_page(self, path: str, offset: int, limit: int, **query: str) -> RecordPage:
        """Records in the order in which they were made."""
        answer = self.fetch(path, offset=str(offset), limit=str(limit), **query)
        found, said = answer.read(), answer.headers.get(NEXT_OFFSET, "")
        records = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
        following = parse_digits(said) or 0
        return RecordPage(records, following if following > offset and records else None)

    def fetch(self, path: str, *, accept: str = "application/json", **query: str) -> HttpAnswer:
        return self._api.fetch(f"/1.0/kb/{path}", query, accept=accept)

    def send(self, method: str, path: str, body: object = None, *, comment: str = "") -> HttpAnswer:
        """Raises UnansweredOrderError, for Kill Bill knows no key by which the same is done once."""
        headers = {"X-Killbill-CreatedBy": CREATED_BY}
        if comment and comment.isascii() and comment.isprintable():
            headers["X-Killbill-Comment"] = comment[:200]
        try:
            return self._api.send(method, f"/1.0/kb/{path}", None if body is None else json.dumps(body), headers=headers)
        except BillingAwayError as error:
            raise build_unanswered_error(error) from error


def name_path(*parts: str) -> str:
    """A path whose parts lead nowhere else, whatever they have."""
    return "/".join(quote(part, safe="").replace(".", "%2E") for part in parts)


def get_text(record: Mapping[str, Any], name: str) -> str:
    """Empty where there is none. Raises RefusedByBillingError where it is no text."""
    value = record.get(name)
    if value is not None and not isinstance(value, str):
        raise RefusedByBillingError(f"Kill Bill gives a {name!r} that is no text")
    return value or ""
