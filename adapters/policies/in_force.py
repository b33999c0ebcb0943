"""Which policies are in force, as the database keeps it: what every process asks before it trusts what it has read before."""

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Text, cast, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import PolicyVersion, Setting

IN_FORCE_SETTING = "policies_in_force"


class PoliciesInForce(BaseModel):
    """`names`: of the policies in the folder, when it was last loaded. `folder`: the version that it had of each; `newest`: that in force.
    The row changes whenever another version comes into force, which tells all processes to read again."""

    model_config = ConfigDict(frozen=True)

    names: list[str] = Field(default_factory=list)
    folder: dict[str, int] = Field(default_factory=dict)
    newest: dict[str, int] = Field(default_factory=dict)


class OvertakenFile(NamedTuple):
    """A policy of which the folder has an older version than the one in force."""

    name: str
    folder_version: int
    version: int


def load_in_force(session: Session) -> PoliciesInForce:
    row = session.get(Setting, IN_FORCE_SETTING)
    return PoliciesInForce.model_validate(row.value) if row else PoliciesInForce()


def store_in_force(session: Session, names: Iterable[str], folder: dict[str, int]) -> None:
    """Store what the folder has, and the newest version of each policy that was ever in force. The versions are in the session."""
    session.flush()
    newest: dict[str, int] = {}
    for name, version in session.execute(select(col(PolicyVersion.name), col(PolicyVersion.version))):
        newest[name] = max(version, newest.get(name, 0))
    listed = sorted(names)
    value = PoliciesInForce(names=listed, folder=folder, newest={name: newest[name] for name in listed if name in newest})
    session.merge(Setting(name=IN_FORCE_SETTING, value=value.model_dump(mode="json")))


def read_stamp(session: Session) -> str | None:
    """Return a text that is another one whenever something else is in force; None before anything is."""
    return session.execute(select(cast(col(Setting.value), Text)).where(col(Setting.name) == IN_FORCE_SETTING)).scalar()


def list_overtaken_files(database: Database) -> list[OvertakenFile]:
    """The policies whose file in the folder counts for nothing, because a higher version of them was put in force."""
    with database.reading() as session:
        known = load_in_force(session)
    versions = ((name, version, known.newest.get(name, version)) for name, version in sorted(known.folder.items()))
    return [OvertakenFile(name, version, newest) for name, version, newest in versions if version < newest]


def describe_overtaken_file(file: OvertakenFile) -> str:
    """In a sentence for those who run Duecourse."""
    return (
        f"the folder has version {file.folder_version} of the policy {file.name}; version {file.version} stays in force, for the highest "
        f"counts, wherever it came from: take its text from the console's page /policies/{file.name} into the folder"
    )
