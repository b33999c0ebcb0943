"""Accounts and their billing contacts, read and changed by an import in batches, without events.

A collector that a person assigned stays, whatever later files contain. An account without one in either is assigned by the rules.
"""

from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, select, update
from sqlmodel import Session, col

from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import hold_accounts
from adapters.database.engine import Database
from adapters.database.tables import Account, Contact
from adapters.imports.row_reader import CONTACT_FIELDS, ImportedAccount
from adapters.portfolio.assignments import (
    AssignmentContext,
    ChangeCause,
    CollectorChange,
    list_accounts_assigned_by_hand,
    record_changes,
    write_changes,
)
from adapters.portfolio.rule_store import load_usable_rules
from domain.portfolio.assignment_rules import AccountTraits, find_matching_rule
from domain.refusal import Refusal

BILLING_ROLE = "billing"
_ACCOUNT_COLUMNS = ("name", "country", "time_zone", "language", "segment", "collector", "prepaid")
_CONTACT_COLUMNS = ("name", "email", "phone")


class ContactClearing(NamedTuple):
    """What empty cells clear: the `fields` of a contact, but none that a row of the same import had a value for (account, field)."""

    fields: frozenset[str] = frozenset()
    stated: set[tuple[str, str]] | None = None


class AccountBatch:
    """The accounts of one batch of rows. Nothing is written before `write`."""

    def __init__(
        self,
        session: Session,
        database: Database,
        ids: set[str],
        context: AssignmentContext,
        held_by: str | None = None,
        clearing: ContactClearing = ContactClearing(),
    ) -> None:
        """`held_by`: the import that holds the accounts which are new for release; None: they are not held."""
        self._cleared_fields, self._stated = clearing.fields, set() if clearing.stated is None else clearing.stated
        self._session, self._database, self._context, self._held_by = session, database, context, held_by
        connection = session.connection()
        accounts = select(*(getattr(Account, name) for name in ("id", *_ACCOUNT_COLUMNS))).where(col(Account.id).in_(ids))
        contacts = select(*(getattr(Contact, name) for name in ("id", "account_id", *_CONTACT_COLUMNS)))
        billing = contacts.where(col(Contact.account_id).in_(ids), col(Contact.role) == BILLING_ROLE).order_by(col(Contact.id))
        self._accounts: dict[str, dict[str, Any]] = {row.id: dict(row._mapping) for row in connection.execute(accounts)} if ids else {}
        self._contacts: dict[str, list[dict[str, Any]]] = {}
        for row in connection.execute(billing) if ids else ():
            self._contacts.setdefault(row.account_id, []).append(dict(row._mapping))
        self._earlier_collectors = {account_id: account["collector"] for account_id, account in self._accounts.items()}
        self._assigned_by_hand = list_accounts_assigned_by_hand(session, ids) if ids else set()
        self._new_accounts: dict[str, dict[str, Any]] = {}
        self._new_contacts: dict[str, dict[str, Any]] = {}
        self._changed_accounts: dict[str, dict[str, Any]] = {}
        self._changed_contacts: dict[int, dict[str, Any]] = {}
        self._merged_contacts: list[int] = []

    def merge_account(self, details: ImportedAccount) -> tuple[str, ...]:
        """Apply the values of a row; what it leaves empty stays unchanged, but what it clears of a contact, which is returned in words."""
        values = {name: getattr(details, name) for name in _ACCOUNT_COLUMNS if getattr(details, name) not in ("", None)}
        if details.id in self._assigned_by_hand:
            values.pop("collector", None)
        account = self._accounts.get(details.id)
        if account is None:
            account = {
                "id": details.id,
                "number": "",
                "name": details.id,
                "segment": "standard",
                "collector": None,
                "prepaid": False,
                **values,
            }
            self._accounts[details.id] = self._new_accounts[details.id] = account
        elif any(account[name] != value for name, value in values.items()):
            account |= values
            if details.id not in self._new_accounts:
                self._changed_accounts[details.id] = account
        return self._merge_contact(details)

    def note_stated_contact(self, details: ImportedAccount) -> None:
        """A row that changes nothing still says what it says of the contact."""
        if self._cleared_fields:
            self._stated.update((details.id, name) for name in self._cleared_fields if getattr(details, name))

    def _merge_contact(self, details: ImportedAccount) -> tuple[str, ...]:
        self.note_stated_contact(details)
        given = {column: getattr(details, field) for field, column in CONTACT_FIELDS.items()}
        values = {name: value for name, value in given.items() if value}
        contacts = self._contacts.setdefault(details.id, [])
        cleared = [
            field
            for field in (CONTACT_FIELDS if contacts and self._cleared_fields else ())
            if field in self._cleared_fields
            and not getattr(details, field)
            and contacts[0][CONTACT_FIELDS[field]]
            and (details.id, field) not in self._stated
        ]
        warnings = tuple(_warn_of_clearing(field, contacts[0][CONTACT_FIELDS[field]]) for field in cleared)
        self._store_contact(details, values | {CONTACT_FIELDS[field]: "" for field in cleared}, contacts)
        return warnings

    def _store_contact(self, details: ImportedAccount, values: dict[str, str], contacts: list[dict[str, Any]]) -> None:
        if not contacts:
            if values:
                contact = {"account_id": details.id, "role": BILLING_ROLE, "name": "", "email": "", "phone": "", **values}
                self._new_contacts[details.id] = contact
                contacts.append(contact)
            return
        first = contacts[0]
        if all(first[name] == value for name, value in values.items()):
            return
        if "email" in values:
            for duplicate in [contact for contact in contacts[1:] if contact["email"] == values["email"]]:
                contacts.remove(duplicate)
                self._merged_contacts.append(duplicate["id"])
        moved = values.get("email", first["email"]) != first["email"]
        first |= values
        if details.id not in self._new_contacts:
            first["moved"] = moved or first.get("moved", False)
            self._changed_contacts[first["id"]] = first

    def write(self) -> None:
        """Write new and changed accounts and contacts, and record the changes of collectors."""
        connection = self._session.connection()
        assigned, version = self._assign_by_rule()
        self._write_collector_changes(ChangeCause.FILE, [account_id for account_id in self._changed_accounts if account_id not in assigned])
        self._write_collector_changes(
            ChangeCause.RULE, [account_id for account_id in assigned if account_id not in self._new_accounts], version
        )
        if self._new_accounts:
            connection.execute(self._database.build_insert_or_ignore(Account), list(self._new_accounts.values()))
            changes = [self._build_collector_change(account_id) for account_id in assigned if account_id in self._new_accounts]
            record_changes(self._session, changes, ChangeCause.RULE, self._context, version)
            if self._held_by is not None:
                holding = BrakeContext(self._held_by, self._context.by, self._context.at, self._context.now)
                hold_accounts(self._session, list(self._new_accounts), holding)
        if self._merged_contacts:
            connection.execute(delete(Contact).where(col(Contact.id).in_(self._merged_contacts)))
        if self._new_contacts:
            connection.execute(insert(Contact), list(self._new_contacts.values()))
        if self._changed_accounts:
            change = update(Account).where(col(Account.id) == bindparam("key"))
            rows = [
                {"key": row["id"], **{f"new_{name}": row[name] for name in _ACCOUNT_COLUMNS}} for row in self._changed_accounts.values()
            ]
            connection.execute(change.values({name: bindparam(f"new_{name}") for name in _ACCOUNT_COLUMNS}), rows)
        for moved in (False, True):
            contacts = [row for row in self._changed_contacts.values() if row["moved"] is moved]
            rows = [{"key": row["id"], **{f"new_{name}": row[name] for name in _CONTACT_COLUMNS}} for row in contacts]
            change = (
                update(Contact)
                .where(col(Contact.id) == bindparam("key"))
                .values({name: bindparam(f"new_{name}") for name in _CONTACT_COLUMNS})
            )
            if rows:
                connection.execute(change.values(undeliverable_since=None) if moved else change, rows)

    def count_held(self) -> int:
        """How many of them are held for release."""
        return len(self._new_accounts) if self._held_by is not None else 0

    def _assign_by_rule(self) -> tuple[list[str], int]:
        """Assign the accounts without a collector by the rules; return the ids of those assigned, and the version of the rules."""
        unassigned = [
            account for account in (*self._new_accounts.values(), *self._changed_accounts.values()) if account["collector"] is None
        ]
        if not unassigned:
            return [], 0
        rules, assigned = load_usable_rules(self._session), []
        for account in unassigned:
            rule = find_matching_rule(
                rules.rules, AccountTraits(name=account["name"], country=account["country"], segment=account["segment"])
            )
            if rule:
                account["collector"] = rule.collector
                assigned.append(account["id"])
        return assigned, rules.version

    def _write_collector_changes(self, cause: ChangeCause, ids: list[str], version: int | None = None) -> None:
        changes = [
            self._build_collector_change(account_id)
            for account_id in ids
            if self._accounts[account_id]["collector"] != self._earlier_collectors[account_id]
        ]
        if changes:
            write_changes(self._session, changes, cause, self._context, version)

    def _build_collector_change(self, account_id: str) -> CollectorChange:
        account = self._accounts[account_id]
        return CollectorChange(
            account_id=account_id,
            account_name=account["name"],
            from_collector=self._earlier_collectors.get(account_id),
            to_collector=account["collector"],
        )


def _warn_of_clearing(field: str, stored: str) -> Refusal:
    return Refusal(
        "row.cleared", "{contact_field}: is empty; what was stored, {stored}, was cleared", contact_field=field, stored=repr(stored)
    )
