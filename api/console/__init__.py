"""The pages for people: server-rendered, working without a script, loading nothing from elsewhere."""

from api.console.approval_pages import router as approvals_router
from api.console.pages import router
from api.console.rendering import render_problem_page

__all__ = ["approvals_router", "render_problem_page", "router"]
