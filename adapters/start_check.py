"""What a start reads before anything runs: the company, the mail server's particulars, the letters; and, with `policy check`, the policies.

A start and `duecourse policy check` read alike, so that the check says no to everything that the next start would refuse.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from ssl import SSLError
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from adapters.config.company import load_company
from adapters.config.settings import ENV_PREFIX, Settings, SettingsError
from adapters.database.engine import Database
from adapters.letters.letter_templates import LetterTemplates
from adapters.mail.smtp_client import SmtpMailer
from adapters.policies.policy_files import CheckedPolicies
from adapters.policies.policy_store import PolicyStore
from domain.errors import OperatingError

T = TypeVar("T")


class StartCheckError(OperatingError):
    """What keeps a start from going ahead. One line per mistake: where it is, what is wrong, and what to do."""


def load_letters_for_start(settings: Settings) -> LetterTemplates:
    """Return the letters, once company, mail server and letters are good. Raises StartCheckError with the mistakes of all of them."""
    faults: list[str] = []
    letters = _collect_faults(faults, lambda: _load_letters(settings))
    _collect_faults(faults, lambda: load_company(settings))
    _collect_faults(faults, lambda: _check_mail_server(settings))
    if faults or letters is None:
        raise StartCheckError("\n".join(faults))
    return letters


def check_next_start(settings: Settings, drafts: Sequence[Path] = ()) -> tuple[CheckedPolicies, list[str]]:
    """Return what the next start would load, with notes on what may not be meant; nothing is changed.

    `drafts` are checked as though each lay in the folder of policies, in place of the file of its name or with its policy. Raises
    StartCheckError with everything that the next start would refuse.
    """
    faults: list[str] = []
    letters = _collect_faults(faults, lambda: load_letters_for_start(settings))
    try:
        database = _open_existing_database(settings)
        result = _collect_faults(
            faults, lambda: PolicyStore.check_folder(database, letters or LetterTemplates(), settings.policies_dir, drafts)
        )
        if database:
            database.close()
    except OperatingError as error:
        faults.append(str(error))
        result = None
    if faults or result is None:
        raise StartCheckError("\n".join(faults))
    return result


def _collect_faults(faults: list[str], read: Callable[[], T]) -> T | None:
    try:
        return read()
    except OperatingError as error:
        faults.append(str(error))
        return None


def _load_letters(settings: Settings) -> LetterTemplates:
    folder = settings.letters_dir
    if folder is not None and not folder.is_dir():
        raise SettingsError(f"{ENV_PREFIX}LETTERS_DIR names {folder}, which is no folder; name the folder of your letters, or unset it")
    letters = LetterTemplates(folder)
    if faults := letters.find_template_faults():
        raise StartCheckError("\n".join(faults))
    return letters


def _check_mail_server(settings: Settings) -> None:
    smtp = settings.build_smtp_settings()
    try:
        if smtp:
            SmtpMailer(smtp)
    except (OSError, SSLError) as error:
        raise SettingsError(
            f"{ENV_PREFIX}SMTP_CA_FILE names {settings.smtp_ca_file}, which cannot be used ({error}); name a PEM file"
        ) from error


def _open_existing_database(settings: Settings) -> Database | None:
    """Open the database as it is, of whatever schema; None where there is none yet. Raises NewerDatabaseError, SettingsError."""
    if settings.database_url is None and not (settings.data_dir / "duecourse.db").exists():
        return None
    database = Database(settings.resolved_database_url)
    try:
        return database if database.find_known_revision() else None
    except OperationalError as error:
        raise SettingsError(f"the database does not answer ({error.orig}); start it, or correct {ENV_PREFIX}DATABASE_URL") from error
