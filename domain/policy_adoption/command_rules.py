"""What people may ask of the adoption of a policy: what rules it out, and what it changes."""

from datetime import date

from domain.case.command import Command
from domain.case.command_handling import CommandRules
from domain.clock import Moment
from domain.policy_adoption.adoption_case import AdoptionCase
from domain.policy_adoption.commands import RequestPolicyAdoption
from domain.refusal import Refusal


def _find_rejection_reason(case: AdoptionCase, command: Command, today: date) -> Refusal | None:
    if not isinstance(command, RequestPolicyAdoption):
        return None
    if case.is_asked and case.target:
        what = {"policy": case.target.name, "version": case.target.version}
        if case.is_ended:
            return Refusal(
                "adoption.just_ended", "the adoption of {policy} version {version} has just ended; ask again in a moment", **what
            )
        if case.puts_in_force:
            return Refusal(
                "adoption.force_under_way",
                "putting in force {policy} version {version} is under way, asked for by {person}; wait until it has ended",
                person=case.requester,
                **what,
            )
        return Refusal(
            "adoption.under_way",
            "the adoption of {policy} version {version} is under way, asked for by {person}; wait until it has ended",
            person=case.requester,
            **what,
        )
    if not command.invoices and not command.puts_in_force:
        return Refusal(
            "adoption.nothing", "no open invoice follows an older version of {policy}; there is nothing to move", policy=command.policy.name
        )
    return None


def _apply_accepted_command(case: AdoptionCase, command: Command, at: Moment) -> int | None:
    if isinstance(command, RequestPolicyAdoption):
        return case.request_adoption(command, at)
    raise TypeError(f"no rule says what a {type(command).__name__} does to the adoption of a policy")


RULES = CommandRules(_find_rejection_reason, _apply_accepted_command)
