"""Whether the mail server answers is asked without a letter, kept in the database, and believed for some minutes."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.database.engine import Database
from adapters.mail.local_inbox import Inbox, InboxServer
from adapters.mail.mail_server_watch import BELIEVED_FOR, MailServerWatch, is_mail_server_away
from adapters.mail.smtp_client import SmtpSecurity, SmtpSettings, find_mail_server_problem
from tests.patience import Looks


def settings(port: int) -> SmtpSettings:
    return SmtpSettings(host="127.0.0.1", port=port, security=SmtpSecurity.PLAIN, hello_name="localhost", timeout_seconds=5)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_server_that_answers_has_no_problem_and_one_that_is_not_there_has(tmp_path: Path) -> None:
    with InboxServer(Inbox(tmp_path / "inbox"), 0) as inbox:
        assert await find_mail_server_problem(settings(inbox.port)) is None
    assert "127.0.0.1" in (await find_mail_server_problem(settings(find_free_port())) or "")


async def test_what_was_found_is_kept_and_believed_for_some_minutes(database: Database) -> None:
    found: list[str | None] = ["Connection refused", "Connection refused", None]

    async def probe() -> str | None:
        return found[0] if len(found) == 1 else found.pop(0)

    now = datetime.now(UTC)
    assert not is_mail_server_away(database, now), "nobody has asked"
    watching = asyncio.create_task(MailServerWatch(database, probe, pause=0.01).watch())
    async for _ in Looks(0.01):
        if is_mail_server_away(database, datetime.now(UTC)):
            break
    async for _ in Looks(0.01):
        if not is_mail_server_away(database, datetime.now(UTC)):
            break
    watching.cancel()
    await MailServerWatch(database, lambda: _answer("down")).look()
    assert is_mail_server_away(database, datetime.now(UTC))
    assert not is_mail_server_away(database, datetime.now(UTC) + BELIEVED_FOR + timedelta(seconds=1)), "whoever asked does so no more"


async def _answer(problem: str) -> str | None:
    return problem
