"""What is not set up yet, so that it is seen before a letter shows it: the sender, the company, the mail server, the people."""

from enum import StrEnum
from typing import NamedTuple

from adapters.identity.users_and_tokens import KnownUser
from api.context import ApiContext
from domain.policy.approval_matrix import AUTHORITY_LEVELS
from domain.roles import Role

RESERVED_ENDINGS = (".example", ".test", ".invalid", ".localhost")
"""Domains that are nobody's (RFC 2606)."""

WITHOUT_PEOPLE = frozenset({Role.AUDITOR})
"""Roles that no case ever waits for."""


class GapKind(StrEnum):
    COMPANY = "company"
    SENDER = "sender"
    MAIL = "mail"
    ROLE = "role"
    ADDRESS = "address"


class SetupGap(NamedTuple):
    """`role`: the one that nobody has; `user`: the approver without an address."""

    kind: GapKind
    role: Role | None = None
    user: str = ""


def find_setup_gaps(context: ApiContext) -> list[SetupGap]:
    """The most pressing first."""
    users = [user for user in context.identity.list_users() if user.active]
    gaps = []
    if context.company.is_fictitious:
        gaps.append(SetupGap(GapKind.COMPANY))
    if context.letter_sender.endswith(RESERVED_ENDINGS):
        gaps.append(SetupGap(GapKind.SENDER))
    if context.inbox is not None:
        gaps.append(SetupGap(GapKind.MAIL))
    held = {role for user in users for role in user.roles}
    gaps += [SetupGap(GapKind.ROLE, role) for role in Role if role not in held | WITHOUT_PEOPLE]
    return gaps + [SetupGap(GapKind.ADDRESS, user=user.name) for user in users if _lacks_address(user)]


def _lacks_address(user: KnownUser) -> bool:
    """Whether they approve, and nobody can write to them."""
    return not user.email and any(role in AUTHORITY_LEVELS for role in user.roles)
