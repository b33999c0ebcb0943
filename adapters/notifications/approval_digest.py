"""A person's digest of approvals as a mail, and the sending of it. The wordings stand in `words/`."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from adapters.database.row_states import DigestState
from adapters.i18n.wording import fill_placeholders
from adapters.letters.letter_templates import RenderedMessage
from adapters.mail.message_builder import Envelope, Mailbox, build_message, derive_message_id
from adapters.mail.smtp_client import DeliveryOutcome, Mailer
from adapters.notifications.approval_lines import build_approval_lines
from adapters.notifications.digest_store import DigestStore, PersonalDigest
from adapters.notifications.staff_notices import NOTICE_WORDING, NoticeDeferredError, StaffNoticeWording
from adapters.set_aside.each import concerns_all
from adapters.set_aside.stages import SetAsideStage
from domain.approval.digest import DigestDay, DigestItem, DigestTally
from domain.clock import Clock
from domain.identifiers import digest_key

logger = logging.getLogger(__name__)

APPROVALS_PATH = "/approvals"
_STATES = {
    DeliveryOutcome.SENT: DigestState.SENT,
    DeliveryOutcome.REFUSED: DigestState.REFUSED,
    DeliveryOutcome.UNKNOWN: DigestState.UNKNOWN,
}


class _Entry(NamedTuple):
    """An approval in a digest: its headline, the facts of one that is new, and the address of its page."""

    headline: str
    lines: list[str]
    link: str


def render_digest(digest: PersonalDigest, reasons: dict[str, str], console: str, today: date) -> RenderedMessage:
    """Render a person's digest. `reasons`: the requester's, by approval; `console`: the URL of the console, without a slash at its end."""
    words = NOTICE_WORDING.load(digest.language)
    new = [item for item in digest.items if item.event]
    known = [item for item in digest.items if not item.event]
    count = {"count": str(len(digest.items)), "new": str(len(new)) if new else "", "on": words.shared.format_day(today)}
    subject, intro = (fill_placeholders(words.digest[name], count) for name in ("subject", "intro"))
    text, html = [intro, ""], f"<p>{escape(intro)}</p>"
    for title, items in (("new", new), ("waiting", known)):
        if items:
            entries = [_build_entry(words, item, reasons.get(item.approval.case_id, ""), console, today) for item in items]
            text += [words.digest[title].upper(), "", *(line for entry in entries for line in _list_text_lines(entry))]
            html += f"<h2>{escape(words.digest[title])}</h2>" + "".join(_build_html(words, entry) for entry in entries)
    page = console + APPROVALS_PATH
    text += [f"{words.links['approvals']}: {page}", ""]
    html += f'<p><a href="{escape(page)}">{escape(words.links["approvals"])}</a></p>'
    return RenderedMessage(subject=subject, text="\n".join(text), html=html)


def _build_entry(words: StaffNoticeWording, item: DigestItem, reason: str, console: str, today: date) -> _Entry:
    """An approval that is new states its facts; one that is known only what it is and by when."""
    approval, summary = item.approval, item.approval.summary
    amounts = ", ".join(words.shared.format_money(money.minor, money.currency) for money in summary.stated_amounts)
    facts = {
        "matter": words.shared.describe_matter(summary.matter or "", summary.reduction),
        "amounts": amounts,
        "customer": f"{approval.account_name} ({approval.account_id})" if approval.account_id else "",
        "requester": summary.requester,
        "due_on": words.shared.format_day(summary.due_on) if summary.due_on else "",
        "note": words.digest[item.event or "due"] if item.event or item.is_due else "",
    }
    headline = fill_placeholders(words.digest["item"], facts)
    lines = []
    if item.event:
        account, name = approval.account_id, approval.account_name
        lines = build_approval_lines(words.facts, words.shared, summary, account, name, reason, today)
    return _Entry(headline, lines, f"{console}{APPROVALS_PATH}/{quote(approval.case_id, safe='')}")


def _list_text_lines(entry: _Entry) -> Iterator[str]:
    yield entry.headline
    yield from (f"  {line}" for line in entry.lines)
    yield from (f"  {entry.link}", "")


def _build_html(words: StaffNoticeWording, entry: _Entry) -> str:
    stated = "".join(f"<li>{escape(line)}</li>" for line in entry.lines)
    link = f'<p><a href="{escape(entry.link)}">{escape(words.links["approval"])}</a></p>'
    return f"<p><strong>{escape(entry.headline)}</strong></p>" + (f"<ul>{stated}</ul>" if stated else "") + link


class DigestSender:
    """`console` is the address at which people reach the console; messages bear the `clock`'s date, as letters do."""

    def __init__(self, store: DigestStore, mailer: Mailer, sender: str, domain: str, console: str, clock: Clock) -> None:
        self._store, self._mailer, self._clock = store, mailer, clock
        self._sender, self._domain, self._console = sender, domain, console.rstrip("/")

    async def send_digests(self, day: DigestDay) -> DigestTally:
        """Send the day's digests that have not gone yet, each by itself: one that fails keeps back no other. The same digest again carries
        the same Message-ID. Raises NoticeDeferredError, once all were tried, when the mail server did not take some for now."""
        await asyncio.to_thread(self._store.begin_day, day)
        set_aside, stage, outcomes = self._store.set_aside, SetAsideStage.DIGEST, list[DeliveryOutcome]()
        failed = await asyncio.to_thread(self._store.find_unreadable_approvals)
        now, waiting = datetime.now(UTC), await asyncio.to_thread(set_aside.list_waiting, stage)
        resting = {user for user, item in waiting.items() if item.is_resting(now)}
        for digest in await asyncio.to_thread(self._store.list_intended, day):
            if digest.user in resting:
                continue
            try:
                outcome = await self._send_digest(digest, day.today)
            except Exception as error:
                if concerns_all(error):
                    raise
                logger.error("the digest of %s cannot be written, and is set aside: %s", digest.user, error)
                failed[digest.user] = error
                continue
            outcomes.append(outcome)
            if outcome is not DeliveryOutcome.DEFERRED:
                await asyncio.to_thread(self._store.save_outcome, digest, day.today, _STATES[outcome], datetime.now(UTC))
        await asyncio.to_thread(set_aside.set_all_aside, stage, {key: error for key, error in failed.items() if key not in resting})
        await asyncio.to_thread(set_aside.settle, stage, waiting.keys() - resting - failed.keys())
        if deferred := outcomes.count(DeliveryOutcome.DEFERRED):
            raise NoticeDeferredError(f"the mail server does not take {deferred} digests for now")
        sent = outcomes.count(DeliveryOutcome.SENT)
        return DigestTally(sent=sent, failed=len(outcomes) - sent)

    async def _send_digest(self, digest: PersonalDigest, today: date) -> DeliveryOutcome:
        try:
            content = await asyncio.to_thread(self._build_message, digest, today)
        except ValueError:
            logger.warning("the digest of %s cannot be addressed; correct the address: duecourse user add", digest.user)
            return DeliveryOutcome.REFUSED
        delivery = await self._mailer.send(content, self._sender, [digest.email])
        if delivery.outcome is not DeliveryOutcome.SENT:
            logger.warning("the digest of %s did not go: %s", digest.user, delivery.reply_text)
        return delivery.outcome

    def _build_message(self, digest: PersonalDigest, today: date) -> bytes:
        """Raises ValueError when the address cannot be written in a header."""
        reasons = {item.approval.case_id: self._store.find_reason(item.approval.summary) for item in digest.items if item.event}
        envelope = Envelope(
            sender=Mailbox(name="Duecourse", address=self._sender),
            recipients=(Mailbox(address=digest.email),),
            date=self._clock.to_business(datetime.now(UTC)),
            message_id=derive_message_id(digest_key(digest.user, today), self._domain),
            language=digest.language,
        )
        return build_message(envelope, render_digest(digest, reasons, self._console, today))
