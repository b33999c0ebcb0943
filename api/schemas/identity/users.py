"""The bodies about users, their roles, tokens and preferences."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field

from adapters.config.settings import ADDRESS_PATTERN
from adapters.database.row_states import IdentityChannel, IdentityEventKind
from adapters.i18n.languages import Language
from adapters.time_zones import is_time_zone
from api.schemas.request_body import RequestBody, example_config
from domain.refusal import Refusal
from domain.roles import Role

MAX_TOKEN_DAYS = 3_650


def check_time_zone(name: str) -> str:
    """Raises ValueError."""
    if name and not is_time_zone(name):
        raise ValueError(Refusal("user.time_zone", "write the name of a time zone such as Europe/Berlin"))
    return str(ZoneInfo(name)) if name else ""


TimeZone = Annotated[str, Field(max_length=100, description="an IANA name; empty: UTC"), AfterValidator(check_time_zone)]
Email = Annotated[str, Field(max_length=254, pattern=f"{ADDRESS_PATTERN}|^$")]


class UserDetailsIn(RequestBody):
    """Everything is replaced; what is left out becomes empty. Customers answer to a collector's address and number."""

    model_config = example_config(full_name="Anna Brandt", email="anna.brandt@lindenhof.example", language="de")

    full_name: str = Field(default="", max_length=200)
    email: Email = ""
    phone: str = Field(default="", max_length=50)
    language: Language | None = None
    time_zone: TimeZone = ""


class UserIn(UserDetailsIn):
    """A new user, with a first role."""

    model_config = example_config(name="anna.brandt", role="collector", full_name="Anna Brandt", language="de")

    name: str = Field(min_length=1, max_length=100, pattern=r"^\S+$", description="without spaces; it is never changed")
    role: Role


class RoleIn(RequestBody):
    model_config = example_config(role="collector")

    role: Role


class TokenIn(RequestBody):
    """A token for a user, in a role that the user has."""

    model_config = example_config(user="bank-feed", role="billing_ops", days=90)

    user: str = Field(min_length=1, max_length=100)
    role: Role
    days: int = Field(default=90, ge=1, le=MAX_TOKEN_DAYS)


class UserOut(BaseModel):
    """`tokens`: how many are good now."""

    name: str
    full_name: str
    email: str
    roles: list[Role]
    active: bool
    tokens: int


class UserChanged(BaseModel):
    """The roles that the user has now."""

    name: str
    roles: list[Role]


class UserDeactivated(BaseModel):
    """What stays theirs until a collections manager gives it to somebody else."""

    name: str
    accounts: int
    open_tasks: int


class TokenOut(BaseModel):
    """A token that is good. Times are real."""

    id: str = Field(description="names the token, and signs nobody in")
    user: str
    role: Role
    created_at: datetime
    expires_at: datetime | None = Field(description="null: it does not expire")


class TokenMade(BaseModel):
    token: str | None = Field(description="shown this once: null when the same request is sent again")


class PasswordLinkMade(BaseModel):
    link: str | None = Field(description="good once, and for a day; shown this once: null when the same request is sent again")


class IdentityEventOut(BaseModel):
    """What happened to whom, and who did it."""

    kind: IdentityEventKind
    user: str = Field(description="empty: no user whom we know")
    role: str
    made_by: str
    channel: IdentityChannel
    address: str
    detail: str
    recorded_at: datetime = Field(description="real time")
