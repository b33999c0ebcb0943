"""Commands that people send to cases. The API sets the actor from the user who is signed in, never from a request's body."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

COMMAND_REJECTED = "ActRefused"
"""The type of the error by which a workflow refuses an act that its state rules out; the message says why."""

FACTS_CHANGED = "FactsChanged"
"""The type of the error by which an approval refuses a decision that was made on other facts; its detail is a `StaleFacts`."""


class Command(BaseModel):
    """One act of one person. The id makes it happen once, however often it is sent.

    `journal_name` is what the journal calls the command when it is refused: it stays, whatever the class is called.
    """

    journal_name: ClassVar[str]

    model_config = ConfigDict(frozen=True)

    act_id: str
    actor: str


class CommandReceipt(BaseModel):
    """The result of a command: the number of its journal entry."""

    act_id: str
    seq: int | None = None
    repeated: bool = False
