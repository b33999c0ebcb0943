"""The pages of an import: the file, its columns, the dry run, the import with its progress, and what became of it."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from adapters.i18n.languages import DEFAULT_LANGUAGE
from adapters.i18n.wording import fill_placeholders
from adapters.imports.column_guesses import DATE_FORMATS
from adapters.imports.column_mapping import MappingError, parse_mapping
from adapters.imports.mapping_store import MappingStore
from adapters.imports.sheet import SheetError
from adapters.read_model.imports import find_import, list_latest_imports
from api.commands.invoice_import import FileToImport, import_invoice_file
from api.console.acts.sent_form import SentForm, Values, get_first, is_form_token, read_sent_form
from api.console.acts.wording import Reader
from api.console.gone_works import GoneKind, render_gone_work
from api.console.imports.countries import COUNTRY_LANGUAGES
from api.console.imports.mapping_form import (
    BY_COUNTRY,
    DECIMAL_MARKS,
    build_mapping_text,
    list_unmapped_fields,
    read_columns,
    show_mapping_form,
)
from api.console.imports.staged_files import StagedFile, StagedFiles, Work
from api.console.page_words import mark_fault
from api.console.rendering import PageReader, load_reader, render, require_page_right
from api.context import ApiContext
from api.presenters.phrases import Phrases
from api.web.authentication import Context
from api.web.permissions import Permission, permission_denial_reason
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute
from api.web.uploads import describe_upload
from domain.errors import UserError
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
IMPORT_PAGE = "/import"
MAX_PAST_IMPORTS = 10
WAITED_SECONDS = 2.0
"""For so long a page waits for what it began: a small file is done by then."""


Importing = Annotated[Actor, Depends(require_page_right(Permission.IMPORT))]


def _find_staged(request: Request, token: str, actor: Importing) -> StagedFile | None:
    """None for what is not kept any more, or is another's."""
    files: StagedFiles = request.app.state.staged_files
    return files.find(token, actor.user)


Staged = Annotated[StagedFile | None, Depends(_find_staged)]


def _render_gone(request: Request, context: ApiContext, actor: Actor) -> HTMLResponse:
    """Raises Problem 404 for what this person never brought."""
    advice = "it is kept for an hour: choose it once more"
    return render_gone_work(request, context, actor, request.path_params["token"], GoneKind.FILE, advice)


