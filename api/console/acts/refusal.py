"""Says to the person who filled in a form why it was refused."""

from collections.abc import Sequence

from api.console.acts.api_call import ApiAnswer
from api.console.acts.wording import Reader
from api.presenters.refusals import tell_field_error, tell_problem

Faults = Sequence[tuple[str, str]]
"""What is wrong, each with the field that has it; of a fault that no field has, with an empty name."""


def say_refusal(answer: ApiAnswer, reader: Reader) -> str:
    """What is often refused has a sentence of its own."""
    kind = str(answer.document.get("type", "")).rpartition(":")[2]
    own = reader.act_words.notices.get(f"refused_{kind}")
    return own or reader.act_words.fill_notice("refused", detail=tell_problem(answer.document, reader.phrases))


def list_faults(answer: ApiAnswer, reader: Reader) -> Faults:
    """The API's faults by the fields that have them. What was refused as a whole is said as a whole."""
    errors = answer.document.get("errors") or []
    found = [(str(error["pointer"]).removeprefix("/").replace("/", "."), tell_field_error(error, reader.phrases)) for error in errors]
    return found or [("", say_refusal(answer, reader))]
