"""Mentions: the notes and comments in which whoever asks is named with an `@`, and that they have read them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from adapters.mentions.mention_store import MentionStore
from api.schemas.mentions.mentions import MentionOut, MentionsReadIn, MentionsReadOut
from api.web.access_logging import record_listed_accounts
from api.web.authentication import Context, MentionMarkingActor, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Limit
from api.web.problems import PROBLEM_RESPONSES

router = APIRouter(prefix="/v1/mentions", tags=["worklist"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


@router.get("", operation_id="list_mentions", summary="Notes and comments in which you are named, the latest first")
def get_mentions(
    request: Request,
    context: Context,
    actor: ReadingActor,
    unread: Annotated[bool, Query(description="only those that you have not read")] = False,
    limit: Limit = 50,
) -> list[MentionOut]:
    lines = MentionStore(context.database).list_mentions(actor.user, limit, unread=unread)
    record_listed_accounts(request, (line.account_id for line in lines))
    return [MentionOut(**line.model_dump()) for line in lines]


@router.post("/read", operation_id="read_mentions", summary="You have read them")
def post_mentions_read(context: Context, actor: MentionMarkingActor, body: MentionsReadIn) -> MentionsReadOut:
    """Only your own are marked, whatever else is named; by whoever can be named, an auditor, too."""
    return MentionsReadOut(read=MentionStore(context.database).mark_read(actor.user, body.notes, context.now()))
