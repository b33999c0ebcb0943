"""What the preview says comes to pass: the same letters, on the same days, in the same words, when nothing else happens."""

import asyncio
from datetime import UTC, datetime, time

from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import ReleaseStore, hold_accounts
from adapters.preview.letter_preview import LetterPreview, LettersAhead, PreviewServices
from adapters.shipped_files import PROJECT
from domain.correspondence.release import ReleaseSelection
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec


def look_ahead(environment: CollectionEnvironment, now: datetime, days: int, account: str) -> LettersAhead:
    parts = environment.play.parts
    services = PreviewServices(
        parts.billing, parts.letters, parts.company, parts.settings.sender, parts.settings.reply_domain, PROJECT / "policies"
    )
    return LetterPreview(environment.database, services, parts.clock).look_ahead(now, days, account)


async def test_what_is_foreseen_comes_to_pass(environment: CollectionEnvironment) -> None:
    """Five invoices of one account at different ages in two currencies, one of which is disputed; held for release at first."""
    monday = await environment.pass_to_monday()
    await environment.open_invoices(
        InvoiceSpec(monday - DAY, account="AHEAD"),
        InvoiceSpec(monday - 6 * DAY, account="AHEAD"),
        InvoiceSpec(monday + 3 * DAY, account="AHEAD"),
        InvoiceSpec(monday + 9 * DAY, account="AHEAD"),
        InvoiceSpec(monday - 3 * DAY, account="AHEAD", currency="GBP"),
        InvoiceSpec(monday - 4 * DAY, account="AHEAD", disputed="yes"),
    )
    held = BrakeContext("preview", "maria", datetime.combine(monday, time(), UTC), datetime.combine(monday, time(), UTC))
    with environment.database.writing() as session:
        hold_accounts(session, ["AHEAD"], held)
    ahead = await asyncio.to_thread(look_ahead, environment, await environment.play.now(), 15, "AHEAD")
    assert (ahead.accounts, ahead.has_more, ahead.hindered) == (1, False, [])
    assert all(each.brake is not None and each.brake.awaits_release for each in ahead.letters)
    assert environment.sent_letters("AHEAD") == []

    await asyncio.to_thread(
        ReleaseStore(environment.database).release, ReleaseSelection(accounts=["AHEAD"]), "", held._replace(act_id="go")
    )
    await environment.play.run_mornings(monday, ahead.until)
    sent = sorted(environment.sent_letters("AHEAD"), key=lambda letter: (letter.on, letter.text))
    ahead.letters.sort(key=lambda each: (each.on, each.mail.text))
    foreseen = [
        (each.on, each.letter.letter, frozenset((line.invoice_id, line.named_as.value, line.open_balance) for line in each.letter.lines))
        for each in ahead.letters
    ]
    assert len(sent) >= 4
    assert foreseen == [(letter.on, letter.letter, letter.named) for letter in sent]
    assert [each.letter.asked_for for each in ahead.letters] == [letter.asked_for for letter in sent]
    assert [each.mail.text.split() for each in ahead.letters] == [letter.text.split() for letter in sent]
