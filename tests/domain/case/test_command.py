"""The journal calls a command by a name of its own, so that a class may be renamed without changing a hash."""

from importlib import import_module
from pkgutil import walk_packages

import domain
from domain.case.command import Command

JOURNAL_NAMES = {
    "AcceptPlan",
    "AddNote",
    "AdoptPolicy",
    "AnswerEscalation",
    "AskAgain",
    "AskSuspension",
    "AssignDispute",
    "AttachEvidence",
    "CancelPlan",
    "CloseReview",
    "Decision",
    "DeclinePlan",
    "EraseAccount",
    "Escalate",
    "ExtendNotice",
    "GiveVerdict",
    "HandOverNow",
    "LogCall",
    "MakePromise",
    "Pause",
    "ProposePlan",
    "ProposeWriteOff",
    "RaiseDispute",
    "ReferAccount",
    "Reinstate",
    "RequestCredit",
    "ResolveDispute",
    "Resume",
    "RevisePlan",
    "SendWarningAgain",
    "ResendLetter",
    "SkipLetter",
    "WithdrawCreditRequest",
    "WithdrawSuspension",
    "Withdrawal",
}
"""Never changed, for entries with them are hashed; only added to."""


def command_classes() -> list[type[Command]]:
    for module in walk_packages(domain.__path__, "domain."):
        import_module(module.name)
    return Command.__subclasses__()


def test_every_command_has_a_name_of_its_own_for_the_journal() -> None:
    assert all("journal_name" in vars(each) for each in command_classes())
    assert sorted(each.journal_name for each in command_classes()) == sorted(JOURNAL_NAMES)
