"""Reading the approval matrix from YAML that finance writes: every mistake is named with its file, its line, and what to write instead."""

from domain.approval_matrix import ApprovalMatrix
from domain.approval_matrix_check import faults
from domain.policy_text import PolicyError
from domain.yaml_lines import LinedYaml


def parse_matrix(text: str, file: str) -> ApprovalMatrix:
    """The matrix in `text`, proven to answer every question once. Raises PolicyError."""
    source = LinedYaml(text, file, "version: 1", PolicyError)
    matrix = source.read(ApprovalMatrix)
    found = [f"{source.where(fault.path)}: {fault.sentence}" for fault in faults(matrix)]
    if found:
        raise PolicyError("\n".join(found))
    return matrix
