"""Invoices from files, with a verdict for each row, and from other systems, with a result for each invoice."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from adapters.database.row_states import ImportState
from adapters.imports.column_mapping import MAX_MAPPING_BYTES, ColumnMapping, parse_mapping
from adapters.imports.importer import ImportResult
from adapters.imports.mapping_store import MappingStore
from adapters.read_model.imports import find_import
from api.commands.invoice_import import FileToImport, import_invoice_file
from api.commands.invoice_upload import upload_invoices
from api.context import ApiContext
from api.schemas.imports import ClosureIn, ClosureOut, ImportOut, InvoicesIn, InvoiceVerdicts
from api.web.authentication import Context, ImportingActor, InvoiceReducingActor, ReadingActor, require_right
from api.web.idempotency import IdempotentRoute
from api.web.permissions import Permission
from api.web.problems import PROBLEM_RESPONSES, invalid_request_problem, not_found_problem
from api.web.uploads import describe_upload

router = APIRouter(prefix="/v1", tags=["imports"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
CSV_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {}}, "description": "The rows as they came, with a last column that says why"}
}


@router.post("/invoices", operation_id="bring_in_invoices", summary="One invoice or many, a result for each", tags=["invoices"])
async def import_invoices(body: InvoicesIn, actor: ImportingActor, context: Context) -> InvoiceVerdicts:
    """The same rules as for a file's rows: the same invoice again changes nothing, a changed one is followed."""
    results = await run_in_threadpool(upload_invoices, context, body.invoices, actor.user)
    await context.cases.trigger_billing_sync()
    return InvoiceVerdicts(results=results)


@router.post("/imports", operation_id="import_file", summary="A file of invoices, a verdict for each row", status_code=201)
async def import_file(
    actor: ImportingActor,
    context: Context,
    file: Annotated[UploadFile, File(description="CSV or Excel")],
    mapping: Annotated[str, Form(description="the name of a mapping that is kept here")] = "",
    mapping_file: Annotated[UploadFile | None, File(description="or a mapping of your own, as YAML")] = None,
    dry_run: Annotated[bool, Form(description="only say what would happen")] = False,
    complete: Annotated[bool, Form(description="the file lists all open items: what is missing in it is shown")] = False,
    release: Annotated[bool, Form(description="hold none of the new accounts for release; for those who may release them")] = False,
) -> ImportOut:
    """A rejected row does not stop the others: correct the rejected rows and import them again. Until all were released once, accounts that
    are new are held for release."""
    if release:
        require_right(actor, Permission.BRAKE_LETTERS)
    name = describe_upload(file, "upload")

    def run() -> ImportOut:
        chosen = _choose_mapping(context, mapping, mapping_file)
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"upload{Path(name).suffix[:10]}"
            with path.open("wb") as copy:
                shutil.copyfileobj(file.file, copy)
            result = import_invoice_file(context, FileToImport(path, name, chosen, complete, release), actor.user, dry_run)
        return _load_import(context, result.import_id) if result.import_id else _present_dry_run(result, name, actor.user)

    answer = await run_in_threadpool(run)
    if not dry_run:
        await context.cases.trigger_billing_sync()
    return answer


@router.get("/imports/{import_id}", operation_id="read_import", summary="What became of an import")
def get_import(import_id: str, context: Context, _: ReadingActor) -> ImportOut:
    return _load_import(context, import_id)


@router.get(
    "/imports/{import_id}/rejected.csv",
    operation_id="read_rejected_rows",
    summary="The rejected rows, to be mended and imported again",
    response_class=StreamingResponse,
    responses=CSV_RESPONSE,
)
def get_rejected_rows(import_id: str, context: Context, _: ReadingActor) -> StreamingResponse:
    rejected = context.importer.export_rejected_rows(import_id)
    charset = "utf-8" if rejected.encoding == "utf-8-sig" else rejected.encoding
    attachment = f'attachment; filename="rejected-{_strip_non_ascii(import_id)}.csv"'
    return StreamingResponse(rejected.lines, media_type=f"text/csv; charset={charset}", headers={"Content-Disposition": attachment})


@router.post("/imports/{import_id}/closure", operation_id="close_missing_invoices", summary="Close what a complete list did not have")
async def close_missing_invoices(import_id: str, body: ClosureIn, actor: InvoiceReducingActor, context: Context) -> ClosureOut:
    """Each invoice that is open here and was not in the file is paid, with the reference *settled elsewhere*. Refused where rows were
    rejected, another file came since, or another number is missing than was confirmed."""
    if find_import(context.database, import_id) is None:
        raise not_found_problem("import", import_id, "POST /v1/imports answers with its id")
    closed = await run_in_threadpool(context.importer.close_missing, import_id, body.count, actor.user, context.today, context.business_now)
    await context.cases.trigger_billing_sync()
    return ClosureOut(closed=closed)


def _choose_mapping(context: ApiContext, name: str, given: UploadFile | None) -> ColumnMapping:
    """Raises Problem, MappingError."""
    if given is not None and given.filename:
        try:
            content = given.file.read(MAX_MAPPING_BYTES + 1)
            if len(content) > MAX_MAPPING_BYTES:
                raise invalid_request_problem("mapping_file", f"a mapping has at most {MAX_MAPPING_BYTES // 1024} KB")
            return parse_mapping(content.decode("utf-8-sig"), given.filename)
        except UnicodeDecodeError as error:
            raise invalid_request_problem("mapping_file", "the mapping is not UTF-8 text; save it as UTF-8") from error
    store = MappingStore(context.database, context.mappings)
    if found := store.find(name):
        return found
    kept = ", ".join(store.list_names()) or "none"
    raise invalid_request_problem("mapping", f"name a mapping that is kept here ({kept}), or send your own as mapping_file")


def _load_import(context: ApiContext, import_id: str) -> ImportOut:
    record = find_import(context.database, import_id)
    if record is None:
        raise not_found_problem("import", import_id, "POST /v1/imports answers with its id")
    return ImportOut(**record.model_dump())


def _present_dry_run(result: ImportResult, file_name: str, user: str) -> ImportOut:
    return ImportOut(
        id=None,
        file_name=file_name,
        dry_run=True,
        state=ImportState.DONE,
        rows=result.rows,
        rejected=result.rejected,
        warnings=result.warnings,
        notes=result.notes,
        missing=result.missing,
        started_by=user,
        verdicts={verdict.value: count for verdict, count in result.verdicts.items()},
        started_at=None,
        ended_at=None,
    )


def _strip_non_ascii(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum() and letter.isascii())
