"""A notice that waited for somebody with an address, as its case hears that it went at last."""

from pydantic import BaseModel, ConfigDict

from domain.case.effects import NotifyRole


class LateNotice(BaseModel):
    """`told`: the names of the users to whom it went."""

    model_config = ConfigDict(frozen=True)

    notice: NotifyRole
    told: list[str]
