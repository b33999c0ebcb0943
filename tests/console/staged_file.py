"""A file with open items that somebody brings to the page of imports."""

import re
from urllib.parse import urlencode

from tests.api.conftest import Client
from tests.console.test_pages import page
from tests.form_tokens import find_form_token

FILE = """Rechnungsnr;Kundennummer;Kunde;Rechnungsdatum;Fällig am;Währung;Betrag;Land;Offen
R-1;K-7;Brauerei Nord;01.02.2013;15.02.2013;EUR;1.234,56;DE;1.000,00
R-2;K-8;Atelier Sud;01.02.2013;20.02.2013;EUR;99,00;FR;
R-3;K-9;Kaputt;01.02.2013;morgen;EUR;5,00;DE;
""".encode()


async def stage_file(client: Client, content: bytes = FILE, name: str = "offene posten.csv", **fields: str) -> str:
    """Return the page of the file."""
    token = find_form_token(await page(client, "/import"))
    answer = await client.post("/import", data={"form_token": token, **fields}, files={"file": (name, content)})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def fill_form(html: str) -> dict[str, str]:
    """What a browser would send of a form's fields as they are filled in."""
    fields = dict(re.findall(r'<input (?:type="hidden" )?name="([^"]+)" value="([^"]*)"', html))
    for name, options in re.findall(r'<select [^>]*name="([^"]+)">(.*?)</select>', html, flags=re.DOTALL):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', options)
        fields[name] = "" if chosen is None else chosen[2] if chosen[1] is None else chosen[1]
    return fields


async def try_out(client: Client, path: str, **changes: str) -> str:
    """The dry run, as its page shows it."""
    form = fill_form(await page(client, path)) | changes
    answer = await client.post(f"{path}/columns", content=urlencode(form), headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 303, answer.text
    return await page(client, answer.headers["location"])
