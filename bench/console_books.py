"""The books that the console is measured on: 100,000 invoices of 10,000 accounts, half of them open, with their cases, letters, payments
and journal; calls to make, promises to be kept, disputes to answer and disputes of old, and approvals to decide."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import insert, text
from sqlmodel import SQLModel

from adapters.cases.case_store import CaseStore
from adapters.config.settings import Settings
from adapters.database.engine import Database
from adapters.database.row_states import AwaitedPart
from adapters.database.tables import (
    Account,
    Allocation,
    CallRequest,
    Case,
    CaseAwaited,
    Contact,
    Invoice,
    JournalEntry,
    Message,
    MessageLine,
    Payment,
    Task,
)
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.policy_store import PolicyStore
from bench.account_state import build_life
from domain import identifiers as ids
from domain.approval.approval_case import ApprovalCase
from domain.approval.facts import ApprovalInvoice, DecisionFacts
from domain.approval.result import ApprovalSubject
from domain.approval.view import build_case_view
from domain.billing.billing_events import InvoiceStatus
from domain.case_write import CaseWrite
from domain.clock import Moment
from domain.identifiers import CaseKind
from domain.invoice.carried_state import CarriedState
from domain.invoice.view import build_case_view as build_invoice_view
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from domain.policy.approval_matrix import ApprovalRequest, MatrixSnapshot
from domain.policy.approval_type import ApprovalType
from domain.policy.collection_policy import PolicySnapshot
from domain.roles import Role

TODAY = date(2013, 6, 3)
AT = datetime(2013, 6, 3, 8, tzinfo=UTC)
COLLECTORS = 20
INVOICES_PER_ACCOUNT = 10
APPROVALS, CALLS_IN = 300, 8
"""How many approvals wait, and of how many accounts one is to be called."""

PROMISED_IN, DISPUTES = 40, 3
"""Of how many invoices one is promised, and how many disputes each account has had; one account in four has one that is open."""

COUNTRIES = (("DE", "Europe/Berlin", "de"), ("FR", "Europe/Paris", "fr"), ("ES", "Europe/Madrid", "es"), ("GB", "Europe/London", "en"))
CURRENCIES = ("EUR", "EUR", "EUR", "GBP")
NAMES = ("Brauerei", "Clinique", "Librería", "Harbour")
BATCH = 5_000


class ConsoleBooks(NamedTuple):
    """What pages are opened on."""

    account: str
    invoice: str
    letter: int
    approval: str


def fill_books(database: Database, accounts: int = 10_000) -> ConsoleBooks:
    settings = Settings()
    policies = PolicyStore(database, LetterTemplates(settings.letters_dir))
    policy = policies.load_folder(settings.policies_dir)[0]
    lives = [build_invoice_view(build_life(number, policy), "run", AT).model_dump(mode="json") for number in range(16)]
    with database.writing() as session:
        for table, rows in (
            (Account, _list_accounts(accounts)),
            (Contact, _list_contacts(accounts)),
            (Invoice, _list_invoices(accounts)),
            (Case, _list_cases(accounts, lives, policy)),
            (Case, _list_disputes(accounts)),
            (CaseAwaited, _list_awaited(accounts)),
            (JournalEntry, _list_entries(accounts)),
            (Payment, _list_payments(accounts)),
            (Allocation, _list_allocations(accounts)),
            (Message, _list_letters(accounts)),
            (MessageLine, _list_letter_lines(accounts)),
            (Task, _list_tasks(accounts)),
            (CallRequest, _list_call_requests(accounts)),
        ):
            _insert(session, table, rows)
    matrix = policies.get_matrix()
    approvals = [_store_approval(database, matrix, number) for number in range(min(APPROVALS, accounts // 7))]
    if not database.is_sqlite:  # what autovacuum does by itself, a minute later
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    return ConsoleBooks(_name_account(8), _name_invoice(8, 0), 1, approvals[0])


def _insert(session: Any, table: type[SQLModel], rows: Iterator[dict[str, Any]]) -> None:
    while batch := list(islice(rows, BATCH)):
        session.execute(insert(table), batch)


def _name_account(number: int) -> str:
    return f"K-{number:05}"


def _name_invoice(account: int, number: int) -> str:
    return f"R-{account:05}-{number}"


def _is_open(number: int) -> bool:
    """Every other invoice of an account."""
    return number % 2 == 0


def _list_accounts(accounts: int) -> Iterator[dict[str, Any]]:
    for number in range(accounts):
        country, zone, language = COUNTRIES[number % 4]
        yield {
            "id": _name_account(number),
            "name": f"{NAMES[number % 4]} {(number * 7919) % accounts:05}",
            "country": country,
            "time_zone": zone,
            "language": language,
            "segment": ("standard", "key")[number % 10 == 0],
            "collector": f"collector-{number % COLLECTORS}" if number % 50 else None,
            "suspended_on": TODAY - timedelta(days=9) if number % 500 == 1 else None,
        }


def _list_contacts(accounts: int) -> Iterator[dict[str, Any]]:
    for number in range(accounts):
        yield {"account_id": _name_account(number), "role": "billing", "name": "Accounts payable", "email": f"ap@k{number}.example"}


def _walk_invoices(accounts: int) -> Iterator[tuple[int, int, str, date, str, int]]:
    """Each account with each number of an invoice, its id, its due date, its currency, and its total in minor units."""
    for account in range(accounts):
        for number in range(INVOICES_PER_ACCOUNT):
            due = TODAY - timedelta(days=(account * 13 + number * 37) % 150 - 30)
            total = 5_000 + (account * 7907 + number * 611) % 900_000
            yield account, number, _name_invoice(account, number), due, CURRENCIES[account % 4], total


def _list_invoices(accounts: int) -> Iterator[dict[str, Any]]:
    for account, number, name, due, currency, total in _walk_invoices(accounts):
        is_open = _is_open(number)
        yield {
            "id": name,
            "account_id": _name_account(account),
            "number": name,
            "issue_date": due - timedelta(days=30),
            "due_date": due,
            "currency": currency,
            "total": total,
            "open_balance": total if is_open else 0,
            "status": InvoiceStatus.OPEN.value if is_open else InvoiceStatus.PAID.value,
            "settled_on": None if is_open else due,
        }


def _list_cases(accounts: int, lives: Sequence[dict[str, Any]], policy: PolicySnapshot) -> Iterator[dict[str, Any]]:
    for account, number, name, due, _, _ in _walk_invoices(accounts):
        life = lives[(account + number) % len(lives)]
        is_open = _is_open(number)
        yield {
            "case_id": ids.invoice_case_id(name),
            "run_id": "run",
            "kind": "invoice",
            "account_id": _name_account(account),
            "invoice_id": name,
            "stage": life["stage"] if is_open else InvoiceStatus.PAID.value,
            "next_step": life["next_step"] if is_open else None,
            "next_on": due + timedelta(days=40) if is_open else None,
            "promised_by": TODAY + timedelta(days=account % 14) if is_open and (account + number) % PROMISED_IN == 0 else None,
            "promised_amount": 5_000 if is_open and (account + number) % PROMISED_IN == 0 else None,
            "promised_on": TODAY - timedelta(days=account % 9) if is_open and (account + number) % PROMISED_IN == 0 else None,
            "stage_since": due + timedelta(days=2),
            "waiting_for": life["waiting_for"] if is_open else "nothing",
            "policy": policy.name,
            "policy_version": policy.version,
            "holds": life["holds"] if is_open else [],
            "taken": life["taken"],
            "outcome": None if is_open else InvoiceStatus.PAID.value,
            "disputed": 0,
            "summary": {},
            "carried": {},
            "seq": 1,
            "head": f"{account:064}",
            "updated_at": AT,
        }


def _list_disputes(accounts: int) -> Iterator[dict[str, Any]]:
    for account in range(accounts):
        for number in range(1, DISPUTES + 1):
            name, raised = _name_invoice(account, 0), TODAY - timedelta(days=(account * 11 + number * 40) % 400)
            is_open = _is_disputed(account, number)
            yield {
                "case_id": ids.dispute_case_id(name, number),
                "run_id": "run",
                "kind": CaseKind.DISPUTE.value,
                "account_id": _name_account(account),
                "invoice_id": name,
                "stage": "open" if is_open else "closed",
                "stage_since": raised,
                "stated_currency": CURRENCIES[account % 4],
                "stated_amount": 9_000 if is_open else 0,
                "next_on": raised + timedelta(days=14) if is_open else None,
                "waiting_for": Role.SALES_OPS.value if is_open else "nothing",
                "awaiting_role": Role.SALES_OPS.value if is_open else None,
                "outcome": None if is_open else "rejected",
                "summary": {
                    "reason": "wrong_price",
                    "amount": 9_000,
                    "contested": 9_000 if is_open else 0,
                    "currency": CURRENCIES[account % 4],
                    "department": Role.SALES_OPS.value,
                    "raised_by": "collector-1",
                    "raised_on": raised.isoformat(),
                },
                "holds": [],
                "taken": [],
                "carried": {},
                "seq": 1,
                "head": f"{account:064}",
                "updated_at": AT,
            }


def _is_disputed(account: int, number: int) -> bool:
    return account % 4 == 0 and number == DISPUTES


def _list_awaited(accounts: int) -> Iterator[dict[str, Any]]:
    for account in range(accounts):
        if _is_disputed(account, DISPUTES):
            case_id = ids.dispute_case_id(_name_invoice(account, 0), DISPUTES)
            yield {"case_id": case_id, "part": AwaitedPart.ROLE.value, "name": Role.SALES_OPS.value}


def _list_entries(accounts: int) -> Iterator[dict[str, Any]]:
    for account, _, name, due, _, _ in _walk_invoices(accounts):
        at = datetime(due.year, due.month, due.day, 9, tzinfo=UTC)
        yield {
            "case_id": ids.invoice_case_id(name),
            "seq": 1,
            "kind": EntryKind.LETTER_SENT.value,
            "account_id": _name_account(account),
            "invoice_id": name,
            "business_at": at + timedelta(days=2),
            "recorded_at": AT,
            "actor": "duecourse",
            "facts": {"step": "courtesy"},
            "previous": "0" * 64,
            "hash": f"{account:064}",
        }


def _list_payments(accounts: int) -> Iterator[dict[str, Any]]:
    for account, number, name, due, currency, total in _walk_invoices(accounts):
        if not _is_open(number):
            yield {"id": f"P-{name}", "account_id": _name_account(account), "currency": currency, "amount": total, "received_on": due}


def _list_allocations(accounts: int) -> Iterator[dict[str, Any]]:
    for _, number, name, due, _, total in _walk_invoices(accounts):
        if not _is_open(number):
            yield {"payment_id": f"P-{name}", "invoice_id": name, "amount": total, "allocated_on": due}


def _list_letters(accounts: int) -> Iterator[dict[str, Any]]:
    for place, (account, _, name, due, currency, total) in enumerate(_walk_invoices(accounts), 1):
        sent = datetime(due.year, due.month, due.day, 9, tzinfo=UTC) + timedelta(days=2)
        yield {
            "id": place,
            "key": f"letter:{name}",
            "account_id": _name_account(account),
            "recipient": f"ap@k{account}.example",
            "language": COUNTRIES[account % 4][2],
            "currency": currency,
            "letter": "reminder",
            "slot": sent,
            "message_id": f"<{name}@bench.example>",
            "subject": f"Reminder: {name}",
            "state": "refused" if place % 997 == 0 else "sent",
            "attempts": 1,
            "sent_at": sent,
            "reply": "250 OK",
            "asked_for": total,
        }


def _list_letter_lines(accounts: int) -> Iterator[dict[str, Any]]:
    for place, (_, _, name, _, _, total) in enumerate(_walk_invoices(accounts), 1):
        yield {
            "message_id": place,
            "invoice_id": name,
            "step": "courtesy",
            "attempt": 1,
            "open_balance": total,
            "days_past_due": 2,
            "invoice_version": 1,
        }


def _list_tasks(accounts: int) -> Iterator[dict[str, Any]]:
    for place, account in enumerate(range(0, accounts, CALLS_IN), 1):
        yield {
            "id": place,
            "key": f"call:{account}",
            "kind": "call",
            "account_id": _name_account(account),
            "role": "collector",
            "due_on": TODAY - timedelta(days=account % 9),
        }


def _list_call_requests(accounts: int) -> Iterator[dict[str, Any]]:
    for place, account in enumerate(range(0, accounts, CALLS_IN), 1):
        for number in (0, 2):
            yield {"invoice_id": _name_invoice(account, number), "step": "phone_call", "task_id": place, "due_on": TODAY}


def _store_approval(database: Database, matrix: MatrixSnapshot, number: int) -> str:
    account, name = _name_account(number * 7), _name_invoice(number * 7, 0)
    asked = ApprovalInvoice(
        invoice_id=name, number=name, currency="EUR", open_balance=90_000, amount=90_000, due_on=TODAY - timedelta(days=50)
    )
    subject = ids.suspension_case_id(account)
    case = ApprovalCase.create(
        Journal(case_id=ids.approval_case_id(subject, 1), account_id=account),
        ApprovalRequest(matter=ApprovalType.SUSPENSION_WARNING, amount=90_000, currency="EUR"),
        "collector-1",
        ApprovalSubject(case_id=subject),
        matrix,
        facts=DecisionFacts(amounts={"EUR": 90_000}, invoices=[asked]),
    )
    case.open(Moment(AT, AT))
    carried = CarriedState(**case.build_earlier_run().model_dump())
    record = CaseWrite(now=AT, entries=list(case.journal.pending), case=build_case_view(case, "run"), carried=carried)
    CaseStore(database).write([record])
    return case.journal.case_id
