"""What people send to the adoption of a policy."""

from typing import ClassVar

from domain.case.command import Command
from domain.policy.collection_policy import PolicySnapshot


class RequestPolicyAdoption(Command):
    """The open invoices on older versions of the policy are to go on by this one. `invoices`: how many there were when it was asked for.

    `puts_in_force`: the version was never in force, and is to be before anything follows it, in place of the version `replaces`; `adopts`
    is false where the open invoices are to stay with theirs.
    """

    journal_name: ClassVar[str] = "AdoptPolicy"

    policy: PolicySnapshot
    invoices: int
    puts_in_force: bool = False
    replaces: int | None = None
    adopts: bool = True
