"""Links to what the reader may do where they are: each to the form of an act, or to the page on which it is better done."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlencode

from api.console.acts.forms import list_path_ids, load_act_forms
from api.console.acts.wording import ActWording
from api.presenters.phrases import Phrases
from domain.roles import Actor

WRITE_LETTER, TAKE_BACK_LETTER = "write_letter", "take_back_letter"
READ_AHEAD_KEY = "e"


class ActLink(NamedTuple):
    """`key`: the single key that follows it, if any. `is_boosted`: its page may take the place of this one without being loaded anew; one
    that shows letters may not, for it has a content policy of its own."""

    url: str
    label: str
    key: str
    is_boosted: bool


def build_act_url(actor: Actor, name: str, back: str, /, **given: str) -> str | None:
    """Return the address of an act's form, with the ids that it needs and what a page knows; None where the reader's role may not."""
    form = load_act_forms()[name]
    if not form.is_for(actor.role):
        return None
    if form.page:
        return form.page.format(**{each: quote(given[each], safe="") for each in list_path_ids(form)})
    return f"/act/{name}?{urlencode({**given, 'back': back})}"


def list_act_links(
    actor: Actor,
    act_words: ActWording,
    words: Phrases,
    here: str,
    names: Iterable[str],
    given: Mapping[str, str],
    *,
    labels: Mapping[str, str] | None = None,
    write_to: str = "",
    copy_of: str = "",
    back: str = "",
    staying: Iterable[str] = (),
    ahead_of: str = "",
) -> list[ActLink]:
    """List those of `names` that the reader's role may do, in their order. `here`: the address to come back to; `back`: where one is
    afterwards instead, but for the acts that are `staying`. `write_to`: the account to whom one may write from here, `copy_of` the letter
    to be copied; `ahead_of`: the account whose next letters one reads and takes back. These two come last, if not named."""
    on_pages, forms = _list_pages(words, write_to, copy_of, ahead_of), load_act_forms()
    found = []
    for name in dict.fromkeys([*names, *on_pages]):
        if name in on_pages:
            if forms[name].is_for(actor.role):
                found.append(on_pages[name])
        elif name in act_words.titles and (url := build_act_url(actor, name, back if back and name not in staying else here, **given)):
            found.append(ActLink(url, (labels or {}).get(name) or act_words.titles[name], forms[name].key, is_boosted=True))
    return found


def find_act_key(name: str) -> str:
    """The single key that leads to an act; empty where none does, or there is no such act."""
    form = load_act_forms().get(name)
    return form.key if form else ""


def _list_pages(words: Phrases, write_to: str, copy_of: str, ahead_of: str) -> dict[str, ActLink]:
    """The acts that have pages of their own, which show letters."""
    pages = {}
    if write_to:
        label = words.letter_page["send_copy"] if copy_of else words.account_page["write_now"]
        url = f"/accounts/{quote(write_to, safe='')}/write" + (f"?copy_of={copy_of}" if copy_of else "")
        pages[WRITE_LETTER] = ActLink(url, label, load_act_forms()[WRITE_LETTER].key, is_boosted=False)
    if ahead_of:
        url = f"/preview?account={quote(ahead_of, safe='')}"
        pages[TAKE_BACK_LETTER] = ActLink(url, words.letter_page["take_back"], READ_AHEAD_KEY, is_boosted=False)
    return pages
