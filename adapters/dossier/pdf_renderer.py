"""Sets a dossier as PDF with Typst. Its content reaches the template as JSON, never as part of the template's text.

The fonts are those that come with Typst; the machine's own only help out for scripts that these lack.
"""

import json
from datetime import UTC, datetime, time
from functools import lru_cache
from typing import NamedTuple

import typst

from adapters.dossier.printed_sections import printed
from adapters.project import PROJECT
from domain.dossier import Dossier

TEMPLATE = PROJECT / "adapters" / "dossier" / "dossier.typ"


class Pdf(NamedTuple):
    content: bytes
    pages: int


def dossier_pdf(dossier: Dossier, language: str) -> Pdf:
    """The same bytes for the same dossier: the document's date is the dossier's."""
    sheet = printed(dossier, language)
    midnight = datetime.combine(dossier.as_of, time(), UTC)
    compiler = typst.Compiler(input=TEMPLATE, font_paths=_fonts(), sys_inputs={"dossier": sheet.model_dump_json()})
    content = compiler.compile(format="pdf", timestamp=midnight)
    if not isinstance(content, bytes):
        raise TypeError("Typst gives one document for one input")
    (pages,) = json.loads(compiler.query("<pages>", field="value"))
    return Pdf(content, int(pages))


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    """Searching the machine's fonts is dear; it is done once."""
    return typst.Fonts()
