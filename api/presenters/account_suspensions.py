"""Says of an account and of its invoices where its suspension stands: since when, by whom, and what ends it."""

from typing import Any

from adapters.read_model.suspensions import SuspensionStanding
from api.presenters.phrases import Phrases
from api.schemas.suspensions import SuspensionStateOut


def present_account_suspension(suspension: SuspensionStanding | None, words: Phrases) -> SuspensionStateOut | None:
    if suspension is None:
        return None
    return SuspensionStateOut(
        case_id=suspension.case_id,
        stage=suspension.standing,
        suspended=suspension.is_suspended,
        since=suspension.since,
        suspended_on=suspension.suspended_on,
        asked_by=list(suspension.asked_by),
        signed_off_by=suspension.signed_off_by,
        awaited_roles=list(suspension.awaited_roles),
        notice_ends=suspension.notice_ends,
        hand_over_on=suspension.hand_over_on,
        says=describe_suspension(suspension, words),
        ends=describe_suspension_end(suspension, words),
    )


def describe_suspension(suspension: SuspensionStanding, words: Phrases) -> str:
    return words.render_suspension(suspension.standing, _build_facts(suspension, words))


def describe_suspension_end(suspension: SuspensionStanding, words: Phrases) -> str:
    return words.render_suspension_end(suspension.standing, _build_facts(suspension, words))


def _build_facts(suspension: SuspensionStanding, words: Phrases) -> dict[str, Any]:
    return {
        "since": suspension.since,
        "suspended_on": suspension.suspended_on,
        "notice_ends": suspension.notice_ends,
        "hand_over_on": suspension.hand_over_on,
        "requesters": ", ".join(suspension.asked_by),
        "signed_by": suspension.signed_off_by,
        "awaited": " / ".join(words.translate("roles", role.value) for role in suspension.awaited_roles),
    }
