"""How the house is built: who may import whom, how rooms are named and how large they grow, and that nothing stands about unused."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from importlinter.application.use_cases import read_user_options
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from adapters.database.engine import Database
from adapters.database.tables import SQLModel
from adapters.shipped_files import PROJECT as ROOT
from tests.rooms_list import rooms_list

PACKAGES = ("domain", "workflows", "activities", "adapters", "api", "cli")
SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "base"}
LONGEST = 400
ONE_LIST = {"adapters/database/tables.py"}
"""Modules that are one list of declarations: to split them would only scatter it."""

MADE_ELSEWHERE = {
    "CallOutcome",
    "DossierPurpose",
    "ApprovalType",
    "DisputeResolution",
    "Role",
    "Side",
    "DisputeSource",
    "Supplies",
    "Consequence",
}
"""Enumerations whose values people choose: they are read whole, and no code need name each."""

CALLED_FROM_OUTSIDE = {"SignalName", "QueryName"}
"""Names by which others than this code call a case on the server: each has its handler, and no code need name each."""

FOR_LATER: dict[str, set[str]] = {}
"""Vocabulary that stands before the cases that will use it. A member that is used must leave this list."""


MADE_TO_BE_EXTENDED = {
    "AccountCase": "what every case of an account has",
    "CaseInput": "data: what every case's workflow starts with",
    "Clock": "data: a line through real and business time, of which a running process has one that may be changed",
    "Command": "data: who sends it, and the id that makes it happen once",
    "EarlierRun": "data: an invoice hands more to its next run than other cases do",
    "ConnectionDescription": "data: what every connection's description has",
    "Cover": "data: a cover, and its row's number",
    "Creditor": "data: what letters name of the company, which has more",
    "Delegation": "data: a delegation, and its row's number",
    "DossierPart": "data: the model's settings, which all parts of a dossier share",
    "CaseOut": "a body: what every case answers",
    "CommandAnswer": "a body: what every command answers",
    "DelegationOut": "a body: a delegation, and what it was used for",
    "PositiveAmount": "a body: an amount that is part of a request",
    "RequestBody": "a body: the model's settings, which all requests share",
    "TextBody": "a body: texts without control characters",
    "EncodedPathRoute": "the framework's route, of which some heed Idempotency-Key too",
}
"""The classes that others extend outside their own module, and why. What else is shared is a function, or an object that one has.
Errors extend each other as they like, for who catches one means all that are of its kind."""


_ANY_DIGIT = re.compile(r"\.isdigit\(|\.isdecimal\(|\.isnumeric\(|\\d")


def modules() -> list[Path]:
    inside = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return sorted([*inside, *ROOT.glob("*.py")])


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), named(path))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@cache
def enumerations() -> dict[str, set[str]]:
    """Every enumeration of ours, and the names of its members."""
    return {
        node.name: {
            target.id for each in node.body if isinstance(each, ast.Assign) for target in each.targets if isinstance(target, ast.Name)
        }
        for path in modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef) and any(isinstance(base, ast.Name) and base.id.endswith("Enum") for base in node.bases)
    }


_ENUMERATION = re.compile(r"^class (\w+)\(.*Enum\)", re.MULTILINE)


def list_enumeration_names() -> set[str]:
    """Found by their first lines: every process that runs tests reads the whole code for it before it begins."""
    return {name for path in modules() for name in _ENUMERATION.findall(path.read_text(encoding="utf-8"))}


def test_no_enumeration_is_overlooked() -> None:
    assert list_enumeration_names() == enumerations().keys()


@cache
def members_named() -> set[tuple[str, str]]:
    """Every `Owner.MEMBER` that the code names, by way of a module or not."""
    return {
        (node.value.id if isinstance(node.value, ast.Name) else node.value.attr, node.attr)
        for path in modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute)
    }


def test_each_package_imports_only_what_it_may(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_every_package_stands_under_a_contract() -> None:
    options = read_user_options(config_filename=str(ROOT / "pyproject.toml"))
    bound = {module for contract in options.contracts_options for module in contract.get("source_modules", [])}
    assert {module for module in bound if "." not in module} == set(PACKAGES)
    (siblings,) = (contract for contract in options.contracts_options if contract["type"] == "acyclic_siblings")
    assert set(siblings["ancestors"]) == set(PACKAGES) - {"activities", "cli"}
    assert set(options.session_options["root_packages"]) == set(PACKAGES)


def billing_contract() -> dict[str, Any]:
    options = read_user_options(config_filename=str(ROOT / "pyproject.toml"))
    (contract,) = (each for each in options.contracts_options if each.get("forbidden_modules") == ["adapters.ledger"])
    return contract


def test_every_room_but_three_speaks_to_billing_through_the_port() -> None:
    rooms = {f"adapters.{path.stem}" for path in (ROOT / "adapters").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    may_know_the_ledger = {"adapters.__init__", "adapters.composition", "adapters.connections", "adapters.imports", "adapters.ledger"}
    assert rooms - may_know_the_ledger == {module for module in billing_contract()["source_modules"] if module.startswith("adapters.")}


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_module_is_named_for_what_it_does_and_shadows_no_other(path: Path) -> None:
    assert path.stem not in SAY_NOTHING
    assert path.stem == "__init__" or path.stem not in sys.stdlib_module_names
    assert path.parent.name not in sys.stdlib_module_names


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_module_is_short_enough_to_read(path: Path) -> None:
    if "versions" not in path.parts and named(path) not in ONE_LIST:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


MOST_MODULES = 25
LONGEST_FUNCTION = 50


def test_a_folder_holds_no_more_modules_than_one_can_look_over() -> None:
    folders = Counter(path.parent for path in modules() if path.stem != "__init__")
    assert {named(folder): count for folder, count in folders.items() if count > MOST_MODULES} == {}


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_function_is_short_enough_to_read(path: Path) -> None:
    if "versions" not in path.parts:
        functions = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        lengths = {node.name: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions}
        assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


WITHOUT_OBJECT = {
    "hear",
    "keep",
    "known",
    "marks",
    "named",
    "of",
    "one",
    "over",
    "said",
    "see",
    "show",
    "tell",
    "told",
    "whole",
    "who",
}
"""Words that name no object and no act: a function is a verb with its object, a property a noun, a predicate reads as one."""

NAMES_ON_THE_WIRE = {"told": "the signal of InvoiceCollection that recorded histories know"}


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_functions_name_says_what_it_acts_on(path: Path) -> None:
    functions = {node.name.strip("_") for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert functions & WITHOUT_OBJECT - NAMES_ON_THE_WIRE.keys() == set()


def test_no_two_public_classes_have_one_name() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in [*modules(), *(ROOT / "bench").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(named(path))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_a_class_extends_another_modules_class_only_where_that_is_made_for_it() -> None:
    paths = [*modules(), *(ROOT / "bench").rglob("*.py")]
    classes = [(path, node) for path in paths for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef)]
    homes: defaultdict[str, set[Path]] = defaultdict(set)
    for path, node in classes:
        homes[node.name].add(path)
    extended: defaultdict[str, set[str]] = defaultdict(set)
    for path, node in classes:
        for base in node.bases:
            name = ast.unparse(base.value if isinstance(base, ast.Subscript) else base).rpartition(".")[2]
            if name in homes and path not in homes[name] and not name.endswith("Error"):
                extended[name].add(f"{node.name} in {named(path)}")
    assert {name: who for name, who in extended.items() if name not in MADE_TO_BE_EXTENDED} == {}
    assert MADE_TO_BE_EXTENDED.keys() - extended.keys() == set()


def test_every_run_of_a_case_is_started_with_its_tasks_kept_apart() -> None:
    """Wherever the input of a case's workflow is made: docs/decisions/0023."""
    inputs = {
        node.name
        for path in modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "CaseInput" for base in node.bases)
    }
    made = [
        (node.func.id, named(path), any(word.arg == "separates_tasks" and ast.unparse(word.value) == "True" for word in node.keywords))
        for path in modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in inputs
    ]
    assert {name for name, _, _ in made} == inputs
    assert [(name, path) for name, path, is_separated in made if not is_separated] == []


