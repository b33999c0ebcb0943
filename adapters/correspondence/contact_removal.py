"""A contact that people remove: somebody who has left gets no more letters."""

from adapters.database.engine import Database
from adapters.database.tables import Contact


def remove_contact(database: Database, account_id: str, contact_id: int) -> str | None:
    """Remove the contact; its name and address in words. None when the account has none of this id. Letters that have not gone yet go to
    the account's next contact, or wait for an address."""
    with database.writing() as session:
        contact = session.get(Contact, contact_id, with_for_update=True)
        if contact is None or contact.account_id != account_id:
            return None
        session.delete(contact)
        return ", ".join(filter(None, (contact.name, contact.email, contact.phone)))
