"""The pages of policies: those in force, one with its versions, and the check of a draft."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.adoption_query import AdoptionQuery
from adapters.policies.policy_files import MATRIX_FILE, check_policies
from adapters.policies.policy_store import PolicyStore
from adapters.policies.version_use import count_followers
from adapters.read_model.cases import find_case
from api.console.acts.sent_form import is_form_token
from api.console.policies.policy_differences import list_differences, write_policy
from api.console.policies.setup_gaps import find_setup_gaps
from api.console.policies.timeline_picture import draw_timeline
from api.console.rendering import PageReader, render
from api.context import ApiContext
from api.web.authentication import Context
from api.web.problems import invalid_request_problem, not_found_problem
from api.web.request_target import EncodedPathRoute
from domain import identifiers as ids
from domain.identifiers import CaseKind
from domain.policy.collection_policy import Policy, PolicySnapshot
from domain.policy.policy_parsing import PolicyError
from domain.policy_adoption.summary import AdoptionSummary
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
POLICIES_PAGE = "/policies"
MAX_DRAFT_LENGTH = 100_000
DRAFT_FILE = "draft.yaml"


@router.get(POLICIES_PAGE)
def show_policies(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    in_force = [(snapshot, snapshot.load_policy()) for snapshot in context.policies.list_in_force()]
    matrix = context.policies.find_matrix()
    return render(
        request,
        context,
        "policies.html",
        actor,
        policies=[(snapshot, policy, draw_timeline(policy)) for snapshot, policy in in_force],
        followers=count_followers(context.database),
        matrix_version=matrix.version if matrix else None,
        gaps=find_setup_gaps(context),
    )


@router.get(POLICIES_PAGE + "/{name}")
def show_policy(
    request: Request,
    name: str,
    context: Context,
    actor: PageReader,
    version: Annotated[int | None, Query(ge=1)] = None,
    beside: Annotated[int | None, Query(ge=1)] = None,
) -> HTMLResponse:
    """A version, the newest unless named, and what differs from the one before it, or from the one named."""
    versions = {each.version: each for each in context.policies.list_versions() if each.name == name}
    if not versions:
        raise not_found_problem("policy", name, "the page of policies lists those that there are")
    shown = versions.get(version or max(versions))
    if shown is None or (beside is not None and beside not in versions):
        raise not_found_problem("version", str(version), "the policy's page lists those that there are")
    earlier = max((each for each in versions if each < shown.version), default=None) if beside is None else beside
    policy, query = shown.load_policy(), AdoptionQuery(context.database, context.policies)
    adoption = find_case(context.database, CaseKind.POLICY_ADOPTION, ids.policy_adoption_case_id(name))
    in_force = query.find_version_in_force(name)
    return render(
        request,
        context,
        "policy.html",
        actor,
        policy=policy,
        picture=draw_timeline(policy),
        versions=sorted(versions, reverse=True),
        in_force=in_force,
        followers=count_followers(context.database).get(name, {}),
        earlier=earlier,
        differences=list_differences(versions[earlier].load_policy(), policy) if earlier else [],
        preview=query.preview(name, context.today) if in_force else None,
        adoption=adoption,
        adopted=adoption.summary_of(AdoptionSummary) if adoption else None,
        text_of_policy=write_policy(policy),
    )


@router.post(POLICIES_PAGE)
async def check_draft(
    request: Request,
    context: Context,
    actor: PageReader,
    form_token: Annotated[str, Form(max_length=100)] = "",
    draft: Annotated[str, Form(max_length=MAX_DRAFT_LENGTH)] = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """What `duecourse policy check` says of a draft: nothing is changed. Raises Problem 422."""
    text = draft
    if file is not None and file.filename:
        content = await file.read(MAX_DRAFT_LENGTH + 1)
        if len(content) > MAX_DRAFT_LENGTH:
            raise invalid_request_problem("file", f"a policy has at most {MAX_DRAFT_LENGTH:,} characters")
        text = content.decode("utf-8-sig", errors="replace")
    is_ours = is_form_token(request, form_token)
    page = await run_in_threadpool(_render_check, request, context, actor, text.replace("\r\n", "\n"), is_ours)
    page.status_code = 200 if is_ours else 422
    return page


def _render_check(request: Request, context: ApiContext, actor: Actor, text: str, is_ours: bool) -> HTMLResponse:
    faults: list[str] = []
    notes: list[str] = []
    draft: Policy | None = None
    if is_ours:
        draft, faults, notes = _check(context, text)
    before = _find_newest(context, draft.policy) if draft else None
    return render(
        request,
        context,
        "policy_check.html",
        actor,
        draft=draft,
        text_of_policy=text,
        faults=faults,
        notes=notes,
        is_ours=is_ours,
        picture=draw_timeline(draft) if draft else None,
        before=before,
        differences=list_differences(before.load_policy(), draft) if before and draft else [],
    )


def _check(context: ApiContext, text: str) -> tuple[Policy | None, list[str], list[str]]:
    """The policy of the draft, what the next start would refuse, and what may not be meant. Files are named without their folders."""
    letters = context.letters or LetterTemplates()
    with TemporaryDirectory() as folder:
        path = Path(folder) / (MATRIX_FILE if re.search(r"(?m)^levels:", text) else DRAFT_FILE)
        path.write_text(text, encoding="utf-8")
        try:
            found = check_policies([path], letters).policies
            _, notes = PolicyStore.check_folder(context.database, letters, context.policies_dir, [path])
        except PolicyError as error:
            return None, [_leave_out_folders(line, folder, context) for line in str(error).splitlines()], []
    return (found[0][1] if found else None), [], [_leave_out_folders(note, folder, context) for note in notes]


def _leave_out_folders(sentence: str, folder: str, context: ApiContext) -> str:
    return sentence.replace(f"{folder}/", "").replace(f"{context.policies_dir}/", "")


def _find_newest(context: ApiContext, name: str) -> PolicySnapshot | None:
    return next((each for each in context.policies.list_versions() if each.name == name), None)
