"""The form by which one approval is decided, or many: the decision, why, and a comment."""

from collections.abc import Mapping, Sequence

from api.console.acts.refusal import Faults
from api.console.acts.sent_form import Values, get_first
from api.console.acts.wording import Reader
from domain.approval.commands import REASONS_OF_VERDICT, ApprovalVerdict
from domain.digits import parse_digits

DECISION_FORM = "decide_approval"
DECISION_FIELD, REASON_FIELD, COMMENT_FIELD = "decision", "reason", "comment"
OF_APPROVAL = "@"
TYPED_FIELDS = (DECISION_FIELD, REASON_FIELD, COMMENT_FIELD)
REASONS: Mapping[str, Sequence[str]] = {
    verdict.value: [reason.value for reason in reasons] for verdict, reasons in REASONS_OF_VERDICT.items() if reasons
}
"""Those among which a person chooses, by the verdict that needs one."""


def name_choice(approval_id: str, facts_version: int) -> str:
    """An approval as a list has it chosen: with the version of its facts that the list was made of, where it binds any."""
    return f"{facts_version}{OF_APPROVAL}{approval_id}" if facts_version else approval_id


def parse_choice(choice: str) -> tuple[str, int | None]:
    """The approval, and the version; None where nobody said it."""
    version, _, approval_id = choice.partition(OF_APPROVAL)
    read = parse_digits(version)
    return (choice, None) if read is None else (approval_id, read)


def keep_fitting_reason(values: Values) -> Values:
    """Without a reason that was chosen for another verdict, before that was changed."""
    fitting = REASONS.get(get_first(values, DECISION_FIELD), ())
    return {**values, REASON_FIELD: [reason for reason in values.get(REASON_FIELD, ()) if reason in fitting]}


def list_missing(values: Values, reader: Reader) -> Faults:
    """What a decision needs that nobody filled in: whoever asked is to know why they do not get it, and what to do."""
    verdict = get_first(values, DECISION_FIELD)
    if verdict not in set(ApprovalVerdict):
        return [(DECISION_FIELD, reader.act_words.notices["choose"])]
    needed = (REASON_FIELD, COMMENT_FIELD) if verdict in REASONS else ()
    told = {REASON_FIELD: reader.act_words.notices["choose"], COMMENT_FIELD: reader.phrases.refusals.fields["missing"]}
    return [(name, told[name]) for name in needed if not get_first(values, name).strip()]
