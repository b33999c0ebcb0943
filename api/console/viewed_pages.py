"""What somebody looked at, as the log of views has it by its route, in the reader's words."""

from adapters.i18n.wording import fill_placeholders
from api.presenters.phrases import Phrases

VIEWED_PAGES = {
    "/accounts/{account_id}": "account",
    "/accounts/{account_id}/dossiers": "dossier",
    "/accounts/{account_id}/history": "history",
    "/accounts/{account_id}/notes": "account",
    "/accounts/{account_id}/plan": "plan",
    "/accounts/{account_id}/solvency": "solvency",
    "/accounts/{account_id}/suspension": "case",
    "/accounts/{account_id}/unapplied": "account",
    "/accounts/{account_id}/write": "write",
    "/accounts/{account_id}/write-off": "case",
    "/act/{name}": "act",
    "/approvals/{approval_id}": "approval",
    "/audit/accounts/{account_id}": "account_day",
    "/audit/accounts/{account_id}/erasure": "erasing",
    "/audit/accounts/{account_id}/replay": "replay",
    "/audit/accounts/{account_id}/standing": "account_day",
    "/audit/accounts/{account_id}/steps": "account_day",
    "/audit/export": "export",
    "/audit/proofs/{token}": "replay",
    "/cases/{case_id}": "case",
    "/cases/{plan_id}/terms": "plan",
    "/credit-reviews/{review_id}": "case",
    "/documents/{sha256}": "document",
    "/inbox/{mail_id}": "letter",
    "/invoices/{invoice_id}": "invoice",
    "/invoices/{invoice_id}/document": "document",
    "/invoices/{invoice_id}/history": "history",
    "/invoices/{invoice_id}/why": "invoice",
    "/letters/{letter_id}": "letter",
    "/plans/{plan_id}": "case",
    "/preview": "preview",
    "/today": "today",
    "/worklist/accounts/{account_id}": "today",
}
"""By the route, without the prefix of the API. What is in none of them is a list that was narrowed to an account."""

API_PREFIX = "/v1"


def name_viewed_page(route: str, words: Phrases) -> str:
    name = words.viewed_pages[VIEWED_PAGES.get(route.removeprefix(API_PREFIX), "list")]
    return fill_placeholders(words.viewed_pages["by_api"], {"page": name}) if route.startswith(f"{API_PREFIX}/") else name
