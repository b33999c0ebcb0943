"""People and time zones as forms ask for them: chosen from those that there are, by a name that people know; what is none of them is told
with the nearest that is."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from adapters.identity.users_and_tokens import IdentityStore
from adapters.time_zones import list_time_zones
from api.console.acts.forms import ActForm
from api.console.acts.sent_form import Values, get_first
from api.console.acts.wording import ActWording
from api.presenters.phrases import Phrases
from domain.roles import Role


class Colleague(NamedTuple):
    """An active user. `full_name` may be empty."""

    name: str
    full_name: str
    roles: tuple[Role, ...]

    def may_be(self, roles: Sequence[str]) -> bool:
        """Whether they have one of the roles; none are named where anybody will do."""
        return not roles or any(role.value in roles for role in self.roles)

    def describe(self, phrases: Phrases) -> str:
        """Their name and their roles, as a list offers them."""
        roles = ", ".join(phrases.translate("roles", role.value) for role in self.roles)
        return f"{self.full_name}, {roles}" if self.full_name else roles


def list_colleagues(identity: IdentityStore) -> list[Colleague]:
    return [Colleague(user.name, user.full_name, user.roles) for user in identity.list_users() if user.active]


def offer_people(form: ActForm, colleagues: Sequence[Colleague], phrases: Phrases) -> dict[str, list[tuple[str, str]]]:
    """By each field that asks for somebody, those who may be named there: the name by which they sign in, and how they are told apart."""
    return {
        place: [(each.name, each.describe(phrases)) for each in colleagues if each.may_be(field.roles)]
        for place, field in form.fields.items()
        if field.kind == "person"
    }


def resolve_names(
    form: ActForm, given: Values, colleagues: Sequence[Colleague], words: ActWording
) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """Whom the fields mean that ask for people or time zones, by the names that the API knows; and what is wrong with those that mean
    nobody and none."""
    meant, faults = dict[str, list[str]](), list[tuple[str, str]]()
    for place, field in form.fields.items():
        typed = get_first(given, place).strip()
        if not typed or field.kind not in ("person", "time_zone"):
            continue
        may_do = [each for each in colleagues if each.may_be(field.roles)]
        known = _list_ways_to_say(may_do) if field.kind == "person" else _list_zones()
        found = known.get(typed.casefold())
        if found is not None:
            meant[place] = [found]
        else:
            notice = "no_such_person" if field.kind == "person" else "no_such_zone"
            faults.append((place, words.fill_notice(notice, typed=typed, nearest=_find_nearest(typed, known))))
    return meant, faults


def _list_ways_to_say(people: Sequence[Colleague]) -> Mapping[str, str]:
    """The name by which each signs in, by that and by the full name that nobody else has."""
    full_names = [each.full_name.casefold() for each in people if each.full_name]
    said = {each.full_name.casefold(): each.name for each in people if full_names.count(each.full_name.casefold()) == 1}
    return said | {each.name.casefold(): each.name for each in people}


def find_nearest_zone(typed: str) -> str:
    """Empty where none is near."""
    return _find_nearest(typed, _list_zones())


def _list_zones() -> Mapping[str, str]:
    return {zone.casefold(): zone for zone in list_time_zones()}


def _find_nearest(typed: str, known: Mapping[str, str]) -> str:
    """Empty where none is near. A time zone may be known by its city alone."""
    wanted = typed.casefold()
    near = get_close_matches(wanted, known, n=1) or [name for name in known if name.rpartition("/")[2] == wanted.replace(" ", "_")]
    return known[near[0]] if near else ""
