"""Renders journal entries as sentences in four languages. The sentences stand in `console/phrases/`; the words that they share
with the notices to staff in `adapters/i18n/words/`."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from adapters.i18n.shared_wording import SHARED_WORDING, SharedWording
from adapters.i18n.wording import WordingCatalogue, fill_placeholders, translate_name
from adapters.shipped_files import PROJECT
from api.presenters.refusals import REFUSAL_WORDING, RefusalWording, tell_fault, tell_sentence
from domain.identifiers import CaseKind, find_case_kind
from domain.journal.entry_kinds import EntryKind
from domain.money import NO_CURRENCY

NON_DAY_FACTS = frozenset({("approval.granted", "by"), ("credit.applied", "by"), ("credit.taken_back", "by")})
"""Facts that are called like a day, and are people."""

LETTER_KINDS = frozenset(
    {
        EntryKind.LETTER_REQUESTED,
        EntryKind.LETTER_SENT,
        EntryKind.LETTER_REFUSED,
        EntryKind.LETTER_UNKNOWN,
        EntryKind.LETTER_DROPPED,
        EntryKind.LETTER_WITHDRAWN,
    }
)
"""Entries about a letter. An invoice's name it by its step, those of other cases by the letter itself."""

CALL_OUTCOME_KINDS = frozenset({EntryKind.CALL_LOGGED, EntryKind.LETTER_SKIPPED, EntryKind.ESCALATION_ANSWERED})
"""Entries whose outcome is that of a call, or what becomes of one."""

UNTOLD_ESCALATION = "escalation.untold"
"""How an escalation is said of which nobody could be told."""

IMPORT_REFERENCE = "import"
"""The reference of a booking that an imported file asked for."""

MADE_REFERENCES = frozenset({"payment", "credit_note", "write_off", "sample"})
"""What the ids begin with that Duecourse gives to bookings without a reference of their own, beside those of `Phrases.references`."""

REASON_GROUPS = {
    "letter.dropped": ("reasons",),
    "letter.withdrawn": ("reasons",),
    "hold.placed": ("dispute_reasons", "hold_reasons"),
    "held": ("dispute_reasons", "hold_reasons"),
    "dropped": ("reasons",),
    "withdrawn": ("reasons",),
    "unknown": ("reasons",),
    "dispute.raised": ("dispute_reasons",),
    "dispute.returned": ("lapses",),
    "approval.lapsed": ("lapses",),
    "approval.rejected": ("decision_reasons",),
    "approval.returned": ("decision_reasons",),
    "plan.returned": ("lapses",),
    "plan.rejected": ("lapses",),
    "plan.lapsed": ("plan_reasons",),
    "plan.cancelled": ("plan_reasons",),
    "suspension.warning_undelivered": ("reasons",),
    "suspension.approval_answered": ("lapses",),
    "write_off.approval_answered": ("lapses",),
    "credit_request.ended": ("lapses",),
    "credit_review.referred": ("review_reasons",),
    "credit_review.stopped": ("review_reasons",),
}
"""The kinds of entry whose reason may be a word of ours, and the groups that translate it; any other is what a person wrote."""

MONEY_FACTS = frozenset({"amount", "open_balance", "received", "total", "interest", "debt", "limit", "of", "received_of"})
DAY_FACTS = frozenset(
    {
        "due_date",
        "by",
        "until",
        "letter_at",
        "since",
        "suspended_on",
        "on",
        "due_on",
        "again_on",
        "deadline",
        "missed",
        "first_on",
        "last_on",
        "grace_until",
        "delivered_on",
        "notice_ends",
        "hand_over_on",
        "next_review_on",
    }
)
FACT_GROUPS = {
    "hold_kind": "holds",
    "role": "roles",
    "status": "stages",
    "stage": "stages",
    "waiting": "holds",
    "to": "roles",
    "department": "roles",
    "matter": "matters",
    "dispute_reason": "dispute_reasons",
    "resolution": "resolutions",
    "result": "results",
    "fate": "letters",
    "asked_by": "sides",
    "ability": "verdicts",
    "willingness": "verdicts",
    "course": "verdicts",
    "decision": "decisions",
    "reduction": "reductions",
    "purpose": "purposes",
    "named_as": "namings",
    "set_aside_stage": "set_aside_stages",
    "set_aside_reason": "set_aside_reasons",
}
"""Facts that are words of ours, and the group of phrases that translates them."""


