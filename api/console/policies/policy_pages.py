"""The pages of policies: those in force, one with its versions, the check of a draft, and the request to put it in force."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from adapters.policies.adoption_query import AdoptionPreview, AdoptionQuery
from adapters.policies.draft_check import check_draft, find_version_to_raise_to
from adapters.policies.in_force import list_overtaken_files
from adapters.policies.policy_drafts import find_draft
from adapters.policies.version_origins import list_version_origins
from adapters.policies.version_use import count_followers
from adapters.read_model.cases import find_case
from api.console.acts.forms import load_act_forms
from api.console.acts.sent_form import is_form_token
from api.console.acts.shown_form import ShownForm, show_form
from api.console.acts.subject import NO_SUBJECT
from api.console.policies.policy_differences import DifferentLine, list_differences, write_policy
from api.console.policies.setup_gaps import find_setup_gaps
from api.console.policies.timeline_picture import draw_timeline
from api.console.rendering import PageReader, load_reader, render
from api.context import ApiContext
from api.schemas.policies import MAX_DRAFT_LENGTH
from api.web.authentication import Context
from api.web.problems import invalid_request_problem, not_found_problem
from api.web.request_target import EncodedPathRoute
from domain import identifiers as ids
from domain.identifiers import CaseKind
from domain.policy.collection_policy import Policy, PolicySnapshot
from domain.policy_adoption.summary import AdoptionSummary
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
POLICIES_PAGE = "/policies"
FORCE_FORM = "put_policy_in_force"


class ForceOffer(NamedTuple):
    """What the reader can do with a draft that is good: the `form` that asks for it, with what it would change for the open invoices; or
    why there is none: the version to `raise_to`, or a policy that is not in force; nothing where the role may not."""

    form: ShownForm | None = None
    preview: AdoptionPreview | None = None
    raise_to: int | None = None
    is_unknown: bool = False


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
        overtaken=list_overtaken_files(context.database),
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
    adopted = adoption.summary_of(AdoptionSummary) if adoption else None
    draft = find_draft(context.database, adopted.draft_sha256) if adopted and adopted.draft_sha256 else None
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
        adopted=adopted,
        draft_differences=_compare_with_version_before(draft, versions),
        text_of_policy=write_policy(policy),
        text_to_edit=write_policy(policy.model_copy(update={"version": max(versions) + 1})),
        origins=list_version_origins(context.database, name),
        overtaken=next((each for each in list_overtaken_files(context.database) if each.name == name), None),
    )


@router.post(POLICIES_PAGE)
async def show_draft_check(
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


def _compare_with_version_before(draft: Policy | None, versions: dict[int, PolicySnapshot]) -> list[DifferentLine]:
    """What a draft changes from the newest version before it; nothing without a draft."""
    before = max((version for version in versions if draft and version < draft.version), default=None)
    return list_differences(versions[before].load_policy(), draft) if draft and before else []


def _render_check(request: Request, context: ApiContext, actor: Actor, text: str, is_ours: bool) -> HTMLResponse:
    checked = check_draft(context.database, context.letter_templates, context.policies_dir, text) if is_ours else None
    draft = checked.policy if checked else None
    before = _find_newest(context, draft.policy) if draft else None
    return render(
        request,
        context,
        "policy_check.html",
        actor,
        draft=draft,
        text_of_policy=text,
        faults=checked.faults if checked else [],
        notes=checked.notes if checked else [],
        is_ours=is_ours,
        picture=draw_timeline(draft) if draft else None,
        before=before,
        differences=list_differences(before.load_policy(), draft) if before and draft else [],
        offer=_offer_force(context, actor, draft, text) if draft else ForceOffer(),
    )


def _offer_force(context: ApiContext, actor: Actor, draft: Policy, text: str) -> ForceOffer:
    form = load_act_forms()[FORCE_FORM]
    if not form.is_for(actor.role):
        return ForceOffer()
    query = AdoptionQuery(context.database, context.policies)
    in_force = query.find_version_in_force(draft.policy)
    if in_force is None:
        return ForceOffer(is_unknown=True)
    if least := find_version_to_raise_to(draft, context.policies.list_versions()):
        return ForceOffer(raise_to=least)
    known = {"text": [text], "replaces": [str(in_force)], "applies_to": ["new_invoices"]}
    shown = show_form(FORCE_FORM, form, {"name": draft.policy}, NO_SUBJECT, load_reader(context, actor), known)
    return ForceOffer(shown, query.preview_version(PolicySnapshot.from_policy(draft), context.today))


def _find_newest(context: ApiContext, name: str) -> PolicySnapshot | None:
    return next((each for each in context.policies.list_versions() if each.name == name), None)
