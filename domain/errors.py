"""Errors that a person can understand and put right: each says in its message what is wrong and what to do.

Whoever shows one asks it: the API for its problem document, the command line for its exit status, an activity for the name of its failure.
"""

from collections.abc import Mapping
from typing import ClassVar


class UserError(Exception):
    """Something asked for that cannot be had as it was asked. Its message is a whole sentence, fit for the person who asked.

    `title`, `status` and `problem_type` make the problem document (RFC 9457): its title, its HTTP status and the last part of the URN that
    is its type; `pointer` names the parameter that is at fault. `exit_status` is the command line's. `failure_type` names the failure of an
    activity; histories hold it, so it stays when a class is renamed.
    """

    title: ClassVar[str]
    status: ClassVar[int]
    problem_type: ClassVar[str]
    pointer: ClassVar[str | None] = None
    exit_status: ClassVar[int] = 2
    failure_type: ClassVar[str]

    @property
    def extensions(self) -> Mapping[str, object]:
        """What the problem document says beside the members that all have."""
        return {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "failure_type" not in cls.__dict__:
            cls.failure_type = cls.__name__.removesuffix("Error")


class OperatingError(UserError):
    """Something that whoever runs Duecourse has to put right, such as a setting or a port. A caller of the API is told nothing of it but
    that it is no fault of theirs."""

    title = "Something went wrong here"
    status = 500
    problem_type = "unexpected"
