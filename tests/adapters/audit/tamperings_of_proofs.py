"""What may be done to the proofs themselves: the journal, the seals, the archived histories, the reports of erasures."""

from datetime import date

from sqlmodel import col

from adapters.database.tables import ArchivedRun, ErasureRow, SealRow
from domain.journal.entry_kinds import EntryKind
from tests.adapters.audit.audited_database import LETTER, sha256_hex
from tests.adapters.audit.tampering import (
    Proof,
    Tampering,
    Where,
    add,
    all_of,
    change,
    change_entry,
    make_seals_again,
    named,
    put_in,
    remove,
    remove_entry,
    rewrite,
)
from tests.adapters.audit.tamperings import CASE_1, LETTER_1
from tests.domain.builders import moment

RUN_1: Where = col(ArchivedRun.run_id) == "run-1"
ERASURE: Where = col(ErasureRow.key) == "act:1"
FIRST, LAST = col(SealRow.day) == date(2013, 4, 2), col(SealRow.day) == date(2013, 4, 3)
I1, PAYMENT = "invoice:I1", EntryKind.PAYMENT_RECEIVED
ERASED, ATTACHED, SENT = (
    ("erasure:A2", EntryKind.ACCOUNT_ERASED),
    ("dispute:I9:1", EntryKind.DISPUTE_EVIDENCE_ATTACHED),
    ("dispute:I9:1", EntryKind.LETTER_SENT),
)
PAID: Proof = (I1, PAYMENT)


def journal(what: str, done: object, *keys: str, mail: bool = False) -> Tampering:
    """One that the replay names too; `keys` are the case and number of each entry that `verify` names."""
    return Tampering("journal", what, done, tuple(("journal", key, None) for key in keys), replay=True, mail=mail)  # type: ignore[arg-type]


JOURNAL = [
    journal("an entry’s facts", change_entry(I1, PAYMENT, facts={"amount": 9_000}), f"{I1}/3"),
    journal("an entry’s actor", change_entry(I1, PAYMENT, actor="eve"), f"{I1}/3"),
    journal("an entry’s kind", change_entry(I1, PAYMENT, kind="note.added"), f"{I1}/3"),
    journal("an entry’s business time", change_entry(I1, PAYMENT, business_at=moment(1).business), f"{I1}/3"),
    journal("an entry deleted", remove_entry(I1, PAYMENT), f"{I1}/3"),
    named("journal", "an entry added after the last", put_in(I1, seq=5, previous=4), f"{I1}/5"),
    named("journal", "an entry put in that follows none", put_in(I1, seq=9, previous=2), f"{I1}/9"),
    Tampering(
        "journal", "an entry put in beside the chain, after the seal", put_in(I1, seq=3, previous=2), (("journal", f"{I1}/3", None),)
    ),
    journal("the chain written anew, with the case’s head", rewrite(I1, 2, actor="eve"), f"{I1}/4"),
    journal("the chain and all seals written anew", all_of(rewrite(I1, 2, actor="eve"), make_seals_again), mail=True),
    Tampering(
        "journal",
        "a case deleted whole",
        all_of(
            *(remove_entry(I1, kind) for kind in (EntryKind.CASE_OPENED, EntryKind.LETTER_SENT, PAYMENT, EntryKind.HOLD_PLACED)),
            remove(CASE_1),
        ),
        (("cases", I1, None),),
        replay=True,
    ),
]

SEALS = [
    Tampering("seals", "the root", change(LAST, root="e" * 64), (("seals", "2013-04-03", None),), mail=True),
    Tampering("seals", "the hash", change(LAST, hash="e" * 64), (("seals", "2013-04-03", None),), mail=True),
    named("seals", "the leaves", change(LAST, leaves=b"nothing"), "2013-04-03"),
    Tampering(
        "seals",
        "one that others follow deleted",
        remove(FIRST),
        (("seals", "2013-04-03", None), ("seals", "2013-04-02", ("seal", EntryKind.SEAL_MADE))),
        mail=True,
    ),
    Tampering("seals", "the last one deleted, before its entry was written", remove(LAST), mail=True),
    Tampering(
        "seals",
        "all of them deleted",
        all_of(remove(FIRST), remove(LAST)),
        (("seals", "none", None), ("seals", "2013-04-02", ("seal", EntryKind.SEAL_MADE))),
        mail=True,
    ),
    Tampering("seals", "when it was made", change(LAST, made_at=moment(60).real)),
]

HISTORIES = [
    named("archived_runs", "a history", change(RUN_1, content=b"other"), "invoice:I2/run-1"),
    named("archived_runs", "its SHA-256", change(RUN_1, sha256="e" * 64), "invoice:I2/run-1"),
    named("archived_runs", "a history deleted that a later one continues", remove(RUN_1), "invoice:I2/run-1"),
]

ERASURES = [
    Tampering(
        "erasures",
        "a report deleted",
        remove(ERASURE),
        (("erasures", "act:1", ERASED), ("messages", "<2@ours.test>", SENT), ("documents", sha256_hex(b"a complaint"), ATTACHED)),
    ),
    named(
        "erasures",
        "one put in, to excuse a letter that was emptied",
        all_of(
            add(
                lambda: ErasureRow(
                    key="forged",
                    account_id="A1",
                    asked_by="eve",
                    at=moment(9).business,
                    recorded_at=moment(9).real,
                    report={"letters": {"<1@ours.test>": sha256_hex(LETTER)}, "documents": []},
                )
            ),
            change(LETTER_1, content=b"", recipient="", subject=""),
        ),
        "forged",
    ),
]

PROOF_TAMPERINGS = [*JOURNAL, *SEALS, *HISTORIES, *ERASURES]