class Phrases(BaseModel):
    """One language's words. `reasons` are the drop reasons, `why` says why a case's next step comes when it does, `why_on`
    why something was sent on a past day, or nothing was. `due_days` say when something was, seen from the due date; `sources` say by
    what a dispute became known where that is no person; `references` what a booking refers to whose reference is an id of Duecourse's own.

    `case_stages` and `endings` are named by the kind of case and the stage, such as `payment_plan.offered`: what is called alike in two
    kinds of case is not the same word. `disputes` say of an invoice what is contested, by the dispute's stage; `taken` what a step that was
    taken did; `suspensions` where an account's suspension stands, `suspension_ends` what ends it.
    `approvals` label the pages about approvals, `fact_changes` say by what their facts differ from earlier ones, `approval_effects` what a
    decision causes, `credit` the part about unapplied credit, `set_aside` the page of what is set aside; `set_aside_stages` say what is set
    aside at each stage, `set_aside_reasons` why.
    `today` labels the page of what a person does today, `accounts` the list of accounts; `work_kinds` name the kinds of work in its queue.
    `lists` says what all lists have; `list_titles` name them, `list_empty` explain one in which nothing is yet, `list_columns` and
    `list_filters` label what it has.
    `live` says what does not work just now, `shortcuts` label the page of the keys, `search` the header's field and what it finds.

    `refusals` say why something cannot be had.

    `frame` labels what stands around every page of the console, `parts` what several pages have; `portfolio`, `overview`, `team`,
    `account_page`, `invoice_page`, `preview`, `letter_page`, `policies_page`, `mails`, `roles_page`, `sign_in`, `settings_page` and
    `problem_page` one page or two each;
    `talk` the conversation on an account's page, `imports` the pages of an import, `import_fields` what can be read from a file,
    `import_verdicts` what becomes of its rows, `import_states` of all of it. `auditing` labels an auditor's pages; `audited_tables` name
    the kinds of rows that are verified, `entry_verdicts` how an entry differs from its history, `viewed_pages` what somebody looked at.
    `problems` say by its type what is wrong,
    `problem_advice` what to do about it. `contact_roles` say what a customer's contact is there for, `promise_outcomes` what became of a
    promise; `task_states` and `task_outcomes` what became of a task. `user_pages` label the pages of users and tokens, `identity_events`
    say what became of them. `letters_page` labels the page of what goes in the next
    slots, `gone_work` the page of what was begun and is not known any more.
    `write_page` labels the page on which a person writes to a customer, `picture` what stands in the picture of an invoice's course,
    `plan_page` the page on which a payment plan is built, `case_page` that of a case of any kind, `proofs` if an entry is what was
    written, `mentions_page` where somebody was named, `targets` what is to be collected. `connections_page` labels the pages of connections
    to billing systems; `connection_kinds` name these, `connection_fields` what describes one, `connection_standings` how one stands,
    `connection_runs` what is done with one, `connection_steps` the steps of its test, `connection_events` what became of it;
    `difference_kinds` say what a comparison found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shared: SharedWording
    refusals: RefusalWording
    entries: dict[str, str]
    steps: dict[str, str]
    templates: dict[str, str]
    stages: dict[str, str]
    case_kinds: dict[str, str]
    case_stages: dict[str, str]
    endings: dict[str, str]
    disputes: dict[str, str]
    pending_reductions: dict[str, str]
    taken: dict[str, str]
    suspensions: dict[str, str]
    suspension_ends: dict[str, str]
    waiting: dict[str, str]
    next_steps: dict[str, str]
    holds: dict[str, str]
    hold_reasons: dict[str, str]
    reasons: dict[str, str]
    calls: dict[str, str]
    tasks: dict[str, str]
    letters: dict[str, str]
    sides: dict[str, str]
    verdicts: dict[str, str]
    decisions: dict[str, str]
    purposes: dict[str, str]
    due_days: dict[str, str]
    sources: dict[str, str]
    references: dict[str, str]
    namings: dict[str, str]
    why: dict[str, str]
    why_on: dict[str, str]
    worklist: dict[str, str]
    frame: dict[str, str]
    parts: dict[str, str]
    portfolio: dict[str, str]
    overview: dict[str, str]
    team: dict[str, str]
    account_page: dict[str, str]
    promise_outcomes: dict[str, str]
    contact_roles: dict[str, str]
    talk: dict[str, str]
    invoice_page: dict[str, str]
    task_states: dict[str, str]
    task_outcomes: dict[str, str]
    preview: dict[str, str]
    letters_page: dict[str, str]
    gone_work: dict[str, str]
    imports: dict[str, str]
    import_fields: dict[str, str]
    import_verdicts: dict[str, str]
    import_states: dict[str, str]
    case_page: dict[str, str]
    proofs: dict[str, str]
    mentions_page: dict[str, str]
    targets: dict[str, str]
    write_page: dict[str, str]
    picture: dict[str, str]
    plan_page: dict[str, str]
    letter_page: dict[str, str]
    policies_page: dict[str, str]
    mails: dict[str, str]
    auditing: dict[str, str]
    audited_tables: dict[str, str]
    entry_verdicts: dict[str, str]
    viewed_pages: dict[str, str]
    roles_page: dict[str, str]
    sign_in: dict[str, str]
    settings_page: dict[str, str]
    user_pages: dict[str, str]
    identity_events: dict[str, str]
    problem_page: dict[str, str]
    problems: dict[str, str]
    problem_advice: dict[str, str]
    approvals: dict[str, str]
    fact_changes: dict[str, str]
    approval_effects: dict[str, str]
    credit: dict[str, str]
    set_aside: dict[str, str]
    set_aside_stages: dict[str, str]
    set_aside_reasons: dict[str, str]
    today: dict[str, str]
    accounts: dict[str, str]
    lists: dict[str, str]
    list_titles: dict[str, str]
    list_empty: dict[str, str]
    list_columns: dict[str, str]
    list_filters: dict[str, str]
    work_kinds: dict[str, str]
    live: dict[str, str]
    shortcuts: dict[str, str]
    connections_page: dict[str, str]
    connection_kinds: dict[str, str]
    connection_standings: dict[str, str]
    connection_events: dict[str, str]
    connection_runs: dict[str, str]
    connection_steps: dict[str, str]
    connection_fields: dict[str, str]
    difference_kinds: dict[str, str]
    search: dict[str, str]

    @property
    def language(self) -> str:
        """ISO 639-1, such as `de`."""
        return self.shared.locale.partition("_")[0]

    def render_entry(self, kind: str, facts: Mapping[str, Any], currency: str | None) -> str:
        """Return the sentence for a journal entry. Amounts among the facts are minor units of the entry's own currency, else of `currency`;
        an amount in no currency is left out."""
        own = facts.get("currency")
        if kind == EntryKind.ESCALATION_TOLD and not facts.get("told"):
            kind = UNTOLD_ESCALATION
        if kind in LETTER_KINDS and not facts.get("step"):
            facts = {**facts, "step": facts.get("letter")}
        return fill_placeholders(
            self.entries.get(kind, kind), self._localise_facts(kind, facts, own if isinstance(own, str) and own else currency)
        )

    def render_next_step_reason(self, reason: str, facts: Mapping[str, Any], currency: str | None = None) -> str:
        return fill_placeholders(self.why[reason], self._localise_facts(reason, facts, currency))

    def render_explanation(self, sentence: str, facts: Mapping[str, Any], currency: str | None = None) -> str:
        """Why something was sent on a day, or nothing was."""
        return fill_placeholders(self.why_on[sentence], self._localise_facts(sentence, facts, currency))

    def render_worklist_reason(self, reason: str, facts: Mapping[str, Any], currency: str | None = None) -> str:
        """Why a thing stands where it does on the worklist."""
        return fill_placeholders(self.worklist[reason], self._localise_facts(reason, facts, currency))

    def render_dispute(self, stage: str, facts: Mapping[str, Any], currency: str) -> str:
        """What is in dispute, who must answer by when, or what the answer waits for; `stage` is the dispute's."""
        return fill_placeholders(self.disputes[stage], self._localise_facts("dispute.opened", facts, currency))

    def render_reduction(self, stage: str, facts: Mapping[str, Any], currency: str) -> str:
        """What somebody asked for by hand to reduce an invoice, and where it stands; `stage` is the request's."""
        return fill_placeholders(self.pending_reductions[stage], self._localise_facts("credit_request.asked", facts, currency))

    def render_suspension(self, standing: str, facts: Mapping[str, Any]) -> str:
        """Where an account's suspension stands: since when, by whom."""
        return fill_placeholders(self.suspensions[standing], self._localise_facts("suspension", facts, None))

    def render_suspension_end(self, standing: str, facts: Mapping[str, Any]) -> str:
        """What ends an account's suspension, or what may yet prevent it."""
        ends = self.suspension_ends.get(standing) or self.suspension_ends["asked"]
        return fill_placeholders(ends, self._localise_facts("suspension", facts, None))

    def step_label(self, name: str) -> str:
        """Return the label of a policy's step, of a case's letter, or of a case's next action."""
        return self.steps.get(name) or self.templates.get(name) or self.translate("next_steps", name)

    def stage_label(self, name: str) -> str:
        """An invoice's stage is `new`, a status or the name of the last step."""
        return self.stages.get(name) or self.step_label(name)

    def case_stage_label(self, kind: str, stage: str) -> str:
        """Return the label of the stage of a case of any kind, as in `CaseView`."""
        return self.stage_label(stage) if kind == CaseKind.INVOICE else self.case_stages.get(f"{kind}.{stage}") or stage.replace("_", " ")

    def outcome_label(self, kind: str, outcome: str) -> str:
        """Return the label of `CaseView.outcome`, for a case of any kind."""
        match kind:
            case CaseKind.INVOICE:
                return self.stage_label(outcome)
            case CaseKind.DISPUTE:
                return self.translate("resolutions", outcome)
            case CaseKind.APPROVAL:
                return self.translate("results", outcome)
        return self.endings.get(f"{kind}.{outcome}") or outcome.replace("_", " ")

    def describe_due_days(self, days_past_due: int) -> str:
        """Return how long before or after the due date something was; the days are negative before it."""
        place = "before" if days_past_due < 0 else "after" if days_past_due else "due"
        return fill_placeholders(self.due_days[place], {"days": str(abs(days_past_due))})

    def describe_reference(self, reference: str) -> str:
        """Return what a booking refers to: the reference that people gave it, or what an id of Duecourse's own stands for, if anything."""
        maker, made, _ = reference.partition(":")
        if maker in self.references and (made or maker == IMPORT_REFERENCE):
            return self.references[maker]
        return "" if made and maker in MADE_REFERENCES else reference

    def describe_waiting_case(self, case_id: str, account_name: str) -> str:
        """Return what kind of case it is, and whose."""
        kind = find_case_kind(case_id)
        label = self.translate("case_kinds", kind.value) if kind else case_id
        return f"{label} ({account_name})" if account_name else label

    def waiting_label(self, name: str) -> str:
        """Return the label of a role, or of what a case waits for."""
        return self.waiting.get(name) or self.shared.roles.get(name) or self.translate("holds", name)

    def translate(self, group: str, name: str) -> str:
        """Return the word for a name in the code, from a group of this wording or of the shared one."""
        return translate_name(self._find_group(group), name)

    def _find_group(self, name: str) -> dict[str, str]:
        group: dict[str, str] = getattr(self if name in Phrases.model_fields else self.shared, name)
        return group

    def _localise_facts(self, kind: str, facts: Mapping[str, Any], currency: str | None) -> dict[str, str]:
        return {name: self._localise_fact(kind, name, value, currency) for name, value in facts.items()}

    def _localise_fact(self, kind: str, name: str, value: Any, currency: str | None) -> str:
        if value is None or value == "":
            return ""
        if name in MONEY_FACTS and isinstance(value, int):
            return self.shared.format_money(value, currency) if currency and currency != NO_CURRENCY else ""
        if name in DAY_FACTS and (kind, name) not in NON_DAY_FACTS:
            return self.shared.format_day(value if isinstance(value, date) else datetime.fromisoformat(str(value)).date())
        match name:
            case "step":
                return self.step_label(str(value))
            case "letter" if kind == EntryKind.LETTER_LISTED:
                return self.step_label(str(value))
            case "days_past_due" if isinstance(value, int):
                return self.describe_due_days(value)
            case "which":
                return ", ".join(self.describe_waiting_case(*line.split("\t")) for line in str(value).split("\n"))
            case "source":
                return self.sources.get(str(value), "")
            case "reference":
                return self.describe_reference(str(value))
            case "why" if kind == EntryKind.ADOPTION_ENDED:
                return tell_fault(str(value), self) or str(value)
            case "reason" if kind == EntryKind.ACT_REFUSED:
                return tell_sentence(str(value), self)
            case "reason":
                groups = [self._find_group(group) for group in REASON_GROUPS.get(kind, ())]
                return next((words[value] for words in groups if value in words), str(value))
            case "ending":
                return self.outcome_label(kind.partition(".")[0], str(value))
            case "outcome":
                return self.translate("calls" if kind in CALL_OUTCOME_KINDS else "stages", str(value))
        return self.translate(FACT_GROUPS[name], str(value)) if name in FACT_GROUPS else str(value)


PHRASES = WordingCatalogue(Phrases, PROJECT / "api" / "console" / "phrases", parts={"shared": SHARED_WORDING, "refusals": REFUSAL_WORDING})


def load_phrases(language: str) -> Phrases:
    return PHRASES.load(language)
