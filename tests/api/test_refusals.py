"""Refusals: nobody is told in English why something cannot be had who reads another language."""

import ast
import re
from string import Formatter

import pytest

from adapters.billing.errors import describe_answer, describe_refusal, describe_silence
from adapters.i18n.languages import DEFAULT_LANGUAGE, LANGUAGES
from adapters.i18n.wording import list_placeholders
from adapters.shipped_files import PROJECT
from adapters.temporal.case_commands import CommandRejected
from api.console.import_rows import tell_row_faults
from api.console.rendering import page_templates
from api.presenters.phrases import load_phrases
from api.presenters.refusals import REFUSAL_WORDING, recognise_refusal, tell_fault, tell_field_error, tell_problem
from api.web.problems import Problem, build_problem, invalid_request_problem
from domain.invoice.command_rules import PROMISED_DAY_PASSED
from domain.journal.entry_kinds import EntryKind
from domain.policy.policy_parsing import PolicyError, parse_policy
from domain.refusal import Refusal
from tests.refusals import WrittenRefusal, list_refusals
from tests.user_errors import list_user_errors

IN_WORDS_OF_ITS_OWN = frozenset({"approval.facts_changed"})
"""What the journal says with more facts than a reader is told."""

_problem_kind = re.compile(r'Problem\(\s*[\w.]+,\s*"([a-z-]+)"')


def list_journalled() -> list[WrittenRefusal]:
    """Those of the cases' rules: where no worker answered, the journal has them in words."""
    return [each for each in list_refusals() if each.place.startswith(("domain/", "workflows/"))]