def test_lines_are_laid_out_by_the_formatter_alone() -> None:
    mark = "# fmt" + ":"
    assert [named(path) for path in [*modules(), *(ROOT / "tests").rglob("*.py")] if mark in path.read_text(encoding="utf-8")] == []


PLANTED = {
    "domain imports nothing of ours": ("domain/money.py", "import adapters.shipped_files"),
    "workflows import domain": ("workflows/dispute.py", "import adapters.shipped_files"),
    "activities import domain and adapters": ("activities/heartbeat.py", "import workflows.dispute"),
    "adapters import domain": ("adapters/shipped_files.py", "import workflows.dispute"),
    "the API is started by the command line": ("api/context.py", "import cli.options"),
    "never the tables": ("api/routes/health.py", "import adapters.database.tables"),
    "billing is spoken to through its port": ("activities/case_effects.py", "import adapters.ledger.ledger"),
    "import each other in one direction": ("adapters/i18n/formatting.py", "import adapters.letters.letter_templates"),
    "inside domain": ("domain/policy/approval_matrix.py", "import domain.dispute.commands"),
}
"""For each contract, an import that breaks it."""


@pytest.mark.parametrize("contract", PLANTED)
def test_an_import_against_a_contract_is_found(contract: str, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    place, line = PLANTED[contract]
    with (tmp_path / place).open("a", encoding="utf-8") as module:
        module.write(f"\n{line}\n")
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]
    linted = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    broken = [text for text in " ".join(linted.stdout.split()).split("KEPT") if "BROKEN" in text]
    assert linted.returncode == 1
    assert any(contract in text for text in broken), linted.stdout


