"""The bodies about delegations: who decides in whose place, from when until when."""

from datetime import date

from pydantic import BaseModel, Field

from api.schemas.request_body import Day, RequestBody, example_config


class DelegationIn(RequestBody):
    """From the first business date to the last, both included."""

    model_config = example_config(to_user="otto", first_day="2013-03-04", last_day="2013-03-15")

    to_user: str = Field(min_length=1, max_length=100)
    first_day: Day
    last_day: Day


class DelegationOut(BaseModel):
    delegation_id: str
    from_user: str
    to_user: str
    role: str
    first_day: date
    last_day: date