def name_facts(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def list_problem_kinds() -> set[str]:
    literal = {kind for path in (PROJECT / "api").rglob("*.py") for kind in _problem_kind.findall(path.read_text())}
    return literal | {kind.problem_type for kind in list_user_errors()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_a_sentence_of_its_facts_in_every_language(language: str) -> None:
    told = REFUSAL_WORDING.load(language).sentences
    assert {each.code for each in list_refusals()} == set(told)
    assert [each for each in list_refusals() if not set(list_placeholders(told[each.code])) <= name_facts(each.sentence)] == []


def test_one_code_is_one_sentence() -> None:
    assert len({(each.code, each.sentence) for each in list_refusals()}) == len({each.code for each in list_refusals()})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_problem_is_told_in_every_language(language: str) -> None:
    assert list_problem_kinds() - set(REFUSAL_WORDING.load(language).kinds) == set()


def test_what_the_journal_has_in_words_is_known_again() -> None:
    lost = [each for each in list_journalled() if each.code not in IN_WORDS_OF_ITS_OWN and recognise(each.sentence) != each.code]
    assert lost == []
    assert recognise_refusal("nothing that we say") is None


def recognise(sentence: str) -> str | None:
    found = recognise_refusal(sentence.format(**dict.fromkeys(name_facts(sentence), "I-1")))
    return found.code if found else None


def test_no_rule_of_a_case_gives_its_reason_in_words_alone() -> None:
    """The rules' return type holds it; here, that no function that gives a reason has gone back to text."""
    bare = []
    for path in sorted((PROJECT / "domain").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.endswith(("rejection_reason", "_obstacle")):
                bare += [path.name for each in ast.walk(node) if isinstance(each, ast.Return) and is_text(each.value)]
    assert bare == []


def is_text(value: ast.expr | None) -> bool:
    return isinstance(value, ast.JoinedStr | ast.BinOp) or (isinstance(value, ast.Constant) and isinstance(value.value, str))


GERMAN = load_phrases("de")


def told(problem: Problem, language: str = "de") -> str:
    return tell_problem(problem.build_document("/").model_dump(mode="json"), load_phrases(language))


def test_a_refusal_is_told_with_its_facts_as_the_reader_writes_them() -> None:
    lapsed = Refusal(
        "approval.lapsed",
        "the approval of the {act} lapsed on {on}: {why}",
        act="payment plan",
        on="2013-03-01",
        why="the balance was settled",
    )
    over = Refusal("case.over", "{why}; nothing can be done to it any more", why=lapsed)
    assert told(Problem(409, "closed", "The case is closed", over)) == (
        "die Freigabe „Ratenplan“ ist seit dem 01.03.2013 hinfällig: der Betrag wurde ausgeglichen; daran lässt sich nichts mehr tun"
    )
    waits = Refusal("approval.other_role", "this waits for {roles}, not for {role}", roles="collections_manager or sales", role="collector")
    assert told(Problem(409, "refused", "", waits), "es") == "esto espera a responsable de cobros o ventas, no a gestor de cobros"
    much = Refusal(
        "reduction.too_much",
        "{asked} is more than the {owed} that invoice {invoice} still owes; credit no more",
        asked="EUR 1250.00",
        owed="EUR 1000.00",
        invoice="I-1",
    )
    assert told(Problem(409, "refused", "", much)).startswith("1.250,00\xa0€ ist mehr als die 1.000,00\xa0€")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("standard.yaml:3: the key 'title' is missing; add it", "standard.yaml:3: der Schlüssel „title“ fehlt; bitte ergänzen"),
        ("a.csv: the file is empty; export it again", "a.csv: die Datei ist leer; bitte neu exportieren"),
        (
            "a.csv: the header has 2,001 columns; at most 2,000 are read",
            "a.csv: die Kopfzeile hat 2.001 Spalten; gelesen werden höchstens 2.000",
        ),
        (
            "x.yaml:9: timeline.0.day: Input should be a valid integer, unable to parse string as an integer (found 'x')",
            "x.yaml:9: timeline.0.day: bitte eine ganze Zahl angeben (da steht 'x')",
        ),
        (
            "the column 'Betrag' has '1,234', which could be two amounts; "
            "write 'decimal: point' or 'decimal: comma' in the mapping's 'file' section",
            "die Spalte „Betrag“ hat „1,234“, was zwei Beträge bedeuten könnte; "
            "bitte „decimal: point“ oder „decimal: comma“ unter „file“ in die Zuordnung schreiben",
        ),
        (
            "standard and vip both claim the segment 'key'; leave it to one of them",
            "standard und vip gelten alle für das Segment „key“; bitte einer davon überlassen",
        ),
        ("x.yaml:9: nothing that we say", None),
    ],
)
def test_a_fault_in_what_people_wrote_is_told_with_its_place(line: str, said: str | None) -> None:
    assert tell_fault(line, GERMAN) == said


def test_what_was_written_cannot_break_the_line_in_which_its_fault_is_told() -> None:
    with pytest.raises(PolicyError) as refused:
        parse_policy('"a\\n\\e[31mb": 1', "x.yaml", ())
    assert "x.yaml:1: unknown key 'a\\n\\x1b[31mb'; write one of: " in str(refused.value)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fault_is_found_again_behind_its_place(language: str) -> None:
    """They are kept and handed on as lines."""
    words = load_phrases(language)
    kinds = ("yaml.", "policy.", "matrix.", "portfolio.", "file.", "mapping.")
    faults = [each for each in list_refusals() if each.code.startswith(kinds)]
    lost = [each for each in faults if tell_fault(f"x.yaml:1: {re.sub(':,}', '}', each.sentence)}", words) is None]
    assert lost == []


def test_what_has_no_name_is_told_by_its_kind_and_a_field_by_the_rule_that_it_breaks() -> None:
    unnamed = Problem(409, "clash", "They have such a cover already", "anna covers for kim already")
    assert (told(unnamed), told(unnamed, DEFAULT_LANGUAGE)) == (GERMAN.refusals.kinds["clash"], "anna covers for kim already")
    document = invalid_request_problem("/x", "write less").build_document("/").model_dump(mode="json")
    assert tell_field_error(document["errors"][0], GERMAN) == GERMAN.refusals.fields["other"]
    assert told(build_problem(CommandRejected(PROMISED_DAY_PASSED))) == "der zugesagte Tag ist schon vorbei"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("the promised day has passed", "der zugesagte Tag ist schon vorbei"),
        ("the invoice is paid; there is nothing left to pause", "die Rechnung ist bezahlt; es gibt nichts mehr anzuhalten"),
        ("something of long ago", "something of long ago"),
    ],
)
def test_what_a_journal_has_in_english_words_is_told_in_the_readers_language(reason: str, said: str) -> None:
    sentence = GERMAN.render_entry(EntryKind.ACT_REFUSED, {"what": "MakePromise", "reason": reason}, "EUR")
    assert sentence == f"Eine Handlung kam zu spät und wurde nicht ausgeführt: {said}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "Fällig: 'bald' is not a date written as DD.MM.YYYY or YYYY-MM-DD",
            ["Fällig: 'bald' ist kein Datum, das so geschrieben ist: DD.MM.YYYY oder YYYY-MM-DD"],
        ),
        (
            "Betrag: 'a: b; c' is not an amount written like 1234.56; Land: is empty; every invoice needs it",
            ["Betrag: 'a: b; c' ist kein Betrag, der wie 1234.56 geschrieben ist", "Land: ist leer; jede Rechnung braucht diese Angabe"],
        ),
        (
            "total: '9' is out of range; one item has at most 100,000,000,000.00 EUR",
            ["total: '9' ist zu groß; ein Posten beträgt höchstens 100.000.000.000 EUR"],
        ),
        (
            "the invoice 'I-1' is in row 2 already, with other content; keep the one that is right; "
            "if they are two, map 'invoice_id' to what names each",
            [
                "die Rechnung 'I-1' steht schon in Zeile 2, mit anderem Inhalt; bitte die richtige behalten, "
                "oder, wenn es zwei sind, „invoice_id“ dem zuordnen, was jede benennt"
            ],
        ),
        (
            "email: is empty; what was stored, 'a@b.example', was cleared",
            ["E-Mail-Adresse: ist leer; was gespeichert war ('a@b.example'), wurde gelöscht"],
        ),
        ("Betrag: 'x' is something that we do not say", None),
    ],
)
def test_what_is_wrong_with_a_row_of_a_file_is_told_fault_by_fault(line: str, said: list[str] | None) -> None:
    assert tell_row_faults(line, GERMAN) == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_can_be_wrong_with_a_row_or_a_cell_is_found_again_in_its_line(language: str) -> None:
    words = load_phrases(language)
    lost = []
    for each in list_refusals():
        sentence = re.sub(r"\{\w+(:,)?\}", "7", each.sentence)
        line = f"Betrag: 'x' {sentence}" if each.code.startswith(("cell.", "text.")) else sentence
        if each.code.startswith(("cell.", "text.", "row.")) and not re.search(r"\{(first_day|on|contact_field)\}", each.sentence):
            told = tell_row_faults(f"{line}; Land: is empty; every invoice needs it", words)
            lost += [each] if told is None or len(told) != 2 else []
    assert lost == []


def test_anothers_words_in_a_sentence_are_quoted_wherever_a_page_says_it() -> None:
    refused = told(Problem(409, "refused-by-billing", "", describe_refusal("Tryton", "the party <Nord> is locked")))
    shown = page_templates.from_string("<p>{{ said }}</p>").render(said=f"Nichts wurde getan: {refused}")
    quoted = '<q lang="en" data-verbatim="system">the party &lt;Nord&gt; is locked</q>'
    assert shown == f"<p>Nichts wurde getan: Tryton lehnt das ab: {quoted}</p>"
    away = told(Problem(503, "away", "", describe_answer("Tryton", 503)))
    assert away == "Tryton antwortet mit 503 (es arbeitet gerade nicht)"
    late = told(Problem(503, "away", "", describe_silence("Tryton", "ReadTimeout")))
    assert late == "Tryton antwortet nicht (keine Antwort in der vorgesehenen Zeit)"
