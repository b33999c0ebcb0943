"""The dossiers of accounts: compiled from the database, kept as two documents (JSON and PDF), and found again."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import col

from adapters.config.company import Company
from adapters.database.engine import Database
from adapters.database.tables import DossierRow
from adapters.document_store import DocumentStore
from adapters.dossier.compiler import compile_dossier
from adapters.dossier.pdf_renderer import dossier_pdf
from adapters.dossier.wording import ENGLISH
from adapters.journal.account_entries import UnknownAccountError
from domain.dossier import Dossier, DossierMade, DossierPurpose


class WantedDossier(NamedTuple):
    """`key` makes it once; `at` is the moment (business time, UTC) as of which the account is described."""

    key: str
    account_id: str
    purpose: DossierPurpose
    at: datetime
    asked_by: str
    language: str = ENGLISH


class DossierBook:
    """Safe to share between threads."""

    def __init__(self, database: Database, company: Company) -> None:
        self._database, self._company = database, company
        self._documents = DocumentStore(database)

    def compile(self, account_id: str, purpose: DossierPurpose, at: datetime) -> Dossier:
        """The account as it stood. Raises UnknownAccountError."""
        return compile_dossier(self._database, self._company, account_id, purpose, at)

    def make(self, wanted: WantedDossier) -> DossierMade:
        """Compile, set and keep it, once by its key: asked for again, the first one is given. Raises UnknownAccountError."""
        if known := self.made(wanted.key):
            return known
        dossier = self.compile(wanted.account_id, wanted.purpose, wanted.at)
        pdf = dossier_pdf(dossier, wanted.language)
        name = f"{wanted.purpose}-{wanted.account_id}-{dossier.as_of.isoformat()}"
        stored = [
            self._documents.keep(f"{name}.{ending}", media_type, content, wanted.asked_by, wanted.at)
            for ending, media_type, content in (
                ("json", "application/json", dossier.json_bytes()),
                ("pdf", "application/pdf", pdf.content),
            )
        ]
        with self._database.writing() as session:
            session.execute(
                self._database.insert_new(DossierRow).values(
                    key=wanted.key, account_id=wanted.account_id, purpose=wanted.purpose.value, as_of=dossier.as_of, made_at=wanted.at,
                    json_sha256=stored[0], pdf_sha256=stored[1], pages=pdf.pages, asked_by=wanted.asked_by,
                )
            )  # fmt: skip
        made = self.made(wanted.key)
        assert made is not None
        return made

    def made(self, key: str) -> DossierMade | None:
        with self._database.reading() as session:
            row = session.get(DossierRow, key)
            return _made(row) if row else None

    def of_account(self, account_id: str) -> list[DossierRow]:
        """The latest first."""
        rows = select(DossierRow).where(col(DossierRow.account_id) == account_id)
        with self._database.reading() as session:
            found = session.execute(rows.order_by(col(DossierRow.made_at).desc(), col(DossierRow.key))).scalars().all()
            session.expunge_all()
            return list(found)


def _made(row: DossierRow) -> DossierMade:
    return DossierMade(
        purpose=DossierPurpose(row.purpose), json_sha256=row.json_sha256, pdf_sha256=row.pdf_sha256, pages=row.pages
    )  # fmt: skip


__all__ = ["DossierBook", "UnknownAccountError", "WantedDossier"]
