"""The pages for people: server-rendered, working without a script, loading nothing from elsewhere."""

from api.console.account.account_page import router as account_router
from api.console.account.letter_page import router as letter_router
from api.console.act_pages import router as acts_router
from api.console.approvals.approval_pages import router as approvals_router
from api.console.approvals.batch_decision import router as batch_router
from api.console.approvals.decision import router as decision_router
from api.console.assets import router as assets_router
from api.console.auditing.account_day_page import router as account_day_router
from api.console.auditing.proof_pages import router as proof_router
from api.console.auditing.proof_works import ProofWorks
from api.console.cases.case_page import router as cases_router
from api.console.connections.connection_pages import router as connections_router
from api.console.credit_pages import router as credit_router
from api.console.imports.import_pages import router as import_router
from api.console.imports.staged_files import StagedFiles
from api.console.invoice.invoice_page import router as invoice_router
from api.console.letters.letter_plays import LetterPlays
from api.console.letters.letters_page import router as letters_router
from api.console.letters.many_letters import router as letter_holdbacks_router
from api.console.letters.write_page import router as write_router
from api.console.lists.acts_on_many.list_works import ListWorks
from api.console.lists.acts_on_many.many_pages import router as many_acts_router
from api.console.lists.acts_on_many.work_pages import router as list_works_router
from api.console.lists.list_pages import router as lists_router
from api.console.lists.reassignment import router as reassignment_router
from api.console.live import PulseReader
from api.console.live import router as live_router
from api.console.mentions.mentions_page import router as mentions_router
from api.console.overview.collected_page import router as collected_router
from api.console.overview.overview_page import keep_overview
from api.console.overview.overview_page import router as overview_router
from api.console.pages import router
from api.console.plans.plan_page import router as plan_router
from api.console.policies.policy_pages import router as policies_router
from api.console.rendering import render_problem_page
from api.console.search_page import router as search_router
from api.console.set_aside_page import router as set_aside_router
from api.console.shortcut_page import router as shortcuts_router
from api.console.sign_in.provider_pages import router as provider_router
from api.console.sign_in.settings_page import router as settings_router
from api.console.sign_in.sign_in_pages import router as sign_in_router
from api.console.team.team_page import router as team_router
from api.console.today.call_preview import router as call_preview_router
from api.console.today_page import router as today_router
from api.console.users.user_pages import router as users_router

__all__ = [
    "LetterPlays",
    "ListWorks",
    "ProofWorks",
    "PulseReader",
    "StagedFiles",
    "account_day_router",
    "account_router",
    "acts_router",
    "approvals_router",
    "assets_router",
    "batch_router",
    "call_preview_router",
    "cases_router",
    "collected_router",
    "connections_router",
    "credit_router",
    "decision_router",
    "import_router",
    "invoice_router",
    "keep_overview",
    "letter_holdbacks_router",
    "letter_router",
    "letters_router",
    "list_works_router",
    "lists_router",
    "live_router",
    "many_acts_router",
    "mentions_router",
    "overview_router",
    "plan_router",
    "policies_router",
    "proof_router",
    "provider_router",
    "reassignment_router",
    "render_problem_page",
    "router",
    "search_router",
    "set_aside_router",
    "settings_router",
    "shortcuts_router",
    "sign_in_router",
    "team_router",
    "today_router",
    "users_router",
    "write_router",
]
