"""Says to the person who filled in a form why it was refused."""

from api.console.acts.api_call import ApiAnswer
from api.console.acts.wording import Reader
from api.presenters.refusals import tell_problem


def say_refusal(answer: ApiAnswer, reader: Reader) -> str:
    """What is often refused has a sentence of its own."""
    kind = str(answer.document.get("type", "")).rpartition(":")[2]
    own = reader.act_words.notices.get(f"refused_{kind}")
    return own or reader.act_words.fill_notice("refused", detail=tell_problem(answer.document, reader.phrases))
