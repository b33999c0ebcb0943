"""The name by which Duecourse knows a thing of a connected billing system: system, company and the system's own id, never a number
alone."""

import re
from typing import NamedTuple

from domain.accepted_texts import find_id_fault
from domain.errors import UserError

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_COMPANY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_EXTERNAL_ID = re.compile(r"[!-~]+")
PART_MARK = "~due"
"""Behind the id of an invoice's part that is due on a later day of its own."""
_LATER_PART = re.compile(rf"(?P<whole>.+){PART_MARK}[0-9]+")
MARK = "@"
"""With which the id of a thing of a connected system begins: no id that the embedded ledger was given without a connection does."""


class ExternalKeyError(UserError):
    """A part of a key that cannot be part of one."""

    title = "This cannot be the key of something in a billing system"
    status = 422
    problem_type = "external-key"


class SystemKey(NamedTuple):
    """A connected system, and the company in it. `system` is the name that the connection was given, such as `erp-north`; two companies of
    one server, or two servers with a company 1 each, are two systems."""

    system: str
    company: str

    @classmethod
    def build(cls, system: str, company: str) -> "SystemKey":
        """Raises ExternalKeyError."""
        if not _NAME.fullmatch(system):
            raise ExternalKeyError(f"{system!r} cannot name a connection; use small letters, digits, - and _, and begin with a letter")
        if not _COMPANY.fullmatch(company):
            raise ExternalKeyError(f"{company!r} cannot name a company; use letters, digits, dots, - and _")
        return cls(system, company)


class ExternalKey(NamedTuple):
    """A thing of a connected system. `external_id` is the system's own id of it, which never changes; not the number that people read."""

    system: str
    company: str
    external_id: str

    @classmethod
    def build(cls, owner: SystemKey, external_id: str) -> "ExternalKey":
        """Raises ExternalKeyError."""
        if not _EXTERNAL_ID.fullmatch(external_id):
            raise ExternalKeyError(f"{external_id!r} cannot be an id: visible ASCII characters are")
        key = cls(owner.system, owner.company, external_id)
        if fault := find_id_fault(key.id):
            raise ExternalKeyError(f"the id {key.id!r} {fault}")
        return key

    @property
    def id(self) -> str:
        """Duecourse's own id of it, such as `@erp-north:1:4711`."""
        return f"{MARK}{self.system}:{self.company}:{self.external_id}"


def can_be_key(owner: SystemKey, external_id: str) -> bool:
    try:
        ExternalKey.build(owner, external_id)
    except ExternalKeyError:
        return False
    return True


def show_account(account_id: str, number: str | None) -> str:
    """Return what people know an account by: the number that its billing system prints, or that system's own id, never Duecourse's key."""
    if number:
        return number
    return key.external_id if (key := parse_external_key(account_id)) else account_id


def parse_external_key(id: str) -> ExternalKey | None:
    """Take apart an id that `ExternalKey.id` made; None for any other, which is the embedded ledger's."""
    if not id.startswith(MARK):
        return None
    parts = id.removeprefix(MARK).split(":", 2)
    return ExternalKey(*parts) if len(parts) == 3 else None


def find_whole_id(invoice_id: str) -> str:
    """Return the id of the invoice that something is, or is a part of; `invoice_id` is the system's own, or Duecourse's."""
    found = _LATER_PART.fullmatch(invoice_id)
    return found["whole"] if found else invoice_id
