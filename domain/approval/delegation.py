"""Delegation: who may sign in another's place, in which role, and from when to when. Every signature given so names both."""

from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from domain.refusal import Refusal
from domain.roles import Role, is_same_person


class Delegation(BaseModel):
    """`to_user` may act for `from_user` in one role, from the first business date to the last, both included."""

    model_config = ConfigDict(frozen=True)

    delegation_id: str
    from_user: str
    to_user: str
    role: Role
    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _validate_delegation(self) -> Self:
        if is_same_person(self.from_user, self.to_user):
            raise ValueError(f"{self.from_user} cannot delegate to themselves; name someone else")
        if self.last_day < self.first_day:
            raise ValueError(f"a delegation cannot end on {self.last_day}, before it begins on {self.first_day}")
        return self

    def is_active_on(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day

    def rejection_reason(self, user: str, role: Role, day: date) -> Refusal | None:
        """Why `user` cannot act under it in a role on a business date, in words; None when they can."""
        if not is_same_person(user, self.to_user):
            return Refusal(
                "delegation.other_person",
                "{giver} delegated to {taker}, not to {person}",
                giver=self.from_user,
                taker=self.to_user,
                person=user,
            )
        if role is not self.role:
            return Refusal(
                "delegation.other_role",
                "{giver} delegated the role {given_role}, not {role}",
                giver=self.from_user,
                given_role=self.role,
                role=role,
            )
        if not self.is_active_on(day):
            return Refusal(
                "delegation.other_days",
                "{giver} delegated to {taker} from {first_day} to {last_day}, and today is {today}",
                giver=self.from_user,
                taker=self.to_user,
                first_day=self.first_day,
                last_day=self.last_day,
                today=day,
            )
        return None
