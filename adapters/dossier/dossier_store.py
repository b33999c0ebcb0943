"""The dossiers of accounts: compiled from the database, kept as two documents (JSON and PDF), and found again."""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import col

from adapters.config.company import Company
from adapters.database.engine import Database
from adapters.database.tables import DossierRow
from adapters.document_store import DocumentStore
from adapters.dossier.compiler import compile_dossier
from adapters.dossier.pdf_renderer import render_dossier_pdf
from adapters.i18n.languages import DEFAULT_LANGUAGE
from adapters.journal.account_entries import AccountNotFoundError
from domain.dossier import Dossier, DossierPurpose, GeneratedDossier


class RequestedDossier(NamedTuple):
    """`key` makes it once; `at` is the moment (business time, UTC) as of which the account is described."""

    key: str
    account_id: str
    purpose: DossierPurpose
    at: datetime
    asked_by: str
    language: str = DEFAULT_LANGUAGE


class StoredDossier(NamedTuple):
    """A dossier in the list of its account's. `made_at` is business time (UTC), as of which the account is described."""

    key: str
    purpose: DossierPurpose
    as_of: date
    made_at: datetime
    asked_by: str
    json_sha256: str
    pdf_sha256: str
    pages: int


class DossierStore:
    """Safe to share between threads."""

    def __init__(self, database: Database, company: Company) -> None:
        self._database, self._company = database, company
        self._documents = DocumentStore(database)

    def compile(self, account_id: str, purpose: DossierPurpose, at: datetime) -> Dossier:
        """The account as it stood. Raises AccountNotFoundError."""
        return compile_dossier(self._database, self._company, account_id, purpose, at)

    def make_dossier(self, request: RequestedDossier) -> GeneratedDossier:
        """Compile, set and keep it, once by its key: asked for again, the first one is given. Raises AccountNotFoundError."""
        if known := self.find_dossier(request.key):
            return known
        dossier = self.compile(request.account_id, request.purpose, request.at)
        pdf = render_dossier_pdf(dossier, request.language)
        name = f"{request.purpose}-{request.account_id}-{dossier.as_of.isoformat()}"
        stored = [
            self._documents.add(f"{name}.{ending}", media_type, content, request.asked_by, request.at)
            for ending, media_type, content in (
                ("json", "application/json", dossier.to_json_bytes()),
                ("pdf", "application/pdf", pdf.content),
            )
        ]
        with self._database.writing() as session:
            session.execute(
                self._database.build_insert_or_ignore(DossierRow).values(
                    key=request.key,
                    account_id=request.account_id,
                    purpose=request.purpose.value,
                    as_of=dossier.as_of,
                    made_at=request.at,
                    json_sha256=stored[0],
                    pdf_sha256=stored[1],
                    pages=pdf.pages,
                    asked_by=request.asked_by,
                )
            )
        made = self.find_dossier(request.key)
        assert made is not None
        return made

    def find_dossier(self, key: str) -> GeneratedDossier | None:
        with self._database.reading() as session:
            row = session.get(DossierRow, key)
            return _parse_dossier_row(row) if row else None

    def list_dossiers(self, account_id: str) -> list[StoredDossier]:
        """Return the account's dossiers, the latest first."""
        rows = select(DossierRow).where(col(DossierRow.account_id) == account_id)
        with self._database.reading() as session:
            found = session.execute(rows.order_by(col(DossierRow.made_at).desc(), col(DossierRow.key))).scalars().all()
            return [_parse_stored_dossier(row) for row in found]


def _parse_dossier_row(row: DossierRow) -> GeneratedDossier:
    return GeneratedDossier(purpose=DossierPurpose(row.purpose), json_sha256=row.json_sha256, pdf_sha256=row.pdf_sha256, pages=row.pages)


def _parse_stored_dossier(row: DossierRow) -> StoredDossier:
    return StoredDossier(
        row.key, DossierPurpose(row.purpose), row.as_of, row.made_at, row.asked_by, row.json_sha256, row.pdf_sha256, row.pages
    )


__all__ = ["AccountNotFoundError", "DossierStore", "RequestedDossier", "StoredDossier"]
