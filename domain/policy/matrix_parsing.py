"""Parse the approval matrix from YAML that finance writes: every mistake is named with its file, its line, and its correction."""

from domain.policy.approval_matrix import ApprovalMatrix
from domain.policy.matrix_validation import find_defects
from domain.policy.policy_parsing import PolicyError
from domain.yaml_document import YamlDocument


def parse_matrix(text: str, file: str) -> ApprovalMatrix:
    """Parse the matrix in `text`, proven to cover every request once. Raises PolicyError."""
    document = YamlDocument(text, file, "version: 1", PolicyError)
    matrix = document.parse_model(ApprovalMatrix)
    defects = [f"{document.locate(defect.path)}: {defect.sentence}" for defect in find_defects(matrix)]
    if defects:
        raise PolicyError("\n".join(defects))
    return matrix
