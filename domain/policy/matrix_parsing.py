"""Reading the approval matrix from YAML that finance writes: every mistake is named with its file, its line, and what to write instead."""

from domain.policy.approval_matrix import ApprovalMatrix
from domain.policy.matrix_validation import find_defects
from domain.policy.policy_parsing import PolicyError
from domain.yaml_document import YamlDocument


def parse_matrix(text: str, file: str) -> ApprovalMatrix:
    """The matrix in `text`, proven to answer every question once. Raises PolicyError."""
    source = YamlDocument(text, file, "version: 1", PolicyError)
    matrix = source.parse_model(ApprovalMatrix)
    found = [f"{source.locate(fault.path)}: {fault.sentence}" for fault in find_defects(matrix)]
    if found:
        raise PolicyError("\n".join(found))
    return matrix
