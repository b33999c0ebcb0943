"""Tells staff what cases have to tell: at once, by the day's digest, or, where nobody to be told has an address, once somebody has."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import Field, TypeAdapter

from adapters.notifications.digest_store import DigestStore
from adapters.notifications.staff_notices import NoticeDeferredError, NoticeSender
from adapters.notifications.waiting_notices import WaitingNotice, WaitingNoticeStore
from adapters.set_aside.each import concerns_all
from adapters.set_aside.set_aside_store import Failure, SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from domain.approval.digest import find_digest_event
from domain.case.effects import NotifyPerson, NotifyRole
from domain.roles import Role

logger = logging.getLogger(__name__)

MOST_DEFERRALS = 10
"""About three quarters of an hour, as a case's notice is tried again: after that it is not the server's passing trouble."""

_NOTICES: TypeAdapter[NotifyRole | NotifyPerson] = TypeAdapter(Annotated[NotifyRole | NotifyPerson, Field(discriminator="effect")])

UNREACHED_TEMPLATE, UNREACHED_PERSON_TEMPLATE = "role_unreached", "person_unreached"
"""The notices by which administrators hear that something waits for a role in which nobody can be told, or for somebody who cannot be."""


class StaffNotifier:
    """`today` is a business date; the same `key` tells the same thing, however often it is asked for."""

    def __init__(self, notices: NoticeSender, digests: DigestStore, waiting: WaitingNoticeStore, set_aside: SetAsideStore) -> None:
        self._notices, self._digests, self._waiting, self._set_aside = notices, digests, waiting, set_aside

    async def tell_or_set_aside(
        self, notice: NotifyRole | NotifyPerson, key: str, case_id: str, today: date, attempt: int = 1
    ) -> list[str]:
        """As `tell_staff`; a notice that cannot be told is set aside, and told when that is mended. So is one that the mail server has not
        taken for long. Raises NoticeDeferredError before."""
        try:
            names = await self.tell_staff(notice, key, case_id, today)
        except Exception as error:
            if concerns_all(error) or (isinstance(error, NoticeDeferredError) and attempt < MOST_DEFERRALS):
                raise
            logger.error("a notice of %s cannot be told, and is set aside: %s", case_id, error)
            payload = {"notice": notice.model_dump(mode="json"), "case_id": case_id}
            failure = Failure(error, await asyncio.to_thread(self._waiting.find_account, case_id), payload)
            await asyncio.to_thread(self._set_aside.set_aside, SetAsideStage.NOTICE, key, failure)
            return []
        return names

    async def retry_set_aside(self, today: date) -> list[tuple[WaitingNotice, list[str]]]:
        """Tell the notices that were set aside and are to be tried now; return those to roles that went, with whom they went to."""
        now, told = datetime.now(UTC), list[tuple[WaitingNotice, list[str]]]()
        for key, item in (await asyncio.to_thread(self._set_aside.list_waiting, SetAsideStage.NOTICE)).items():
            if item.payload is None or item.is_resting(now):
                continue
            notice, case_id = _NOTICES.validate_python(item.payload["notice"]), item.payload["case_id"]
            names = await self.tell_or_set_aside(notice, key, case_id, today, MOST_DEFERRALS)
            after = (await asyncio.to_thread(self._set_aside.list_waiting, SetAsideStage.NOTICE)).get(key)
            if after is not None and after.attempts > item.attempts:
                continue
            await asyncio.to_thread(self._set_aside.settle, SetAsideStage.NOTICE, {key})
            if names and isinstance(notice, NotifyRole):
                told.append((WaitingNotice(key, case_id, notice), names))
        return told

    async def tell_staff(self, notice: NotifyRole | NotifyPerson, key: str, case_id: str, today: date) -> list[str]:
        """Return the names of those to whom it went, or for whom the day's digest will tell it. Where nobody with an address has the role,
        or the person has none, it waits, and administrators are told of the first that waits for them. Raises NoticeDeferredError."""
        can_be_told = await asyncio.to_thread(self._waiting.can_be_told, notice, today)
        names = await self._send(notice, key, today)
        if not names and not can_be_told and await asyncio.to_thread(self._waiting.keep_notice, notice, key, case_id, today):
            await self._tell_administrators(notice, key, case_id)
        return names

    async def _tell_administrators(self, notice: NotifyRole | NotifyPerson, key: str, case_id: str) -> None:
        """Tell of the first notice that waits for a role or a person; of their own role, administrators cannot be told."""
        if isinstance(notice, NotifyPerson):
            logger.warning("%s has no address: a notice of %s is the first that waits", notice.user, case_id)
            template, details = UNREACHED_PERSON_TEMPLATE, {"unreached_person": notice.user}
        elif notice.role is not Role.ADMIN:
            logger.warning("nobody with an address is %s: a notice of %s is the first that waits", notice.role.value, case_id)
            template, details = UNREACHED_TEMPLATE, {"unreached_role": notice.role.value}
        else:
            return
        await self._notices.send(NotifyRole(role=Role.ADMIN, template=template, details=dict(details)), f"{template}:{key}")

    async def list_due(self, today: date) -> list[WaitingNotice]:
        """List what waited and can be told now."""
        due = await asyncio.to_thread(self._waiting.list_due, today)
        now, waiting = datetime.now(UTC), await asyncio.to_thread(self._set_aside.list_waiting, SetAsideStage.NOTICE)
        kept = await asyncio.to_thread(self._waiting.list_waiting_keys)
        over = {key for key, item in waiting.items() if item.payload is None and key not in kept}
        await asyncio.to_thread(self._set_aside.settle, SetAsideStage.NOTICE, over)
        return [each for each in due if each.key not in waiting or not waiting[each.key].is_resting(now)]

    async def set_waiting_aside(self, waiting: WaitingNotice, error: Exception) -> None:
        """What waited, and fails for a reason of its own, goes on waiting."""
        failure = Failure(error, await asyncio.to_thread(self._waiting.find_account, waiting.case_id))
        await asyncio.to_thread(self._set_aside.set_aside, SetAsideStage.NOTICE, waiting.key, failure)

    async def tell_waiting_notice(self, waiting: WaitingNotice, today: date) -> list[str]:
        """Tell what waited; return the names of those to whom it went. Raises NoticeDeferredError."""
        return await self._send(waiting.notice, waiting.key, today)

    async def mark_told(self, waiting: WaitingNotice, told: Sequence[str], today: date) -> None:
        await asyncio.to_thread(self._waiting.mark_told, waiting.key, told, today)
        await asyncio.to_thread(self._set_aside.settle, SetAsideStage.NOTICE, {waiting.key})

    async def _send(self, notice: NotifyRole | NotifyPerson, key: str, today: date) -> list[str]:
        if event := find_digest_event(notice):
            return await asyncio.to_thread(self._digests.add_notices, notice, event, key, today)
        return await self._notices.send(notice, key)
