"""User errors: each knows its title, its status and its names, which are the same today as they were."""

import pytest

from domain.errors import OperatingError, UserError
from tests.user_errors import list_user_errors

KNOWN = {
    "CommandRejected": (409, "refused", "The case's state rules this out"),
    "CasesUnreachable": (503, "unreachable", "Temporal does not answer"),
    "UnknownLetterError": (404, "not-found", "There is no such letter"),
    "LetterNotDecidableError": (409, "not-undecided", "This letter waits for no decision"),
    "AccountNotFoundError": (404, "not-found", "There is no such account"),
    "UnknownImportError": (404, "not-found", "There is no such import"),
    "UnknownAccountsError": (404, "not-found", "There are no such accounts"),
    "NotACollectorError": (422, "no-collector", "This person cannot have accounts"),
    "RulesChangedError": (409, "changed", "The rules have changed in the meantime"),
    "CoverClashError": (409, "clash", "They have such a cover already"),
    "UnknownCoverError": (404, "not-found", "There is no such cover"),
    "UnknownCursorError": (422, "invalid", "The request cannot be read"),
    "MappingError": (422, "mapping", "The mapping cannot be used"),
    "SheetError": (422, "file", "The file cannot be used"),
    "BrokenSheetError": (422, "file", "The file cannot be used"),
    "EmptySheetError": (422, "file", "The file cannot be used"),
    "HeaderError": (422, "file", "The file cannot be used"),
    "UnknownInvoiceError": (404, "not-found", "There is no such invoice"),
    "UnknownAccountError": (404, "not-found", "There is no such account"),
    "UnknownPaymentError": (404, "not-found", "There is no such payment"),
    "ConflictingPaymentError": (409, "conflicting-payment", "The ledger cannot book this"),
    "ConflictingCreditNoteError": (409, "conflicting-credit-note", "The ledger cannot book this"),
    "ConflictingBookingError": (409, "conflicting-booking", "The ledger cannot book this"),
    "CancelledInvoiceError": (409, "cancelled", "The ledger cannot book this"),
    "CurrencyMismatchError": (422, "currency-mismatch", "The ledger cannot book this"),
    "InvalidAmountError": (422, "invalid-amount", "The ledger cannot book this"),
    "UnsupportedOperationError": (409, "unsupported", "The billing system cannot do this"),
    "ArchiveDamagedError": (409, "damaged", "The archive was tampered with"),
    "ArchiveStoreError": (503, "unreachable", "The histories cannot be reached"),
}
"""What callers of the API rely on."""

KNOWN_TO_OPERATORS = {
    "AlreadyRunningError",
    "ClockConflictError",
    "ComponentFailedError",
    "DatabaseUnreachableError",
    "InboxPortInUseError",
    "NamespaceError",
    "NamespaceUncheckedError",
    "NewerDatabaseError",
    "PolicyError",
    "PortInUseError",
    "RetentionError",
    "SettingsError",
    "TemporalAbsentError",
    "TemporalMissingError",
    "TemporalStartError",
    "TemporalUnreachableError",
}


@pytest.mark.parametrize("kind", list_user_errors())
def test_every_user_error_has_a_title_a_status_and_a_type(kind: type[UserError]) -> None:
    assert kind.title[:1].isupper()
    assert kind.status in {403, 404, 409, 422, 503} or (issubclass(kind, OperatingError) and kind.status == 500)
    assert kind.problem_type == kind.problem_type.lower().replace("_", "-").strip("-") != ""
    assert kind.exit_status in {1, 2}
    assert kind.failure_type


def test_what_callers_rely_on_stays() -> None:
    found = {kind.__name__: (kind.status, kind.problem_type, kind.title) for kind in list_user_errors()}
    assert {name: found.get(name) for name in KNOWN} == KNOWN


def test_what_only_the_operator_can_mend_stays_among_the_user_errors() -> None:
    assert {kind.__name__ for kind in list_user_errors() if issubclass(kind, OperatingError)} >= KNOWN_TO_OPERATORS


def test_a_failure_is_called_as_histories_have_it() -> None:
    names = {kind.__name__: kind.failure_type for kind in list_user_errors()}
    assert (names["AccountNotFoundError"], names["SealOrderError"]) == ("UnknownAccount", "SealOrder")


def test_only_a_part_that_ends_while_duecourse_runs_is_a_failure_of_its_own() -> None:
    assert [kind.__name__ for kind in list_user_errors() if kind.exit_status == 1] == ["ComponentFailedError"]
