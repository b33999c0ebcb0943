"""What the journal rests on, for auditors: letters, documents, and the rules that were in force. One at a time is in memory."""

import re
from pathlib import PurePath
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.audit.export.signed_zip import SignedZip
from adapters.database.tables import Document, DossierRow, ErasureRow, Message, PolicyVersion, Setting
from adapters.policies.in_force import IN_FORCE_SETTING
from domain.audit.scope import AccountScope, AuditScope
from domain.journal.entry_hash import canonical_json
from domain.policy.approval_matrix import MATRIX_POLICY_NAME

_SUFFIX_PATTERN = re.compile(r"\.[a-z0-9]{1,8}")
_UNSAFE_CHARACTER = re.compile(r"[^A-Za-z0-9._-]")


class SupportingRecords:
    """Of one scope, read in one session."""

    def __init__(self, session: Session, scope: AuditScope) -> None:
        self._session, self._scope = session, scope

    def add_letters(self, signed_zip: SignedZip) -> None:
        """Byte for byte as they were transmitted. A letter that never was has no content, nor has one that was erased."""
        message, when = Message, func.coalesce(col(Message.sent_at), col(Message.slot))
        mine = (
            col(message.account_id) == self._scope.account_id
            if isinstance(self._scope, AccountScope)
            else (when >= self._scope.starts_at) & (when < self._scope.ends_before)
        )
        ids = self._session.execute(select(col(message.id), when).where(mine, func.length(col(message.content)) > 0)).all()
        for name, letter_id in sorted((f"letters/{at:%Y-%m-%d}_{letter_id:08d}.eml", letter_id) for letter_id, at in ids):
            about: tuple[Any, ...] = (
                message.content,
                message.account_id,
                message.letter,
                message.state,
                message.message_id,
                message.case_id,
            )
            row = self._session.execute(select(*about).where(col(message.id) == letter_id)).one()
            signed_zip.add(
                name,
                row.content,
                what="letter",
                account=row.account_id,
                letter=row.letter or None,
                state=row.state,
                message_id=row.message_id,
                case=row.case_id,
            )

    def add_documents(self, signed_zip: SignedZip, digests: set[str]) -> None:
        """Those that entries name, and the dossiers."""
        row = DossierRow
        mine = (
            col(row.account_id) == self._scope.account_id
            if isinstance(self._scope, AccountScope)
            else (col(row.made_at) >= self._scope.starts_at) & (col(row.made_at) < self._scope.ends_before)
        )
        dossiers = self._session.execute(select(col(row.json_sha256), col(row.pdf_sha256)).where(mine)).all()
        for digest in sorted(digests.union(*dossiers)):
            document = Document
            about: tuple[Any, ...] = (document.content, document.name, document.media_type, document.stored_by, document.stored_at)
            found = self._session.execute(select(*about).where(col(document.sha256) == digest)).one_or_none()
            if found is not None:
                signed_zip.add(
                    f"documents/{digest}{_file_suffix(found.name)}",
                    found.content,
                    what="document",
                    name=found.name,
                    media_type=found.media_type,
                    stored_by=found.stored_by,
                    stored_at=found.stored_at.isoformat(),
                )

    def add_erasures(self, signed_zip: SignedZip) -> None:
        """The reports: they name nobody, and say of each letter that went what its SHA-256 was."""
        row = ErasureRow
        mine = (
            col(row.account_id) == self._scope.account_id
            if isinstance(self._scope, AccountScope)
            else (col(row.at) >= self._scope.starts_at) & (col(row.at) < self._scope.ends_before)
        )
        reports = self._session.scalars(select(col(row.report)).where(mine).order_by(col(row.at), col(row.key)))
        lines = b",".join(b"\n" + canonical_json(report) for report in reports)
        signed_zip.add("erasures.json", b"[" + lines + b"\n]\n", what="what was erased of personal details, and what was kept")

    def add_policies(self, signed_zip: SignedZip) -> None:
        """Every version that was ever in force."""
        rows = self._session.execute(select(PolicyVersion)).scalars().all()
        named = {f"policies/{_UNSAFE_CHARACTER.sub('_', row.name)}/{row.version:04d}.json": row for row in rows}
        for name, row in sorted(named.items()):
            signed_zip.add(
                name,
                row.snapshot.encode(),
                what="approval matrix" if row.name == MATRIX_POLICY_NAME else "policy",
                policy=row.name,
                version=row.version,
                first_in_force=row.created_at.isoformat(),
                policy_sha256=row.sha256,
            )

    def list_policies_in_force(self) -> list[str]:
        """Name and version of what is in force when the export is made."""
        setting = self._session.get(Setting, IN_FORCE_SETTING)
        names = {*(setting.value["names"] if setting else []), MATRIX_POLICY_NAME}
        newest = (
            select(col(PolicyVersion.name), func.max(col(PolicyVersion.version)))
            .where(col(PolicyVersion.name).in_(names))
            .group_by(col(PolicyVersion.name))
        )
        return sorted(f"{name} {version}" for name, version in self._session.execute(newest))


def _file_suffix(name: str) -> str:
    ending = PurePath(name).suffix.lower()
    return ending if _SUFFIX_PATTERN.fullmatch(ending) else ""


__all__ = ["SupportingRecords"]
