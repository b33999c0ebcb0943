"""The files that finance writes, policies and the approval matrix: which of them count, and what is wrong with them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from adapters.letters.letter_templates import LetterTemplates
from adapters.shipped_files import PROJECT
from adapters.text_files import read_text_file
from domain.policy.approval_matrix import MATRIX_POLICY_NAME, ApprovalMatrix
from domain.policy.collection_policy import Policy
from domain.policy.matrix_parsing import parse_matrix
from domain.policy.policy_parsing import PolicyError, parse_policy
from domain.refusal import Refusal

MATRIX_FILE = "approvals.yaml"


class CheckedPolicies(NamedTuple):
    """What was found without mistakes, each with its file."""

    policies: list[tuple[Path, Policy]]
    matrices: list[tuple[Path, ApprovalMatrix]]


def list_policy_files(folder: Path) -> list[Path]:
    """Every *.yaml of the folder, and the project's own approval matrix where it has none."""
    files = sorted(folder.glob("*.yaml"))
    return files if any(file.name == MATRIX_FILE for file in files) else [*files, PROJECT / "policies" / MATRIX_FILE]


def check_policies(files: Sequence[Path], letters: LetterTemplates) -> CheckedPolicies:
    """What is in the files; one called approvals.yaml is the approval matrix. Raises PolicyError with the mistakes of all of them."""
    everywhere = frozenset.intersection(*(frozenset(letters.list_templates(language)) for language in letters.list_languages()))
    faults: list[str] = []
    checked = CheckedPolicies([], [])
    for file in files:
        try:
            text = read_text_file(file, PolicyError)
            if file.name == MATRIX_FILE:
                checked.matrices.append((file, parse_matrix(text, str(file))))
            else:
                checked.policies.append((file, parse_policy(text, str(file), everywhere)))
        except PolicyError as error:
            faults.append(str(error))
    found = checked.policies
    faults += [f"{file}:1: {_refuse_repeated(policy)}" for file, policy in _find_repeated(found)]
    taken = Refusal("policy.name_taken", "the name '{name}' is the approval matrix's; give the policy another", name=MATRIX_POLICY_NAME)
    faults += [f"{file}:1: {taken}" for file, policy in found if policy.policy == MATRIX_POLICY_NAME]
    if faults:
        raise PolicyError("\n".join(faults))
    return checked


def replace_files(folder: Path, drafts: Sequence[Path], letters: LetterTemplates) -> list[Path]:
    """The folder's files, with each draft in place of the one that has its file name, or the same policy in it.

    A file of the folder that cannot be read stays, to be reported as the next start would.
    """
    drafted: set[str] = set()
    for draft in drafts:
        try:
            drafted |= {policy.policy for _, policy in check_policies([draft], letters).policies}
        except PolicyError:  # the draft is checked with all the others
            continue
    names = {draft.name for draft in drafts}
    kept = [file for file in list_policy_files(folder) if file.name not in names and not _holds_one_of(file, drafted, letters)]
    return [*kept, *drafts]


def _holds_one_of(file: Path, names: set[str], letters: LetterTemplates) -> bool:
    try:
        return any(policy.policy in names for _, policy in check_policies([file], letters).policies)
    except PolicyError:
        return False


def _find_repeated(found: Sequence[tuple[Path, Policy]]) -> list[tuple[Path, Policy]]:
    names = [(policy.policy, policy.version) for _, policy in found]
    return [entry for index, entry in enumerate(found) if names[index] in names[:index]]


def _refuse_repeated(policy: Policy) -> Refusal:
    return Refusal(
        "policy.two_files", "{policy} version {version} is given in two files; remove one", policy=policy.policy, version=policy.version
    )
