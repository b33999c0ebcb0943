"""What people send to the adoption of a policy."""

from typing import ClassVar

from domain.case.command import Command
from domain.policy.collection_policy import PolicySnapshot


class RequestPolicyAdoption(Command):
    """The open invoices on older versions of the policy are to go on by this one. `invoices`: how many there were when it was asked for."""

    journal_name: ClassVar[str] = "AdoptPolicy"

    policy: PolicySnapshot
    invoices: int
