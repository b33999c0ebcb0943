"""The states and causes that rows of the database are in, exactly as they are stored. Other words for rows stand in the domain."""

from enum import StrEnum


class ContactRequestState(StrEnum):
    """A step's request for a letter: pending → claimed by a letter → its end; or withdrawn by the invoice itself."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    DROPPED = "dropped"
    WITHDRAWN = "withdrawn"


class MessageState(StrEnum):
    """A letter: intended → transmitting → sent, refused or unknown, or back to intended when it was deferred.

    VOID: nothing in it stands any more, or its case took it back.
    """

    INTENDED = "intended"
    TRANSMITTING = "transmitting"
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    VOID = "void"


class TaskState(StrEnum):
    """A person's task: open until somebody has done it, or until there is nothing to do any more."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class DigestState(StrEnum):
    """A person's digest of a day: intended until the mail server has taken it or refused it, or another day's took its place."""

    INTENDED = "intended"
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    SUPERSEDED = "superseded"


class WaitingNoticeState(StrEnum):
    """A notice that reached nobody: waiting until somebody with an address has its role. OVERTAKEN: there was nothing left to tell."""

    WAITING = "waiting"
    TOLD = "told"
    OVERTAKEN = "overtaken"


class RunEnding(StrEnum):
    """How the server says that a workflow's run ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELED = "canceled"
    TERMINATED = "terminated"
    CONTINUED_AS_NEW = "continued_as_new"


class ImportState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class AllocationCause(StrEnum):
    """Why a payment, credit note or write-off was allocated, or taken back."""

    RECEIVED = "received"
    APPLIED = "applied"
    REVERSED = "reversed"
    RELEASED = "released"
    WRITTEN_OFF = "written_off"
    RECOVERED = "recovered"
    TAKEN_BACK = "taken_back"


class AwaitedPart(StrEnum):
    """ROLE: people of that role may act on the case. PERSON: this person may, whatever their role."""

    ROLE = "role"
    PERSON = "person"


class ServiceChangeKind(StrEnum):
    """What the table of service changes says besides billing's answers to an order to suspend."""

    REINSTATED = "reinstated"


class BrakeEvent(StrEnum):
    """What the record of brakes says: letters were stopped, or go again; an account was held for release, or released."""

    STOPPED = "stopped"
    RESUMED = "resumed"
    HELD = "held"
    RELEASED = "released"


class ClockChannel(StrEnum):
    """The way by which somebody asked for a change of the played clock."""

    API = "api"
    CONSOLE = "console"
    COMMAND_LINE = "command_line"


class TokenKind(StrEnum):
    """TOKEN: made for a machine or a command, good until it expires or is revoked. SESSION: a browser's, which ends when it is not used."""

    TOKEN = "token"
    SESSION = "session"


class SignInMethod(StrEnum):
    """How a browser's session was opened."""

    LINK = "link"
    TOKEN = "token"
    PASSWORD = "password"
    PROVIDER = "provider"


class IdentityChannel(StrEnum):
    """The way by which somebody signed in or changed who may. PROVIDER: an OpenID provider said so."""

    API = "api"
    CONSOLE = "console"
    COMMAND_LINE = "command_line"
    PROVIDER = "provider"


class IdentityEventKind(StrEnum):
    """What the record of sign-ins, users and roles tells."""

    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    ROLE_CHOSEN = "role_chosen"
    SESSION_ENDED = "session_ended"
    USER_CHANGED = "user_changed"
    USER_DEACTIVATED = "user_deactivated"
    ROLE_GIVEN = "role_given"
    ROLE_TAKEN = "role_taken"
    TOKEN_MADE = "token_made"
    TOKEN_REVOKED = "token_revoked"
    LINK_MADE = "link_made"
    PASSWORD_SET = "password_set"


class StartPage(StrEnum):
    """The page that a person gets after signing in."""

    TODAY = "today"
    OVERVIEW = "overview"
    APPROVALS = "approvals"
    TEAM = "team"
    ACCOUNTS = "accounts"
    INVOICES = "invoices"
    CASES = "cases"
    LETTERS = "letters"
    AUDIT = "audit"
    USERS = "users"
    IMPORT = "import"
    PORTFOLIO = "portfolio"


class ConnectionEventKind(StrEnum):
    """What the record of connections to billing systems tells."""

    ADDED = "added"
    SECRET_CHANGED = "secret_changed"
    WEBHOOK_SECRET_CHANGED = "webhook_secret_changed"
    SWITCHED_OFF = "switched_off"
    SWITCHED_ON = "switched_on"
    ENCRYPTED_ANEW = "encrypted_anew"
    DECIDED_GONE = "decided_gone"


class DifferenceKind(StrEnum):
    """How what a connected system says differs from what is here. MISSING_HERE: it is owed there, and not open here. MISSING_THERE: it is
    open here, and nothing of it is owed there. BALANCE: another amount is owed. ACCOUNT, CURRENCY: it is another's, or in another currency.
    CREDIT: another amount is unapplied. UNREAD: what stands there cannot be read as an invoice, and may be owed."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    BALANCE = "balance"
    ACCOUNT = "account"
    CURRENCY = "currency"
    CREDIT = "credit"
    UNREAD = "unread"


class ConnectionRunKind(StrEnum):
    """What can be done with a connection: its test, a reading of what changed, a comparison of all that is open."""

    TEST = "test"
    READING = "reading"
    COMPARISON = "comparison"
