"""The token that the forms of a session carry, as a browser finds it in a page."""

import re

from httpx import AsyncClient

_FIELD = re.compile(r'name="form_token" value="([^"]+)"')


def find_form_token(page: str) -> str:
    """Raises AssertionError where the page has no form."""
    found = _FIELD.search(page)
    assert found, page
    return found[1]


async def sign_out(client: AsyncClient) -> None:
    """As somebody does who presses the button on the first page."""
    page = await client.get("/settings", follow_redirects=True)
    answer = await client.post("/sign-out", data={"form_token": find_form_token(page.text)})
    assert answer.status_code in {200, 303}, answer.text
