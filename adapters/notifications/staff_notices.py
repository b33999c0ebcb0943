"""Notices to members of staff: what waits for them, or what became of what they asked for. Each is in the reader's own language, with links
to the console. The wordings stand in `words/`."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlmodel import col

from adapters.billing.external_key import parse_external_key, show_account
from adapters.database.engine import Database
from adapters.database.tables import Account, Case, Invoice, Note, User
from adapters.i18n.languages import DEFAULT_LANGUAGE, choose_language
from adapters.i18n.shared_wording import SHARED_WORDING, SharedWording
from adapters.i18n.wording import WordingCatalogue, fill_placeholders, translate_name
from adapters.letters.letter_templates import RenderedMessage
from adapters.mail.message_builder import Envelope, Mailbox, build_message, derive_message_id
from adapters.mail.smtp_client import DeliveryOutcome, Mailer
from adapters.notifications.approval_lines import build_approval_lines
from adapters.set_aside.stages import SetAsideReason
from adapters.shipped_files import PROJECT
from domain.approval.summary import ApprovalSummary
from domain.case.effects import NotifyPerson, NotifyRole
from domain.clock import Clock
from domain.identifiers import CaseKind, find_case_kind, parse_case_id
from domain.journal.entry import FactValue
from domain.money import NO_CURRENCY
from domain.roles import Role

_DATE_FACTS = frozenset({"due_on", "deadline", "until", "on"})
_WORD_GROUPS = {
    "matter": "matters",
    "reduction": "reductions",
    "result": "results",
    "decision_reason": "decision_reasons",
    "resolution": "resolutions",
    "because": "plan_reasons",
    "unreached_role": "roles",
}
_REASON_GROUPS = {
    "approval_ended": "lapses",
    "dispute_returned": "lapses",
    "credit_review_referred": "review_reasons",
    "credit_review_due": "review_reasons",
}
"""The group that translates the reason of a notice; that of any other notice is a dispute reason."""


class NoticeDeferredError(RuntimeError):
    """The mail server does not take the notice now; it may be sent again."""

    set_aside_reason = SetAsideReason.NOT_TAKEN


class NoticeWording(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    text: str


class StaffNoticeWording(BaseModel):
    """One language's notices, by their template, and what their links are called; `digest` says what a digest of approvals says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shared: SharedWording
    links: dict[str, str]
    facts: dict[str, str]
    digest: dict[str, str]
    notices: dict[str, NoticeWording]

    def translate(self, group: str, name: str) -> str:
        return translate_name(getattr(self.shared, group), name)


NOTICE_WORDING = WordingCatalogue(StaffNoticeWording, PROJECT / "adapters" / "notifications" / "words", parts={"shared": SHARED_WORDING})


class _Recipient(NamedTuple):
    name: str
    email: str
    language: str


class NoticeSender:
    """`console` is the address at which people reach the console; messages bear the `clock`'s date, as the letters beside them do."""

    def __init__(self, database: Database, mailer: Mailer, sender: str, domain: str, console: str, clock: Clock) -> None:
        self._database, self._mailer, self._clock = database, mailer, clock
        self._sender, self._domain, self._console = sender, domain, console.rstrip("/")

    async def send(self, notice: NotifyRole | NotifyPerson, key: str) -> list[str]:
        """Send a notice to everybody who holds the role, or to the person, if their addresses are known; return the names of those reached.
        The same `key` makes the same Message-ID. Raises NoticeDeferredError when the mail server takes it from none for now."""
        people = self._load_recipients(notice)
        approval = find_approval_letterhead(self._database, str(notice.details.get("case") or ""))
        names = find_shown_names(self._database, notice.details)
        outcomes = {}
        for person in people:
            content = self._build_message(notice, person, f"{key}:{person.name}", approval, names)
            delivery = await self._mailer.send(content, self._sender, [person.email])
            outcomes[person.name] = delivery.outcome
        if people and all(outcome is DeliveryOutcome.DEFERRED for outcome in outcomes.values()):
            raise NoticeDeferredError(f"the mail server takes no message to {len(people)} people for now")
        return [name for name, outcome in outcomes.items() if outcome is DeliveryOutcome.SENT]

    def _load_recipients(self, notice: NotifyRole | NotifyPerson) -> list[_Recipient]:
        reachable = select(User).where(col(User.active), col(User.email) != "").order_by(col(User.name))
        with self._database.reading() as session:
            users = session.scalars(reachable).all()
            if isinstance(notice, NotifyPerson):
                users = [user for user in users if user.name == notice.user]
            else:
                users = [user for user in users if Role(notice.role).value in user.roles]
            return [_Recipient(user.name, user.email, choose_language(user.language)) for user in users]

    def _build_message(
        self,
        notice: NotifyRole | NotifyPerson,
        person: _Recipient,
        key: str,
        approval: "ApprovalLetterhead | None",
        names: Mapping[str, str],
    ) -> bytes:
        rendered = render_notice(notice.template, notice.details, self._console, person.language, approval, names)
        envelope = Envelope(
            sender=Mailbox(name="Duecourse", address=self._sender),
            recipients=(Mailbox(address=person.email),),
            date=self._clock.to_business(datetime.now(UTC)),
            message_id=derive_message_id(key, self._domain),
            language=person.language,
        )
        return build_message(envelope, rendered)


