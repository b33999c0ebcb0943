"""One approval as its page shows it: what is asked, the facts then and now, what each decision causes, and who decides."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from adapters.read_model.case_pages.case_details import AttachedFile, list_dispute_files
from adapters.read_model.cases import CaseRow
from adapters.read_model.journal import JournalLine, find_note_text, list_case_story
from api.console.acts.forms import load_act_forms
from api.console.acts.shown_form import ShownForm, show_form
from api.console.acts.subject import NO_SUBJECT
from api.console.acts.wording import Reader
from api.console.approvals.awaited import PossibleSigner, filter_decidable
from api.console.approvals.consequences import AskingCase, describe_consequences
from api.console.approvals.deciders import Deciders, list_deciders
from api.console.approvals.decision_form import DECISION_FORM, TYPED_FIELDS
from api.console.approvals.fact_changes import describe_changes
from api.console.approvals.facts_table import FactRow, build_facts_table
from api.console.policies.asked_change import find_asked_change
from api.context import ApiContext
from domain.approval.facts import DecisionFacts
from domain.approval.summary import ApprovalSummary
from domain.identifiers import CaseKind, find_case_kind, parse_case_id
from domain.journal.entry_kinds import EntryKind
from domain.roles import Actor

FIRST_VERSION = 1


class ComparedFacts(NamedTuple):
    """The facts as they were asked for and as they are. `changes`: the differences in words. `is_known`: how they were is known."""

    asked_on: date | None
    rows: list[FactRow]
    changes: list[str]
    is_known: bool


class RefusedDecision(NamedTuple):
    """A decision that was not taken. `typed`: what was sent with it; `faults` by the field that has them; `key`: the form's, where it is
    sent again as the same request. `is_changed`: because the facts have changed since they were read; `changes`: by what they differ now,
    none where they are again as they were; `is_pending`: the newest version does not say all of that yet."""

    typed: Mapping[str, Sequence[str]]
    faults: Iterable[tuple[str, str]] = ()
    key: str = ""
    is_changed: bool = False
    changes: Sequence[str] = ()
    is_pending: bool = False


class ApprovalWork(NamedTuple):
    """`asking`: the case that asks; `numbers`: those of the invoices by their ids. `decision`: the form by which
    the reader decides; None where they may not. `files`: of the disputes that it is about."""

    approval: CaseRow
    summary: ApprovalSummary
    asking: AskingCase
    numbers: dict[str, str]
    reason: str
    compared: ComparedFacts | None
    decision: ShownForm | None
    refused: RefusedDecision | None
    entries: list[tuple[JournalLine, str]]
    consequences: Mapping[str, list[str]]
    deciders: Deciders
    files: list[AttachedFile]


def show_work(
    context: ApiContext,
    actor: Actor,
    approval: CaseRow,
    signer: PossibleSigner,
    reader: Reader,
    refused: RefusedDecision | None = None,
) -> ApprovalWork:
    """`signer`: the same person as `actor`."""
    summary, story = approval.summary_of(ApprovalSummary), list_case_story(context.database, approval.case_id)
    facts, named = summary.facts, parse_case_id(approval.case_id)
    change = find_asked_change(context, summary)
    asking = AskingCase(named.subject if named else "", find_case_kind(named.subject) if named else None, change)
    deciders = list_deciders(context, actor, summary, story, signer.delegations, reader)
    may_decide = bool(filter_decidable(signer, [approval]))
    signed = sum(len(tier.signatures) for tier in deciders.tiers if tier.is_asked)
    return ApprovalWork(
        approval=approval,
        summary=summary,
        asking=asking,
        numbers={invoice.invoice_id: invoice.number for invoice in facts.invoices} if facts else {},
        reason=facts.reason or find_note_text(context.database, facts.note_id) or "" if facts else "",
        compared=_compare_facts(facts, summary, story, context.today, reader) if facts else None,
        decision=_show_decision(reader, approval, refused) if approval.outcome is None and may_decide else None,
        refused=refused,
        entries=[(line, reader.phrases.render_entry(line.kind, line.told_facts, line.currency)) for line in reversed(story)],
        consequences=describe_consequences(context, approval, summary, asking, signed, reader.phrases),
        deciders=deciders,
        files=list_dispute_files(context.database, _list_disputes(asking, facts)),
    )


def _list_disputes(asking: AskingCase, facts: DecisionFacts | None) -> list[str]:
    """The ids of the cases whose files speak for or against it: the case that asks, where it is a dispute, and the disputes among the
    facts."""
    among_facts = [dispute.case_id for dispute in facts.disputes] if facts else []
    return [*among_facts, *([asking.case_id] if asking.kind is CaseKind.DISPUTE else [])]


def _compare_facts(
    facts: DecisionFacts, summary: ApprovalSummary, story: Sequence[JournalLine], today: date, reader: Reader
) -> ComparedFacts:
    asked_on = next((line.business_at.date() for line in story if line.kind == EntryKind.APPROVAL_REQUESTED), summary.asked_on)
    asked = summary.restore_version(FIRST_VERSION)
    if asked is None:
        return ComparedFacts(asked_on, build_facts_table(facts, today, facts, today, reader.phrases), [], is_known=False)
    rows = build_facts_table(asked, asked_on or today, facts, today, reader.phrases)
    return ComparedFacts(asked_on, rows, describe_changes(asked, facts, reader.phrases), is_known=True)


def _show_decision(reader: Reader, approval: CaseRow, refused: RefusedDecision | None) -> ShownForm:
    """The form to decide it by, on the facts as this page shows them."""
    form, version = load_act_forms()[DECISION_FORM], approval.summary_of(ApprovalSummary).facts_version
    typed = {name: refused.typed[name] for name in TYPED_FIELDS if name in refused.typed} if refused else {}
    values: dict[str, Any] = {**typed, "facts_version": [str(version)]} if version else typed
    faults, key = (refused.faults, refused.key) if refused else ((), "")
    return show_form(DECISION_FORM, form, {"approval_id": approval.case_id}, NO_SUBJECT, reader, values, faults, key)
