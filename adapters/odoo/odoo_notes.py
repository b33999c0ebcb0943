"""Notes on a contact in Odoo. Each begins with its key, and is looked for before it is written: Odoo would write it again. It keeps them as
HTML, in which a key looks otherwise."""

import html

from adapters.odoo.odoo_api import OdooApi
from adapters.odoo.odoo_reader import OdooReader
from adapters.odoo.odoo_records import read_text


class OdooNotes:
    def __init__(self, api: OdooApi, reader: OdooReader) -> None:
        self._api, self._reader = api, reader

    def record_note(self, key: str, account_id: str, text: str) -> None:
        partner, mark = self._reader.read_partner(account_id), f"[duecourse {key}]"
        domain = [["model", "=", "res.partner"], ["res_id", "=", partner["id"]], ["body", "like", "[duecourse"]]
        if any(mark in html.unescape(read_text(note["body"])) for note in self._api.find("mail.message", domain, ("body",))):
            return
        self._api.call(
            "res.partner",
            "message_post",
            [partner["id"]],
            body=f"{mark} {text}",
            message_type="comment",
            subtype_xmlid="mail.mt_note",
        )
