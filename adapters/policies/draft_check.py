"""The check of a draft that somebody wrote at the console: what the next start, and `duecourse policy check`, would say of it."""

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from adapters.database.engine import Database
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.policy_files import MATRIX_FILE, check_policies
from adapters.policies.policy_store import PolicyStore
from domain.policy.collection_policy import Policy, PolicySnapshot
from domain.policy.policy_parsing import PolicyError

DRAFT_FILE = "draft.yaml"
_MATRIX_PATTERN = re.compile(r"(?m)^levels:")


class CheckedDraft(NamedTuple):
    """`policy` is None of a draft that has `faults`, and of an approval matrix. `faults`: what the next start would refuse, each with file
    and line; `notes`: what may not be meant. Files are named without their folders."""

    policy: Policy | None
    faults: list[str]
    notes: list[str]


def check_draft(database: Database, letters: LetterTemplates, folder: Path, text: str) -> CheckedDraft:
    """Check a draft as though it lay in the folder, in place of the file with its policy. Nothing is changed."""
    with TemporaryDirectory() as beside:
        path = Path(beside) / (MATRIX_FILE if _MATRIX_PATTERN.search(text) else DRAFT_FILE)
        path.write_text(text, encoding="utf-8")

        def shorten(sentence: str) -> str:
            return sentence.replace(f"{beside}/", "").replace(f"{folder}/", "")

        try:
            found = check_policies([path], letters).policies
            _, notes = PolicyStore.check_folder(database, letters, folder, [path])
        except PolicyError as error:
            return CheckedDraft(None, [shorten(line) for line in str(error).splitlines()], [])
    return CheckedDraft(found[0][1] if found else None, [], [shorten(note) for note in notes])


def find_version_to_raise_to(draft: Policy, versions: Sequence[PolicySnapshot]) -> int | None:
    """Return the least version under which the draft could be put in force; None where its own is high enough. `versions`: all there
    were."""
    newest = max((each.version for each in versions if each.name == draft.policy), default=0)
    return newest + 1 if draft.version <= newest else None
