"""What people send to an erasure."""

from domain.case.command import Act


class EraseAccount(Act):
    """The personal details of an account are to go."""

    account_id: str
