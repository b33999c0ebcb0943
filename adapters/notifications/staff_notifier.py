"""Tells staff what cases have to tell: at once, by the day's digest, or, where nobody of the role has an address, once somebody has."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import date

from adapters.notifications.digest_store import DigestStore
from adapters.notifications.staff_notices import NoticeSender
from adapters.notifications.waiting_notices import WaitingNotice, WaitingNoticeStore
from domain.approval.digest import find_digest_event
from domain.case.effects import NotifyPerson, NotifyRole
from domain.roles import Role

logger = logging.getLogger(__name__)

UNREACHED_TEMPLATE = "role_unreached"
"""The notice by which administrators hear that something waits for a role in which nobody can be told."""


class StaffNotifier:
    """`today` is a business date; the same `key` tells the same thing, however often it is asked for."""

    def __init__(self, notices: NoticeSender, digests: DigestStore, waiting: WaitingNoticeStore) -> None:
        self._notices, self._digests, self._waiting = notices, digests, waiting

    async def tell_staff(self, notice: NotifyRole | NotifyPerson, key: str, case_id: str, today: date) -> list[str]:
        """Return the names of those to whom it went, or for whom the day's digest will tell it. Where nobody with an address has the role,
        it waits, and administrators are told of the first that waits for it. Raises NoticeDeferredError."""
        can_be_told = await asyncio.to_thread(self._waiting.can_be_told, notice, today)
        names = await self._send(notice, key, today)
        if isinstance(notice, NotifyRole) and not names and not can_be_told:
            is_first = await asyncio.to_thread(self._waiting.keep_notice, notice, key, case_id, today)
            if is_first and notice.role is not Role.ADMIN:
                logger.warning("nobody with an address is %s: a notice of %s is the first that waits", notice.role.value, case_id)
                unreached = NotifyRole(role=Role.ADMIN, template=UNREACHED_TEMPLATE, details={"unreached_role": notice.role.value})
                await self._notices.send(unreached, f"{UNREACHED_TEMPLATE}:{key}")
        return names

    async def list_due(self, today: date) -> list[WaitingNotice]:
        """List what waited and can be told now."""
        return await asyncio.to_thread(self._waiting.list_due, today)

    async def tell_waiting_notice(self, waiting: WaitingNotice, today: date) -> list[str]:
        """Tell what waited; return the names of those to whom it went. Raises NoticeDeferredError."""
        return await self._send(waiting.notice, waiting.key, today)

    async def mark_told(self, waiting: WaitingNotice, told: Sequence[str], today: date) -> None:
        await asyncio.to_thread(self._waiting.mark_told, waiting.key, told, today)

    async def _send(self, notice: NotifyRole | NotifyPerson, key: str, today: date) -> list[str]:
        if event := find_digest_event(notice):
            return await asyncio.to_thread(self._digests.add_notices, notice, event, key, today)
        return await self._notices.send(notice, key)