class ApprovalLetterhead(NamedTuple):
    """What a notice about an approval says beside its own details: the facts that it binds, and the customer's name."""

    summary: ApprovalSummary
    account: str
    account_name: str
    reason: str

    def build_lines(self, words: StaffNoticeWording, today: date) -> list[str]:
        return build_approval_lines(words.facts, words.shared, self.summary, self.account, self.account_name, self.reason, today)


def find_approval_letterhead(database: Database, case_id: str) -> ApprovalLetterhead | None:
    """None for what is no approval, and for one that binds no facts."""
    if find_case_kind(case_id) is not CaseKind.APPROVAL:
        return None
    statement = select(col(Case.account_id), col(Account.name), col(Account.number), col(Case.summary)).outerjoin(
        Account, col(Account.id) == Case.account_id
    )
    with database.reading() as session:
        row = session.execute(statement.where(col(Case.case_id) == case_id)).first()
        summary = ApprovalSummary.model_validate(row.summary) if row else ApprovalSummary()
        if row is None or summary.facts is None:
            return None
        note = session.get(Note, summary.facts.note_id) if summary.facts.note_id else None
    return ApprovalLetterhead(
        summary, show_account(row.account_id, row.number), row.name or "", summary.facts.reason or (note.text if note else "")
    )


def find_shown_names(database: Database, details: Mapping[str, FactValue]) -> dict[str, str]:
    """Find the numbers by which people know the invoice and the account that a notice is about, where they are of a connected system."""
    invoice_id, account_id = str(details.get("invoice") or ""), str(details.get("account") or _parse_plan_account(details.get("plan")))
    names: dict[str, str] = {}
    with database.reading() as session:
        if parse_external_key(invoice_id) and (invoice := session.get(Invoice, invoice_id)):
            names["invoice"] = invoice.number
        if parse_external_key(account_id):
            account = session.get(Account, account_id)
            names["account"] = show_account(account_id, account.number if account else "")
    return names


def render_notice(
    template: str,
    details: Mapping[str, FactValue],
    console: str,
    language: str = DEFAULT_LANGUAGE,
    approval: ApprovalLetterhead | None = None,
    names: Mapping[str, str] | None = None,
) -> RenderedMessage:
    """Render a notice. Amounts among the details are minor units of their `currency`, days ISO dates. Raises KeyError without a wording.

    `approval`: the approval that it is about; days overdue are counted to the day on which it was told (`on`). `names`: by which people
    know its invoice and account, where those are not the ids.
    """
    words = NOTICE_WORDING.load(language)
    wording = words.notices[template]
    known: dict[str, FactValue] = {**details, "account": details.get("account") or _parse_plan_account(details.get("plan"))}
    facts = {name: _format_fact(words, template, name, value, details.get("currency")) for name, value in known.items()}
    facts |= names or {}
    if facts.get("reduction"):
        facts["matter"] = facts["reduction"]
    subject, text = (_capitalise(fill_placeholders(sentence, facts)) for sentence in (wording.subject, wording.text))
    links = [(words.links[what], console + path) for what, path in _build_links(known).items()]
    told_on = date.fromisoformat(str(details["on"])) if details.get("on") else date.min
    lines = approval.build_lines(words, told_on) if approval else []
    stated = "".join(f"<li>{escape(line)}</li>" for line in lines)
    html = f"<p>{escape(text)}</p>" + (f"<ul>{stated}</ul>" if lines else "")
    html += "".join(f'<p><a href="{escape(link)}">{escape(label)}</a></p>' for label, link in links)
    body = [text, "", *lines, *([""] if lines else []), *(f"{label}: {link}" for label, link in links), ""]
    return RenderedMessage(subject=subject, text="\n".join(body), html=html)


def _format_fact(words: StaffNoticeWording, template: str, name: str, value: FactValue, currency: FactValue) -> str:
    if value is None or value == "":
        return ""
    if name == "amount" and isinstance(value, int):
        return words.shared.format_money(value, currency) if isinstance(currency, str) and currency not in ("", NO_CURRENCY) else ""
    if name in _DATE_FACTS:
        return words.shared.format_day(date.fromisoformat(str(value)))
    if name == "reason":
        return words.translate(_REASON_GROUPS.get(template, "dispute_reasons"), str(value))
    return words.translate(_WORD_GROUPS[name], str(value)) if name in _WORD_GROUPS else str(value)


def _parse_plan_account(plan: FactValue) -> str:
    case_id = parse_case_id(str(plan or ""))
    return case_id.subject if case_id else ""


def _build_links(details: Mapping[str, FactValue]) -> dict[str, str]:
    """Build the path of each link: an approval that waits for a decision, an invoice and an account have a page each."""
    links: dict[str, str] = {}
    case_id = str(details.get("case") or "")
    if find_case_kind(case_id) is CaseKind.APPROVAL and not details.get("result"):
        links |= {"approval": f"/approvals/{quote(case_id, safe='')}", "approvals": "/approvals"}
    if details.get("unreached_role") or details.get("unreached_person"):
        links["roles"] = "/roles"
    if details.get("connection"):
        links["connection"] = f"/connections/{quote(str(details['connection']), safe='')}"
    if invoice := details.get("invoice"):
        links["invoice"] = f"/invoices/{quote(str(invoice), safe='')}"
    elif account := details.get("account"):
        links["account"] = f"/accounts/{quote(str(account), safe='')}"
    return links


def _capitalise(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
