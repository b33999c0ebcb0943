"""A contact that people add or correct: the next letters go by what stands here then."""

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Contact
from domain.errors import UserError


class ContactDetails(BaseModel):
    """What is known of a contact. `language` and `time_zone` (an IANA name) are the account's where they are None."""

    model_config = ConfigDict(frozen=True)

    role: str
    name: str
    email: str
    phone: str
    language: str | None
    time_zone: str | None

    @property
    def in_words(self) -> str:
        return ", ".join(filter(None, (self.name, self.email, self.phone)))


class ContactChange(NamedTuple):
    """A contact as it was, None of a new one, and as it is."""

    before: ContactDetails | None
    after: ContactDetails


class KnownContactError(UserError):
    """The account has another contact of that role with that address."""

    title = "There is such a contact already"
    status = 409
    problem_type = "known"
    pointer = "/email"

    def __init__(self, details: ContactDetails) -> None:
        super().__init__(f"the account has a contact with the address {details.email!r} in this role already; change that one")


def add_contact(database: Database, account_id: str, details: ContactDetails) -> ContactChange:
    """Add the contact to an account that exists. Raises KnownContactError."""
    with database.writing() as session:
        database.take_turns(session, Contact.__tablename__, account_id)
        _refuse_second(session, account_id, details, None)
        session.add(Contact(account_id=account_id, **details.model_dump()))
    return ContactChange(None, details)


def change_contact(database: Database, account_id: str, contact_id: int, details: ContactDetails) -> ContactChange | None:
    """Put the details in the place of what was known; None when the account has no contact of this id. An address that is another one
    counts as one that takes letters. Raises KnownContactError."""
    with database.writing() as session:
        database.take_turns(session, Contact.__tablename__, account_id)
        contact = session.get(Contact, contact_id, with_for_update=True)
        if contact is None or contact.account_id != account_id:
            return None
        _refuse_second(session, account_id, details, contact_id)
        before = ContactDetails(**contact.model_dump(include=set(ContactDetails.model_fields)))
        if before.email != details.email:
            contact.undeliverable_since = None
        contact.sqlmodel_update(details.model_dump())
        session.add(contact)
    return ContactChange(before, details)


def _refuse_second(session: Session, account_id: str, details: ContactDetails, besides: int | None) -> None:
    same = (col(Contact.account_id) == account_id, col(Contact.role) == details.role, col(Contact.email) == details.email)
    found = session.scalars(select(col(Contact.id)).where(*same)).first()
    if found is not None and found != besides:
        raise KnownContactError(details)