@router.get(IMPORT_PAGE)
def show_import(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    return _render_start(request, context, actor)


@router.post(IMPORT_PAGE)
async def stage_file(
    request: Request,
    context: Context,
    actor: Importing,
    file: Annotated[UploadFile, File()],
    form_token: Annotated[str, Form(max_length=100)] = "",
    mapping: Annotated[str, Form(max_length=64)] = "",
    complete: Annotated[str, Form(max_length=5)] = "",
) -> Response:
    """A file without a name is none. `complete`: it lists all open items. With a mapping that has a name, its dry run begins at once."""
    if not is_form_token(request, form_token):
        return await run_in_threadpool(_render_start, request, context, actor, "stale")
    if not file.filename:
        return await run_in_threadpool(_render_start, request, context, actor, "no_file")
    files: StagedFiles = request.app.state.staged_files
    staged = await run_in_threadpool(files.add, actor.user, describe_upload(file), file.file)
    staged.is_complete = bool(complete)
    if mapping:
        chosen = await run_in_threadpool(MappingStore(context.database, context.mappings).find_text, mapping)
        if chosen is not None:
            staged.mapping_text = chosen
            await _begin(request, context, actor, staged, "dry_run")
    return _go_to(staged)


@router.get(IMPORT_PAGE + "/{token}")
def show_staged(request: Request, context: Context, actor: Importing, staged: Staged) -> Response:
    """What there is to do next with the file: map it, wait, look at the dry run. Raises Problem 404."""
    if staged is None:
        return _render_gone(request, context, actor)
    if staged.work == "import" and staged.result is not None and staged.result.import_id:
        return RedirectResponse(f"/imports/{staged.result.import_id}", status_code=303)
    if staged.is_running or staged.result is not None:
        return _render_staged(request, context, actor, staged)
    return _render_columns(request, context, actor, staged, None)


@router.get(IMPORT_PAGE + "/{token}/columns")
def show_columns(request: Request, context: Context, actor: Importing, staged: Staged) -> HTMLResponse:
    """Raises Problem 404."""
    if staged is None:
        return _render_gone(request, context, actor)
    return _render_columns(request, context, actor, staged, None)


@router.post(IMPORT_PAGE + "/{token}/columns")
async def map_columns(request: Request, context: Context, actor: Importing, staged: Staged) -> Response:
    """A dry run with the columns as they were mapped; or the form again, with what is wrong. Raises Problem 404."""
    if staged is None:
        return await run_in_threadpool(_render_gone, request, context, actor)
    sent = await read_sent_form(request)
    text = build_mapping_text(sent.values, "console")
    reader = await run_in_threadpool(load_reader, context, actor)
    if faults := await run_in_threadpool(_list_mapping_faults, reader, sent, text, staged.name):
        page = await run_in_threadpool(_render_columns, request, context, actor, staged, sent.values, faults)
        page.status_code = 422
        return page
    staged.mapping_text, staged.is_complete = text, bool(sent.first("complete"))
    await _begin(request, context, actor, staged, "dry_run")
    return _go_to(staged)


def _list_mapping_faults(reader: Reader, sent: SentForm, text: str, file_name: str) -> list[str]:
    """What is wrong with the columns as they were mapped, in the reader's words."""
    if not sent.is_ours:
        return [reader.act_words.notices["stale"]]
    phrases = reader.phrases
    if unmapped := list_unmapped_fields(sent.values):
        fields = ", ".join(phrases.import_fields[name] for name in unmapped)
        return [fill_placeholders(phrases.imports["unmapped"], {"fields": fields})]
    try:
        parse_mapping(text, file_name)
    except MappingError as error:
        return _tell_error(error, phrases)
    return []


def _tell_error(error: UserError | str, phrases: Phrases) -> list[str]:
    """An error has a line for each mistake."""
    return [mark_fault(line, phrases) for line in str(error).splitlines()]


@router.post(IMPORT_PAGE + "/{token}/run")
async def run_import(request: Request, context: Context, actor: Importing, staged: Staged) -> Response:
    """What the dry run showed; sent twice, it is imported once. Raises Problem 404."""
    if staged is None:
        return await run_in_threadpool(_render_gone, request, context, actor)
    sent = await read_sent_form(request)
    if sent.is_ours and staged.mapping_text:
        await _begin(request, context, actor, staged, "import")
    return _go_to(staged)


@router.post(IMPORT_PAGE + "/{token}/mapping")
async def save_mapping(request: Request, context: Context, actor: Importing, staged: Staged) -> Response:
    """Keep the mapping under a name, for the next file of its kind. Raises MappingError, Problem 404."""
    if staged is None:
        return await run_in_threadpool(_render_gone, request, context, actor)
    sent = await read_sent_form(request)
    name = sent.first("name").strip()
    if sent.is_ours and staged.mapping_text:
        store = MappingStore(context.database, context.mappings)
        await run_in_threadpool(store.save, name, staged.mapping_text, actor.user, context.now())
    return RedirectResponse(f"{IMPORT_PAGE}/{staged.token}?saved=yes", status_code=303)


@router.get("/imports/{import_id}")
def show_past_import(request: Request, import_id: str, context: Context, actor: PageReader) -> HTMLResponse:
    record = find_import(context.database, import_id)
    if record is None:
        raise not_found_problem("import", import_id, "the page of imports lists the last ones")
    return render(request, context, "import_result.html", actor, record=record)


async def _begin(request: Request, context: ApiContext, actor: Actor, staged: StagedFile, work: Work) -> None:
    """Begin it in the background, and wait for a moment: most files are small."""
    if not staged.begin_work(work):
        return
    task = asyncio.create_task(_work(context, actor, staged, work))
    running: set[asyncio.Task[None]] = request.app.state.import_tasks
    running.add(task)
    task.add_done_callback(running.discard)
    await asyncio.wait([task], timeout=WAITED_SECONDS)


async def _work(context: ApiContext, actor: Actor, staged: StagedFile, work: Work) -> None:
    def run() -> None:
        try:
            file = FileToImport(staged.path, staged.name, parse_mapping(staged.mapping_text, staged.name), staged.is_complete)
            staged.end_work(import_invoice_file(context, file, actor.user, work == "dry_run", staged.report_progress))
        except UserError as error:
            staged.end_work(None, str(error))
        except BaseException:
            staged.end_work(None)
            raise

    await run_in_threadpool(run)
    if work == "import" and staged.result is not None:
        await context.cases.trigger_billing_sync()


def _go_to(staged: StagedFile) -> RedirectResponse:
    return RedirectResponse(f"{IMPORT_PAGE}/{staged.token}", status_code=303)


def _render_start(request: Request, context: ApiContext, actor: Actor, fault: str = "") -> HTMLResponse:
    page = render(
        request,
        context,
        "import.html",
        actor,
        may_import=permission_denial_reason(actor.role, Permission.IMPORT) is None,
        mappings=MappingStore(context.database, context.mappings).list_names(),
        past=list_latest_imports(context.database, MAX_PAST_IMPORTS),
        fault=fault,
    )
    page.status_code = 422 if fault else 200
    return page


def _render_columns(
    request: Request, context: ApiContext, actor: Actor, staged: StagedFile, given: Values | None, faults: Sequence[str] = ()
) -> HTMLResponse:
    phrases = load_reader(context, actor).phrases
    is_complete = staged.is_complete if given is None else bool(get_first(given, "complete"))
    facts: dict[str, Any] = {"form": None, "faults": faults or _tell_error(staged.fault, phrases), "is_complete": is_complete}
    try:
        header, samples = read_columns(staged.path)
        own = COUNTRY_LANGUAGES.get(context.company.country or "", DEFAULT_LANGUAGE)
        facts["form"] = show_mapping_form(header, samples, context.company.time_zone, own, given)
    except SheetError as error:
        facts["faults"] = _tell_error(error, phrases)
    return render(
        request,
        context,
        "import_columns.html",
        actor,
        staged=staged,
        by_country=BY_COUNTRY,
        dates=DATE_FORMATS,
        marks=DECIMAL_MARKS,
        **facts,
    )


def _render_staged(request: Request, context: ApiContext, actor: Actor, staged: StagedFile) -> HTMLResponse:
    return render(
        request,
        context,
        "import_dry_run.html",
        actor,
        staged=staged,
        percent=round(100 * staged.fraction),
        saved="saved" in request.query_params,
    )
