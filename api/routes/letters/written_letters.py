"""What a person writes to a customer now: a statement of account, or the copy of a letter that went."""

from fastapi import APIRouter

from adapters.correspondence.written_letter_store import Writer
from adapters.read_model.correspondence import find_letter
from api.commands.letter_writing import COPY_NOTED, STATEMENT_NOTED, build_letter_to_write
from api.presenters.correspondence import present_letter
from api.routes.account_lookup import CommandId, ExistingAccount
from api.schemas.letters.written_letters import LettersWrittenOut, LetterToWriteIn, WrittenLetterOut
from api.web.authentication import CollectingActor, Context
from api.web.idempotency import IdempotentRoute
from api.web.problems import PROBLEM_RESPONSES

router = APIRouter(prefix="/v1/accounts", tags=["letters"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


@router.post("/{account_id}/letters/preview", operation_id="preview_written_letter", summary="How the letter would read; nothing is sent")
def preview_written_letter(_: CollectingActor, account: ExistingAccount, context: Context, body: LetterToWriteIn) -> list[WrittenLetterOut]:
    """A preview is rejected for the same reasons as the letter."""
    letters = context.letter_writing.preview(build_letter_to_write(context, account.id, body), context.business_now)
    return [WrittenLetterOut.from_letter(letter) for letter in letters]


@router.post("/{account_id}/letters", operation_id="write_letter", summary="Write to the customer now", status_code=201)
def write_letter(
    actor: CollectingActor, account: ExistingAccount, context: Context, body: LetterToWriteIn, command_id: CommandId
) -> LettersWrittenOut:
    """A statement of account, or the copy of a letter that went, to each of the contacts, in its language, in the customer's next contact
    hours. It is no reminder: no step is taken, and the next reminder comes when it would have come. A statement tells what is open when it
    goes. Repeated under its Idempotency-Key it goes once; what becomes of it is told as of any letter."""
    noted = COPY_NOTED if body.copy_of is not None else STATEMENT_NOTED
    writer = Writer(command_id, actor.user, context.business_now, context.now(), noted)
    numbers = context.letter_writing.write(build_letter_to_write(context, account.id, body), writer)
    rows = [row for number in numbers if (row := find_letter(context.database, number)) is not None]
    return LettersWrittenOut(letters=[present_letter(row) for row in rows])
