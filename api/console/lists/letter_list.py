"""The console's list of all letters: what went to whom and when, and what became of it; each opens as it was sent."""

from collections.abc import Iterable, Mapping, Sequence

from adapters.database.row_states import MessageState
from adapters.i18n.formatting import name_language
from adapters.i18n.languages import DEFAULT_LANGUAGE
from adapters.read_model.correspondence import LetterRow
from adapters.read_model.lists.account_list import load_account_choices
from adapters.read_model.lists.letter_list import LetterListFilter, list_letter_page, load_letter_totals
from adapters.read_model.lists.list_totals import ListTotals
from api.console.lists.console_list import (
    Cell,
    Choice,
    Column,
    ConsoleList,
    FilterField,
    ListNotice,
    PageRequest,
    Values,
    build_amount,
    label_people,
    read_day,
)
from api.context import ApiContext
from api.presenters.phrases import Phrases

LETTERS_PAGE = "/correspondence"


def _build_filter(values: Values) -> LetterListFilter:
    return LetterListFilter(
        q=values.get("q"),
        state=values.get("state"),
        template=values.get("template"),
        language=values.get("language"),
        account=values.get("account"),
        collector=values.get("collector"),
        first_day=read_day(values, "first_day"),
        last_day=read_day(values, "last_day"),
    )


def _load_page(context: ApiContext, request: PageRequest) -> tuple[Sequence[LetterRow], str | None]:
    wanted = _build_filter(request.values)
    return list_letter_page(context.database, wanted, request.sort, request.is_descending, request.limit, request.cursor)


def _load_totals(context: ApiContext, values: Values) -> ListTotals:
    return load_letter_totals(context.database, _build_filter(values))


def _list_choices(context: ApiContext, words: Phrases) -> Mapping[str, Sequence[Choice]]:
    templates = context.letter_templates
    named = sorted(((name, words.step_label(name)) for name in templates.list_templates(DEFAULT_LANGUAGE)), key=lambda choice: choice[1])
    return {
        "state": [(state.value, words.translate("letters", state.value)) for state in MessageState],
        "template": named,
        "language": [(language, name_language(language, words.shared.locale)) for language in templates.list_languages()],
        "collector": label_people(load_account_choices(context.database).collectors, words),
    }


def _export_rows(context: ApiContext, row: LetterRow, words: Phrases) -> Iterable[Mapping[str, Cell]]:
    yield {
        "letter": row.subject or words.step_label(row.letter),
        "id": row.id,
        "day": (row.sent_at or row.slot).date(),
        "account": row.account_name,
        "account_id": row.account_number,
        "template": words.step_label(row.letter),
        "language": name_language(row.language, words.shared.locale),
        "channel": words.lists["by_mail"],
        "recipient": row.recipient,
        "state": words.translate("letters", row.state),
        "asks_for": build_amount(row.asked_for, row.currency) if row.asked_for is not None else None,
        "currency": row.currency if row.asked_for is not None else "",
    }


LETTER_LIST = ConsoleList(
    name="correspondence",
    page=LETTERS_PAGE,
    columns={
        "letter": Column("letter", is_fixed=True),
        "day": Column("day", sort="day"),
        "account": Column("account"),
        "template": Column("template", is_shown=False),
        "language": Column("language"),
        "channel": Column("channel", is_shown=False),
        "recipient": Column("recipient"),
        "asks_for": Column("asks_for", is_number=True),
        "state": Column("state"),
    },
    filters={
        "q": FilterField("q", "search"),
        "first_day": FilterField("first_day", "day"),
        "last_day": FilterField("last_day", "day"),
        "state": FilterField("state"),
        "template": FilterField("template", "name"),
        "language": FilterField("language", "name"),
        "collector": FilterField("collector", "name"),
        "account": FilterField("account", "id"),
    },
    default_sort="-day",
    notice=ListNotice(),
    export_columns={"id": "id", "account_id": "account_number", "currency": "currency"},
    load_page=_load_page,
    load_totals=_load_totals,
    list_choices=_list_choices,
    export_rows=_export_rows,
)
