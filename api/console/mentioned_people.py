"""People as notes name them: shown by the names that people know, and told where a name is nobody's."""

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

from markupsafe import Markup, escape

from adapters.mentions.mention_store import MentionStore
from api.console.acts.forms import ActForm
from api.console.acts.sent_form import Values
from api.context import ApiContext
from domain.mentions import find_mentions, split_mentions

NAMING_FIELDS = frozenset({"text", "note", "comment"})
"""The fields whose text is kept as a note, by the last part of their names."""

UNKNOWN_PARAMETER = "unknown"
"""By which a page learns which names in a text that was just kept are nobody's."""

MOST_TOLD = 5
_PLAIN_NAME = re.compile(r"[\w.-]{1,100}")


def link_people(text: str, people: Mapping[str, str]) -> Markup:
    """A text in which each who is named stands by their full name, and leads to their list of today. `people`: full names by name."""
    return Markup("").join(
        Markup('<a class="mention" href="/today?{}">@{}</a>').format(urlencode({"collector": part.user}), people[part.user] or part.user)
        if part.user
        else escape(part.text)
        for part in split_mentions(text, people)
    )


def names_people(field: str) -> bool:
    """Whether people may be named in a field of a form."""
    return field.rpartition(".")[2] in NAMING_FIELDS


def find_unknown_people(context: ApiContext, form: ActForm, given: Values) -> tuple[str, ...]:
    """The names after an `@` that are nobody's, in what was sent."""
    texts = [text for field in form.fields if names_people(field) for text in given.get(field, ()) if "@" in text]
    if not texts:
        return ()
    people = MentionStore(context.database).load_people()
    return _cut(name for text in texts for name in find_mentions(text, people).unknown)


def tell_unknown_people(names: Sequence[str]) -> dict[str, Sequence[str]]:
    """What an address says of them, nothing where there are none."""
    return {UNKNOWN_PARAMETER: names} if names else {}


def read_unknown_people(given: Iterable[str]) -> tuple[str, ...]:
    """What an address says of them: anybody may have written it, so that only names are believed."""
    return _cut(name for name in given if _PLAIN_NAME.fullmatch(name))


def _cut(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[:MOST_TOLD]
