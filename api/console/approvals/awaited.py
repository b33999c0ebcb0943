"""The approvals that wait for the reader: which they are, in whose place, and in which order and groups they are shown."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from adapters.identity.delegation_store import DelegationStore
from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from api.context import ApiContext
from api.presenters.phrases import Phrases
from domain.approval.delegation import Delegation
from domain.approval.summary import ApprovalSummary, choose_authority_over
from domain.identifiers import CaseKind
from domain.money import Money, sum_by_currency
from domain.roles import Actor, Role

MAX_APPROVALS = 500


class PossibleSigner(NamedTuple):
    """Who reads, in which roles they may decide, and the delegations by which people sign in each other's place today."""

    user: str
    roles: list[Role]
    delegations: list[Delegation]


class AwaitedQueue(NamedTuple):
    """`rows`: the nearest deadline first. `givers`: of each that the reader may decide only in somebody's place, in whose. `is_cut`: there
    are more open ones than were looked at."""

    rows: list[CaseRow]
    givers: Mapping[str, str]
    is_cut: bool

    def narrow(self, giver: str) -> "AwaitedQueue":
        """Only those that are decided in this person's place."""
        return self._replace(rows=[row for row in self.rows if self.givers.get(row.case_id) == giver]) if giver else self


class ApprovalGroup(NamedTuple):
    """What is asked for of one type, the nearest deadline first, what is asked of one account together; and all of it by currency."""

    matter: str
    approvals: list[tuple[CaseRow, ApprovalSummary]]
    amounts: tuple[Money, ...]


def load_possible_signer(context: ApiContext, actor: Actor) -> PossibleSigner:
    """A page loads them once, for all that it says of what they may decide."""
    roles = {actor.role, *context.identity.get_roles(actor.user)}
    return PossibleSigner(actor.user, sorted(roles), DelegationStore(context.database).list_active(context.today))


def list_awaited(context: ApiContext, signer: PossibleSigner) -> AwaitedQueue:
    """Those that the reader may decide now, in any of their roles or by one of the delegations that stand."""
    rows, following = list_cases(context.database, CaseFilter(kind=CaseKind.APPROVAL, open=True), MAX_APPROVALS, None)
    places = _find_places(signer, rows)
    return AwaitedQueue(
        [row for row in rows if row.case_id in places], {name: giver for name, giver in places.items() if giver}, following is not None
    )


def filter_decidable(signer: PossibleSigner, rows: Sequence[CaseRow]) -> list[CaseRow]:
    """Return those that the reader may decide now."""
    places = _find_places(signer, rows)
    return [row for row in rows if row.case_id in places]


def _find_places(signer: PossibleSigner, rows: Sequence[CaseRow]) -> dict[str, str]:
    """In whose place the reader may decide each, by its id; empty for the reader's own; what they may not decide is not among them."""
    actors = [Actor(user=signer.user, role=role) for role in signer.roles]
    found = ((row.case_id, _find_place(row.summary_of(ApprovalSummary), actors, signer.delegations)) for row in rows)
    return {case_id: place for case_id, place in found if place is not None}


def _find_place(summary: ApprovalSummary, actors: Sequence[Actor], delegations: Sequence[Delegation]) -> str | None:
    ways = (choose_authority_over(summary, actor, delegations) for actor in actors)
    places = [way.on_behalf_of or "" for way in ways if way]
    return min(places, default=None)


def group_by_matter(rows: Sequence[CaseRow], words: Phrases) -> list[ApprovalGroup]:
    """The group whose deadline is nearest first, and in it the account whose deadline is nearest."""
    groups: dict[str, dict[str, list[tuple[CaseRow, ApprovalSummary]]]] = {}
    for row in rows:
        summary = row.summary_of(ApprovalSummary)
        groups.setdefault(summary.matter or "", {}).setdefault(row.account_id, []).append((row, summary))
    return [_build_group(words.translate("matters", matter), list(accounts.values())) for matter, accounts in groups.items()]


def _build_group(matter: str, accounts: list[list[tuple[CaseRow, ApprovalSummary]]]) -> ApprovalGroup:
    approvals = [each for account in accounts for each in account]
    return ApprovalGroup(matter, approvals, sum_by_currency(money for _, summary in approvals for money in summary.stated_amounts))


def order_awaited(groups: list[ApprovalGroup]) -> list[CaseRow]:
    """All of them as the queue shows them, one after another."""
    return [row for group in groups for row, _ in group.approvals]
