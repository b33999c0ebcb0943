"""What can go wrong outside Duecourse, each with a sentence that says what to do: the command line shows the sentence and no traceback."""

from adapters.archive_store import ArchiveStoreError
from adapters.business_clock import ClockConflictError
from adapters.database import NewerDatabaseError
from adapters.dossier_reading import UnknownAccountError
from adapters.history_archive import ArchiveDamagedError
from adapters.inbox import InboxPortTaken
from adapters.mapping import MappingError
from adapters.running import AlreadyRunningError
from adapters.settings import SettingsError
from adapters.sheet_reader import SheetError
from adapters.temporal_client import RetentionError, TemporalUnreachableError
from adapters.temporal_server import PortInUseError, TemporalMissingError, TemporalStartError
from domain.policy_text import PolicyError

REFUSALS: tuple[type[Exception], ...] = (
    AlreadyRunningError,
    ArchiveDamagedError,
    ArchiveStoreError,
    ClockConflictError,
    InboxPortTaken,
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
    UnknownAccountError,
)
