"""A letter with which a printed invoice goes along waits for the billing system alone, and asks it once."""

from time import sleep
from types import SimpleNamespace
from typing import Any, cast

from temporalio.testing import ActivityEnvironment

from activities.letter_sending import LetterSendingActivities, LetterTally
from adapters.billing.connector import ConnectorCapability
from adapters.billing.errors import BillingAwayError
from adapters.billing.external_records import InvoiceDocument
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.mail.smtp_client import Mailer
from adapters.temporal.case_signals import CaseSignals
from domain.clock import Clock
from tests.activities.test_letters_in_flight import MailServer
from tests.adapters.correspondence.correspondence_setup import HOUR, NOON, CorrespondenceSetup
from tests.adapters.correspondence.test_attached_invoices import ACCOUNT, FIRST, CopyingDesk
from tests.adapters.correspondence.test_written_letters import WRITER

OTHERS = 12


class BusyPrinter:
    """It prints once all other letters are gone, and gives up when they wait for it."""

    def __init__(self, mail_server: MailServer) -> None:
        self.capabilities = frozenset({ConnectorCapability.FETCH_DOCUMENT})
        self.asked, self._mail_server = 0, mail_server

    def fetch_document(self, _: str) -> InvoiceDocument:
        self.asked += 1
        for _attempt in range(200):
            if len(self._mail_server.recipients) == OTHERS:
                return InvoiceDocument("invoice.pdf", "application/pdf", b"%PDF-1.7")
            sleep(0.01)
        raise BillingAwayError("503")


async def test_a_copy_is_fetched_once_and_no_other_letter_waits_for_it(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_account(ACCOUNT)
    correspondence.create_invoice(FIRST, ACCOUNT)
    desk, mail_server = CopyingDesk(correspondence), MailServer()
    printer = desk.printer.connector = cast(Any, BusyPrinter(mail_server))
    desk.store.write(desk.build(FIRST), WRITER)
    for number in range(2, OTHERS + 2):
        correspondence.create_account(f"A{number}")
        correspondence.create_billed_invoice(f"I{number}", f"A{number}")
    clock = Clock(real_anchor=ActivityEnvironment().info.started_time, business_anchor=NOON + HOUR)
    nobody, feed = cast("CaseSignals", SimpleNamespace()), OutcomeFeed(correspondence.database)
    sending = LetterSendingActivities(desk.outbox, cast("Mailer", mail_server), feed, nobody, clock)
    letters = desk.outbox.claim_due_letters(NOON + HOUR, 100)
    assert letters[0] == 1, "it is the first in line"
    assert await ActivityEnvironment().run(sending.send_letters, letters) == LetterTally(sent=OTHERS + 1)
    assert printer.asked == 1
    assert len(mail_server.recipients) == OTHERS + 1
