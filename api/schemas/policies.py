"""The policies in force, and what the last start refused."""

from pydantic import AwareDatetime, BaseModel


class PolicyOut(BaseModel):
    """A policy that takes new invoices. `segments` is empty for the policy of all other accounts; `sha256` is that of its text."""

    policy: str
    version: int
    title: str
    segments: list[str]
    sha256: str


class RefusalOut(BaseModel):
    """Every start since `at` (real time, UTC) has refused the folder of policies. `faults`: file, line, what is wrong, what to do."""

    at: AwareDatetime
    faults: list[str]


class PoliciesOut(BaseModel):
    """`refused` is null while the folder's files are those in force."""

    items: list[PolicyOut]
    matrix_version: int
    refused: RefusalOut | None
