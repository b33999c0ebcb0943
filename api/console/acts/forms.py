"""The forms by which people act, as `forms.yaml` describes them: the request that each sends, and the fields that a person fills in."""

from functools import cache
from string import Formatter
from typing import Literal

from pydantic import BaseModel, ConfigDict

from adapters.i18n.wording import read_wording_file
from adapters.shipped_files import PROJECT
from api.web.permissions import Permission, permission_denial_reason
from domain.roles import Role

FORMS_FILE = PROJECT / "api" / "console" / "acts" / "forms.yaml"


FieldKind = Literal[
    "text",
    "long_text",
    "secret",
    "day",
    "month",
    "money",
    "number",
    "choice",
    "flag",
    "open_invoice",
    "open_invoices",
    "currency",
    "person",
    "time_zone",
    "files",
    "hidden",
    "hidden_number",
    "hidden_flag",
    "hidden_list",
]
"""How a field is filled in. `open_invoice` is chosen among those of the account, `open_invoices` are ticked; `currency` is among those that
the subject owes in, and asked for only where there are several; a `person` and a `time_zone` are offered by their names; `files` go along
as they are; a `secret` is never shown again, not even to whoever has to correct the form. The hidden ones carry what the page knows
already."""


class FormField(BaseModel):
    """One place of the request's body. `words`: the group of words that says a choice's values. `roles`: of the people who may be named;
    anybody where there are none. `only_where`: asked for only where another field, such as one that the page knows, begins so. A hidden
    field that is `required` is one without which there is nothing to act on. `part`: fields of one part stand together, side by side; one
    that has words among `parts` is folded away under them until it is needed. `has_digits`: its choices are made by the digits, too.
    `ticked`: which invoices are ticked beforehand; `resumable` ones are the only ones to be chosen from, and of `pausable` ones those that
    are paused say until when. `is_offered`: a value may stand in it beforehand; a part in which nothing else is filled in is not sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FieldKind
    required: bool = False
    words: str = ""
    choices: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    only_where: dict[str, str] = {}
    part: str = ""
    has_digits: bool = False
    is_offered: bool = False
    ticked: Literal["", "pausable", "overdue", "resumable"] = ""

    @property
    def is_hidden(self) -> bool:
        return self.kind.startswith("hidden")

    @property
    def begins_part(self) -> bool:
        """Whether its part is sent once it is filled in."""
        return self.is_asked and not self.is_offered

    @property
    def is_asked(self) -> bool:
        """Whether a person fills it in; the others go along with what they filled in beside them."""
        return not self.is_hidden and self.kind != "currency"


class ActForm(BaseModel):
    """`path` is the API's, with the ids that it names in braces. The fields are named by their place in the body, such as
    `promises.0.amount`. `page`: with the same ids, the page on which it is better filled in. `shows`: the field of the answer
    that is a secret, and is shown this once. `key`: the single key that leads to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    method: Literal["POST", "PUT", "DELETE"] = "POST"
    permission: Permission
    fields: dict[str, FormField] = {}
    page: str = ""
    shows: str = ""
    key: str = ""

    @property
    def takes_files(self) -> bool:
        return any(field.kind == "files" for field in self.fields.values())

    @property
    def is_on_several(self) -> bool:
        """Whether it is done to several invoices at once, so that one counts them."""
        return any(field.ticked for field in self.fields.values())

    def is_for(self, role: Role) -> bool:
        """Whether the role may send it at all; what the case's state rules out, the API says."""
        return permission_denial_reason(role, self.permission) is None


@cache
def load_act_forms() -> dict[str, ActForm]:
    """Return the forms by the operation of the API that each sends."""
    return {name: ActForm.model_validate(form) for name, form in read_wording_file(FORMS_FILE).content.items()}


def list_path_ids(form: ActForm) -> list[str]:
    """Return the names of the ids that the form's path needs."""
    return [name for _, name, _, _ in Formatter().parse(form.path) if name]


def list_needed_facts(form: ActForm) -> list[str]:
    """Return the names of what a page must know to lead to the form."""
    return [*list_path_ids(form), *(name for name, field in form.fields.items() if field.is_hidden and field.required)]
