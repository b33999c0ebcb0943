"""What somebody has done today, by customer: what is over is not on the list of what waits."""

from collections.abc import Sequence
from typing import NamedTuple

from adapters.read_model.accounts import load_account_names
from adapters.read_model.journal import JournalLine, PersonalAct, list_acts_since, list_countable_acts
from adapters.read_model.worklist import WorklistScope
from api.console.account.conversation import UNSPOKEN, Talk, tell_lines
from api.console.acts.wording import Reader
from api.context import ApiContext
from domain.clock import start_of_day
from domain.journal.entry_kinds import EntryKind
from domain.roles import Actor
from domain.timeline.holds import HoldKind

UTC_ZONE = "UTC"
HOLD_KINDS = (EntryKind.HOLD_PLACED, EntryKind.HOLD_LIFTED)


class DoneAct(NamedTuple):
    """`time` as the reader writes it, in their zone."""

    talk: Talk
    time: str


class DoneAccount(NamedTuple):
    """One customer's, the latest first."""

    account_id: str
    name: str
    acts: list[DoneAct]


class DoneToday(NamedTuple):
    """Of how many `customers` something was done; `accounts` are told only where somebody wants to see them."""

    customers: int
    accounts: list[DoneAccount]


def load_done_today(context: ApiContext, scope: WorklistScope, reader: Reader, actor: Actor, *, is_told: bool) -> DoneToday:
    """`scope`: whose list of today it is, and so whose acts; `actor` reads it."""
    given = (context.database, scope.user, scope.people, start_of_day(context.today))
    if not is_told:
        return DoneToday(len({act.account_id for act in list_countable_acts(*given) if _is_act(act)}), [])
    lines = [line for line in list_acts_since(*given) if _is_act(line)]
    ids = list(dict.fromkeys(line.account_id for line in lines))
    return DoneToday(len(ids), _tell_accounts(context, ids, lines, reader, actor))


def _is_act(done: JournalLine | PersonalAct) -> bool:
    """Whether it is what somebody did, and no consequence of it: a promise holds its invoice by itself, a pause is an act."""
    if done.kind in HOLD_KINDS and done.facts.get("hold_kind") != HoldKind.PAUSE:
        return False
    return bool(done.account_id) and done.kind not in {*UNSPOKEN, EntryKind.ACT_REFUSED}


def _tell_accounts(
    context: ApiContext, ids: Sequence[str], lines: Sequence[JournalLine], reader: Reader, actor: Actor
) -> list[DoneAccount]:
    time_zone = context.identity.find_preferences(actor.user).time_zone or UTC_ZONE
    names = load_account_names(context.database, ids)
    return [
        DoneAccount(
            account_id,
            names.get(account_id, account_id),
            [
                DoneAct(talk, reader.format_local_time(talk.at, time_zone))
                for talk in tell_lines([line for line in lines if line.account_id == account_id], reader.phrases)
            ],
        )
        for account_id in ids
    ]
