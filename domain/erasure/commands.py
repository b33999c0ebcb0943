"""What people send to an erasure."""

from typing import ClassVar

from domain.case.command import Command


class EraseAccount(Command):
    """The personal details of an account are to go."""

    journal_name: ClassVar[str] = "EraseAccount"

    account_id: str
