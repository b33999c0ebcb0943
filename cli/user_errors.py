"""What can go wrong outside Duecourse, each with a sentence that says what to do: the command line shows the sentence and no traceback."""

from adapters.audit.histories.archive import ArchiveDamagedError
from adapters.audit.histories.object_store import ArchiveStoreError
from adapters.config.settings import SettingsError
from adapters.database.clock_store import ClockConflictError
from adapters.database.engine import NewerDatabaseError
from adapters.imports.column_mapping import MappingError
from adapters.imports.sheet_reader import SheetError
from adapters.journal.account_entries import AccountNotFoundError
from adapters.mail.local_inbox import InboxPortInUseError
from adapters.process.instance_lock import AlreadyRunningError
from adapters.temporal.client import RetentionError, TemporalUnreachableError
from adapters.temporal.embedded_server import PortInUseError, TemporalMissingError, TemporalStartError
from domain.policy.policy_parsing import PolicyError

USER_ERRORS: tuple[type[Exception], ...] = (
    AlreadyRunningError,
    ArchiveDamagedError,
    ArchiveStoreError,
    ClockConflictError,
    InboxPortInUseError,
    MappingError,
    NewerDatabaseError,
    PolicyError,
    PortInUseError,
    RetentionError,
    SettingsError,
    SheetError,
    TemporalMissingError,
    TemporalStartError,
    TemporalUnreachableError,
    AccountNotFoundError,
)
