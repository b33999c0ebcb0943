"""The daily seals: made over the heads of all cases' chains, and stored for good."""

from collections.abc import Collection, Mapping
from datetime import date, datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.audit.seals.leaf_encoding import (
    DecodedLeaves,
    LeavesByCase,
    decode_leaves,
    encode_leaves,
    load_decoded_leaves,
    parse_seal_row,
    select_changed_leaves,
)
from adapters.database.engine import Database
from adapters.database.tables import Case, JournalEntry, SealRow
from domain import identifiers as ids
from domain.audit.replay_report import SealPosition
from domain.audit.seal import InclusionProof, Seal, SealLeaf, build_proof, build_seal
from domain.audit.verification_report import VerificationFinding
from domain.errors import UserError
from domain.journal.entry import GENESIS
from domain.journal.entry_kinds import EntryKind

SEALS_TABLE = "seals"


class SealOrderError(UserError):
    """A day before the last one that was sealed cannot be sealed any more."""

    title = "This day cannot be sealed any more"
    status = 409
    problem_type = "seal-order"


class SealStore:
    """Makes, loads and checks the seals."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = database.build_insert_or_ignore(SealRow)

    def make_seal(self, day: date, now: datetime) -> Seal:
        """Seal the journal for the business day that is over; `now` is real time. A day's seal is made once; later calls return it.

        Raises SealOrderError.
        """
        with self._database.snapshot() as session:
            existing, last = session.get(SealRow, day), _load_last_seal(session)
            if existing:
                return parse_seal_row(existing).seal
            if last and last.day > day:
                raise SealOrderError(f"the seal of {last.day} is made; that of {day} cannot come after it")
            before = load_decoded_leaves(session, last.day).leaves if last else {}
            leaves = before | _load_current_leaves(session)  # a case that is gone keeps its leaf: its loss must be found
        seal = build_seal(day, list(leaves.values()), last.hash if last else GENESIS)
        has_all_leaves = last is None or (last.day.year, last.day.month) != (day.year, day.month)
        row = SealRow(
            **seal.model_dump(),
            hash=seal.digest(),
            whole=has_all_leaves,
            made_at=now,
            leaves=encode_leaves(leaves.values() if has_all_leaves else select_changed_leaves(leaves, before)),
        )
        with self._database.writing() as session:
            session.execute(self._insert, [row.model_dump()])
        with self._database.reading() as session:
            return parse_seal_row(session.get_one(SealRow, day)).seal

    def is_journalled(self, day: date) -> bool:
        """Return true when the journal records the day's seal already."""
        entry = select(col(JournalEntry.seq)).where(
            col(JournalEntry.case_id) == ids.SEAL_CASE_ID,
            col(JournalEntry.kind) == EntryKind.SEAL_MADE.value,
            JournalEntry.facts["on"].as_string() == day.isoformat(),
        )
        with self._database.reading() as session:
            return session.execute(entry.limit(1)).scalar() is not None

    def list_seals(self) -> list[Seal]:
        """List all seals in order of their days."""
        columns = select(col(SealRow.day), col(SealRow.root), col(SealRow.cases), col(SealRow.entries), col(SealRow.previous))
        with self._database.reading() as session:
            return [Seal.model_validate(dict(row._mapping)) for row in session.execute(columns.order_by(col(SealRow.day)))]

    def load_leaves(self, day: date) -> list[SealLeaf]:
        """Load the leaves that the day's seal was made over, in order of the case ids. Raises KeyError when the day has no seal."""
        with self._database.reading() as session:
            return sorted(load_decoded_leaves(session, day).leaves.values())

    def build_proof(self, day: date, case_id: str) -> InclusionProof:
        """Build the proof of a case's head in the day's seal. Raises KeyError when the day has no seal, or its seal no such case."""
        return build_proof(self.load_leaves(day), case_id)

    def find_seal_position(self, case_id: str, hashes: Mapping[str, int]) -> SealPosition | None:
        """Find the last seal whose leaf for the case is one of these hashes; `hashes` maps each to its entry's number."""
        last_day: date | None = None
        newest_first = select(SealRow).order_by(col(SealRow.day).desc()).execution_options(yield_per=1)
        with self._database.reading() as session:
            for row in session.scalars(newest_first):
                last_day = last_day or row.day
                leaf = next((leaf for leaf in decode_leaves(row.leaves) or () if leaf.case_id == case_id), None)
                if leaf and leaf.head in hashes:
                    return SealPosition(day=last_day, seq=hashes[leaf.head])
                if leaf:
                    last_day = None
                elif row.whole:
                    return None
        return None

    def load_last_leaves(self, case_ids: Collection[str]) -> LeavesByCase:
        """Load of each of these cases the leaf over which the last seal was made that knows it; reads a month of seals at most."""
        found, wanted = LeavesByCase(), set(case_ids)
        newest_first = select(SealRow).order_by(col(SealRow.day).desc()).execution_options(yield_per=1)
        with self._database.reading() as session:
            for row in session.scalars(newest_first) if wanted else ():
                found |= {leaf.case_id: leaf for leaf in decode_leaves(row.leaves, wanted) or ()}
                wanted -= found.keys()
                if row.whole or not wanted:
                    break
        return found

    def check_seal(self, day: date) -> list[VerificationFinding]:
        """Check that the day's seal is unchanged, follows from the one before, and that the journal still has every entry that it names.

        That those entries are unchanged, and still on their chains, is checked by `Verification`.
        """
        with self._database.snapshot() as session:
            row = session.get(SealRow, day)
            if row is None:
                return [VerificationFinding(table=SEALS_TABLE, key=str(day), what="is missing")]
            stored, leaves = parse_seal_row(row), load_decoded_leaves(session, day)
            previous = session.scalars(select(SealRow).where(col(SealRow.day) < day).order_by(col(SealRow.day).desc()).limit(1)).first()
            faults = find_seal_faults(stored.seal, stored.hash, previous.hash if previous else GENESIS)
            faults += find_leaf_faults(stored.seal, leaves)
            keys = session.execute(select(col(JournalEntry.case_id), col(JournalEntry.hash)).execution_options(yield_per=5_000))
            sealed = {(leaf.case_id, leaf.head) for leaf in leaves.leaves.values() if leaf.seq}
            missing = sealed.difference((case_id, entry) for case_id, entry in keys)
        missing_leaves = sorted(leaves.leaves[case_id] for case_id, _ in missing)
        return faults + [
            VerificationFinding(
                table="journal", key=f"{leaf.case_id}/{leaf.seq}", what=f"is missing: the seal of {day} has it as {leaf.head[:12]}"
            )
            for leaf in missing_leaves
        ]