def test_every_contract_has_a_planted_import() -> None:
    options = read_user_options(config_filename=str(ROOT / "pyproject.toml"))
    names = [contract["name"] for contract in options.contracts_options]
    assert sorted(sum(contract in name for name in names) for contract in PLANTED) == [1] * len(names)


def test_the_page_on_the_architecture_lists_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    begin, end = "<!-- rooms:begin -->", "<!-- rooms:end -->"
    assert page.partition(begin)[2].partition(end)[0] == rooms_list()


def test_the_pictures_of_the_architecture_name_every_room_and_only_functions_that_there_are() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    layers = page.partition("```\n")[2].partition("```")[0]
    drawn = set(re.findall(r"[a-z_0-9]+", layers))
    rooms = {room.parent.name for layer in ("domain", "adapters") for room in (ROOT / layer).glob("*/__init__.py")}
    assert rooms - drawn == set()
    called = set(re.findall(r"\b([a-z_]+)\(", "".join(re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL))))
    defined = {
        node.name for path in modules() for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert called - defined == set()


def test_mail_goes_through_aiosmtplib_alone() -> None:
    assert [named(path) for path in modules() if "smtplib" in imported(parsed(path))] == []


def test_the_domain_knows_no_library_of_the_outside_world() -> None:
    outside = {
        "asyncio",
        "fastapi",
        "holidays",
        "httpx",
        "os",
        "pathlib",
        "random",
        "socket",
        "sqlalchemy",
        "sqlmodel",
        "temporalio",
        "time",
    }
    seen = {name.partition(".")[0] for path in (ROOT / "domain").rglob("*.py") for name in imported(parsed(path))}
    assert seen & outside == set()
    assert {"pydantic", "datetime"} <= seen


def test_the_oracle_shares_nothing_with_what_it_judges() -> None:
    seen = {name.partition(".")[0] for name in imported(parsed(ROOT / "tests" / "oracle.py"))}
    assert seen & {*PACKAGES, "tests"} == set()
    assert "yaml" in seen


@pytest.mark.parametrize("enumeration", sorted(list_enumeration_names() - MADE_ELSEWHERE - CALLED_FROM_OUTSIDE))
def test_every_member_of_an_enumeration_is_used(enumeration: str) -> None:
    used = {member for owner, member in members_named() if owner == enumeration}
    assert enumerations()[enumeration] - used == FOR_LATER.get(enumeration, set())


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        differences = compare_metadata(context, SQLModel.metadata)
    assert differences == []


def test_a_digit_is_ascii_wherever_text_becomes_a_number() -> None:
    """Python takes ² and ٣ for digits too, and so does its pattern for one: docs/decisions/0036."""
    taken = {named(path): marks for path in modules() if (marks := set(_ANY_DIGIT.findall(path.read_text(encoding="utf-8"))))}
    assert taken == {"domain/digits.py": {".isdecimal("}}
