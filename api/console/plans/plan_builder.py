"""The plan builder: what was filled in is computed, checked or sent, and shown again with what it would come to."""

from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from adapters.i18n.formatting import format_localised_money
from adapters.i18n.wording import fill_placeholders
from adapters.preview.plan_ahead import PlanAhead
from api.console.acts.api_call import send_to_api
from api.console.acts.form_body import UnreadableField
from api.console.acts.forms import load_act_forms
from api.console.acts.refusal import say_refusal
from api.console.acts.sent_form import KEY_FIELD, SentForm
from api.console.acts.shown_form import PLAIN_AMOUNT
from api.console.acts.wording import Reader
from api.console.mentioned_people import find_unknown_people, tell_unknown_people
from api.console.plans.plan_form import RHYTHMS, PlanForm
from api.console.plans.plan_subject import PlanSubject
from api.console.rendering import DONE_PARAMETER, QUEUED_PARAMETER, load_reader, render
from api.context import ApiContext
from api.presenters.refusals import tell_problem
from api.schemas.plans import TermsIn
from api.web.access_logging import record_shown_account
from api.web.problems import Problem
from api.web.request_ids import derive_act_id
from domain.policy.policy_parsing import PolicyError
from domain.roles import Actor

EMPTY_ROW = {"day": "", "amount": ""}
"""In which a further instalment is written."""

DO_FIELD, SEND, COMPUTE = "do", "send", "compute"


class Built(NamedTuple):
    """What comes of what was filled in: the plan, or why there is none."""

    plan: PlanAhead | None
    fault: str


def show_builder(request: Request, context: ApiContext, actor: Actor, subject: PlanSubject, form: PlanForm) -> HTMLResponse:
    return _render(request, context, actor, subject, form, build_plan(context, actor, subject, form, load_reader(context, actor)))


async def answer_builder(request: Request, context: ApiContext, actor: Actor, subject: PlanSubject, sent: SentForm) -> Response:
    """Computed, checked as it was edited, or sent."""
    do = sent.first(DO_FIELD)
    form = PlanForm.read(sent.values, edited=do != COMPUTE)
    reader = await run_in_threadpool(load_reader, context, actor)

    async def show_page(built: Built, status: int, key: str = sent.key) -> HTMLResponse:
        page = await run_in_threadpool(_render, request, context, actor, subject, form, built, key)
        page.status_code = status
        return page

    if not sent.is_ours:
        return await show_page(Built(None, reader.act_words.notices["stale"]), 403)
    built = await run_in_threadpool(build_plan, context, actor, subject, form, reader)
    if built.plan is None or do != SEND:
        return await show_page(built, 422 if do == SEND else 200)
    if subject.plan and not form.why.strip():
        return await show_page(Built(built.plan, reader.phrases.plan_page["why_needed"]), 422)
    body = subject.build_body(form, reader.locale)
    answer = await send_to_api(request, load_act_forms()[subject.act], dict(subject.ids), body, sent.key)
    if answer.is_refusal:
        fault = say_refusal(answer, reader)
        return await show_page(Built(built.plan, fault), answer.status, "" if answer.is_ruled_out else sent.key)
    queued = {QUEUED_PARAMETER: "yes"} if answer.is_queued else {}
    nobodies = await run_in_threadpool(find_unknown_people, context, load_act_forms()[subject.act], {"comment": [form.comment]})
    said = urlencode({DONE_PARAMETER: subject.act, **queued, **tell_unknown_people(nobodies)}, doseq=True)
    return RedirectResponse(f"{subject.back}?{said}", status_code=303)


def build_plan(context: ApiContext, actor: Actor, subject: PlanSubject, form: PlanForm, reader: Reader) -> Built:
    words = reader.act_words
    try:
        body = subject.build_body(form, reader.locale)
        if fault := _find_difference(subject, form, TermsIn.model_validate(body["terms"]), reader):
            return Built(None, fault)
        return Built(subject.look_ahead(context, body, actor.user), "")
    except UnreadableField as fault:
        return Built(None, words.fill_notice("unreadable", example=fault.example))
    except PolicyError:
        return Built(None, reader.phrases.plan_page["no_policy"])
    except ValidationError:
        return Built(None, reader.phrases.plan_page["incomplete"])
    except Problem as problem:
        refused = problem.build_document("").model_dump(mode="json")
        return Built(None, words.fill_notice("refused", detail=tell_problem(refused, reader.phrases)))


def _find_difference(subject: PlanSubject, form: PlanForm, terms: TermsIn, reader: Reader) -> str:
    """Say in the reader's words that edited instalments are not what is owed; empty where they are."""
    debt, parts = subject.compute_debt(form), sum(part.minor for part in terms.custom)
    if not terms.custom or parts == debt:
        return ""
    money = reader.phrases.shared.format_money
    facts = {"sum": money(parts, subject.currency), "debt": money(debt, subject.currency)}
    return fill_placeholders(reader.phrases.plan_page["does_not_add"], facts)


def _render(
    request: Request, context: ApiContext, actor: Actor, subject: PlanSubject, form: PlanForm, built: Built, key: str = ""
) -> HTMLResponse:
    record_shown_account(request, subject.account.id)
    locale = load_reader(context, actor).locale
    computed = built.plan.schedule.instalments if built.plan and not form.edited else ()
    rows = [
        {
            "day": each.due_on.isoformat(),
            "amount": format_localised_money(each.amount - each.interest, subject.currency, locale, PLAIN_AMOUNT),
        }
        for each in computed
    ]
    return render(
        request,
        context,
        "plan.html",
        actor,
        subject=subject,
        account=subject.account,
        currency=subject.currency,
        debt=subject.compute_debt(form),
        form=form,
        rows=[*(rows or form.list_rows()), EMPTY_ROW],
        rhythms=RHYTHMS,
        plan=built.plan,
        fault=built.fault,
        key=key or derive_act_id("form", request.url.path, actor.user, context.now().isoformat()),
        key_field=KEY_FIELD,
    )