def find_seal_faults(seal: Seal, stored_hash: str, previous_hash: str) -> list[VerificationFinding]:
    """Find the faults of a seal's row by itself, and as the successor of the seal before."""
    faults = []
    if seal.digest() != stored_hash:
        faults.append(VerificationFinding(table=SEALS_TABLE, key=str(seal.day), what="its content does not make its hash: it was changed"))
    if seal.previous != previous_hash:
        faults.append(
            VerificationFinding(
                table=SEALS_TABLE, key=str(seal.day), what="does not follow from the seal before it: one was changed, or is missing"
            )
        )
    return faults


def find_leaf_faults(seal: Seal, leaves: DecodedLeaves) -> list[VerificationFinding]:
    """Find the fault of leaves that do not make the seal's root."""
    if leaves.matches_seal(seal):
        return []
    return [VerificationFinding(table=SEALS_TABLE, key=str(seal.day), what="its leaves do not make its root: they were changed")]


def _load_last_seal(session: Session) -> SealRow | None:
    return session.scalars(select(SealRow).order_by(col(SealRow.day).desc()).limit(1)).first()


def _load_current_leaves(session: Session) -> LeavesByCase:
    """Load the current head of every case's chain, with the number of entries beside it."""
    entry_counts = (
        select(col(JournalEntry.case_id), func.count().label("entries"))
        .join(Case, (col(Case.case_id) == col(JournalEntry.case_id)) & (col(JournalEntry.seq) <= col(Case.seq)))
        .group_by(col(JournalEntry.case_id))
    )
    count_of = {row.case_id: int(row.entries) for row in session.execute(entry_counts)}
    cases = session.execute(select(col(Case.case_id), col(Case.seq), col(Case.head)))
    return {row.case_id: SealLeaf(row.case_id, row.seq, row.head, max(0, count_of.get(row.case_id, 0) - row.seq)) for row in cases}
