"""Invoices from files, with a verdict for each row, and from other systems, with a result for each invoice."""

import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from adapters.imports.column_mapping import Mapping, load_mapping, parse_mapping
from adapters.imports.importer import ImportResult
from adapters.read_model.imports import read_import
from api.commands.invoice_upload import bring_in
from api.context import ApiParts
from api.schemas.requests import InvoicesIn
from api.schemas.responses import ImportOut, InvoiceVerdicts
from api.web.authentication import Importing, Parts, Reader
from api.web.idempotency import OnceRoute
from api.web.problems import RESPONSES, invalid, not_found

router = APIRouter(prefix="/v1", tags=["imports"], route_class=OnceRoute, responses=RESPONSES)
_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
CSV_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {}}, "description": "The rows as they came, with a last column that says why"}
}


@router.post("/invoices", operation_id="bring_in_invoices", summary="One invoice or many, a result for each", tags=["invoices"])
async def invoices(said: InvoicesIn, actor: Importing, parts: Parts) -> InvoiceVerdicts:
    """The same rules as for a file's rows: the same invoice again changes nothing, a changed one is followed."""
    results = await run_in_threadpool(bring_in, parts, said.invoices, actor.user)
    await parts.cases.deliver_soon()
    return InvoiceVerdicts(results=results)


@router.post("/imports", operation_id="import_file", summary="A file of invoices, a verdict for each row", status_code=201)
async def imports(
    actor: Importing,
    parts: Parts,
    file: Annotated[UploadFile, File(description="CSV or Excel")],
    mapping: Annotated[str, Form(description="the name of a mapping that is kept here")] = "",
    mapping_file: Annotated[UploadFile | None, File(description="or a mapping of your own, as YAML")] = None,
    dry_run: Annotated[bool, Form(description="only say what would happen")] = False,
) -> ImportOut:
    """A bad row never stops the good ones: mend the rejected ones and import them again."""
    name = Path(file.filename or "upload").name

    def run() -> ImportOut:
        chosen = _mapping(parts, mapping, mapping_file)
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"upload{Path(name).suffix[:10]}"
            with path.open("wb") as copy:
                shutil.copyfileobj(file.file, copy)
            result = parts.importer.run(path, chosen, parts.today, parts.business_now, actor.user, dry_run, file_name=name)
        return _import(parts, result.import_id) if result.import_id else _rehearsed(result, name, actor.user)

    answer = await run_in_threadpool(run)
    if not dry_run:
        await parts.cases.deliver_soon()
    return answer


@router.get("/imports/{import_id}", operation_id="read_import", summary="What became of an import")
def read(import_id: str, parts: Parts, _: Reader) -> ImportOut:
    return _import(parts, import_id)


@router.get(
    "/imports/{import_id}/rejected.csv",
    operation_id="read_rejected_rows",
    summary="The rejected rows, to be mended and imported again",
    response_class=StreamingResponse,
    responses=CSV_ANSWER,
)
def rejected(import_id: str, parts: Parts, _: Reader) -> StreamingResponse:
    lines = parts.importer.rejected_csv(import_id)
    attachment = f'attachment; filename="rejected-{_ascii(import_id)}.csv"'
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": attachment})


def _mapping(parts: ApiParts, name: str, given: UploadFile | None) -> Mapping:
    """Raises Problem, MappingError."""
    if given is not None and given.filename:
        try:
            return parse_mapping(given.file.read().decode("utf-8-sig"), given.filename)
        except UnicodeDecodeError as error:
            raise invalid("mapping_file", "the mapping is not UTF-8 text; save it as UTF-8") from error
    path = parts.mappings / f"{name}.yaml"
    if not _name.fullmatch(name) or not path.is_file():
        kept = ", ".join(sorted(path.stem for path in parts.mappings.glob("*.yaml"))) or "none"
        raise invalid("mapping", f"name a mapping that is kept here ({kept}), or send your own as mapping_file")
    return load_mapping(path)


def _import(parts: ApiParts, import_id: str) -> ImportOut:
    record = read_import(parts.database, import_id)
    if record is None:
        raise not_found("import", import_id, "POST /v1/imports answers with its id")
    return ImportOut(**record.model_dump())


def _rehearsed(result: ImportResult, file_name: str, user: str) -> ImportOut:
    return ImportOut(
        id=None, file_name=file_name, dry_run=True, state="done", rows=result.rows, rejected=result.rejected, started_by=user,
        verdicts={verdict.value: count for verdict, count in result.verdicts.items()}, started_at=None, ended_at=None,
    )  # fmt: skip


def _ascii(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum() and letter.isascii())
