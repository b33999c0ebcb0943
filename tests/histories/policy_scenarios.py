"""A corrected policy that reaches an open invoice, played to be recorded."""

import tempfile
from datetime import timedelta
from pathlib import Path

from adapters.policies.adoption_query import AdoptionQuery
from adapters.policies.adoption_start import build_adoption_command, build_adoption_start
from adapters.shipped_files import PROJECT
from adapters.temporal.case_commands import TemporalCaseCommands
from domain import identifiers as ids
from domain.case.command import CommandReceipt
from domain.roles import Role
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment


async def moved_to_a_later_version(environment: CollectionEnvironment) -> list[str]:
    """A reminded invoice goes on by a version that calls before the second reminder. Its case, and that of the adoption."""
    invoice, monday = await environment.open_reminded_invoice()
    parts, cases = environment.play.parts, AccountCommands(environment)
    _put_later_version_in_force(environment)
    command = build_adoption_command(AdoptionQuery(environment.database, parts.policies), "standard", "adoption", "mira")
    receipt = await TemporalCaseCommands(environment.play.client).submit_or_start_case(
        build_adoption_start("standard", parts.clock), command
    )
    assert isinstance(receipt, CommandReceipt), "no worker answered in time"
    adoption = ids.policy_adoption_case_id("standard")
    await cases.decide(await cases.wait_for_approval(adoption), "dora", Role.FINANCE_DIRECTOR)
    await environment.wait_for_entries(invoice, "policy.adopted")
    while cases.row(adoption).outcome is None:
        await environment.play.skip_to(await environment.play.now() + timedelta(seconds=6))
    await environment.play.run_mornings(monday + 3 * DAY, monday + 9 * DAY)
    await environment.pay(invoice, 10_000)
    await environment.outcome(invoice)
    return [ids.invoice_case_id(invoice), adoption]


def _put_later_version_in_force(environment: CollectionEnvironment) -> None:
    text = (PROJECT / "policies" / "standard.yaml").read_text(encoding="utf-8")
    second = "  - {day: 7,  step: second_reminder,"
    assert "version: 3" in text
    assert second in text
    later = text.replace("version: 3", "version: 4").replace(second, f"  - {{day: 4,  step: early_call, act: call}}\n{second}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "standard.yaml").write_text(later, encoding="utf-8")
        environment.play.parts.policies.load_folder(Path(folder))
