"""Sets a dossier as PDF with Typst. Its content reaches the template as JSON, never as part of the template's text.

The fonts are those that come with Typst; the machine's own only help out for scripts that these lack.
"""

import json
from datetime import UTC, datetime, time
from functools import lru_cache
from typing import NamedTuple

import typst

from adapters.dossier.printed_sections import build_printed_dossier
from adapters.shipped_files import PROJECT
from domain.dossier import Dossier

TEMPLATE = PROJECT / "adapters" / "dossier" / "dossier.typ"


class RenderedPdf(NamedTuple):
    content: bytes
    pages: int


def render_dossier_pdf(dossier: Dossier, language: str) -> RenderedPdf:
    """The same bytes for the same dossier: the document's date is the dossier's."""
    sheet = build_printed_dossier(dossier, language)
    midnight = datetime.combine(dossier.as_of, time(), UTC)
    compiler = typst.Compiler(input=TEMPLATE, font_paths=_load_fonts(), sys_inputs={"dossier": sheet.model_dump_json()})
    content = compiler.compile(format="pdf", timestamp=midnight)
    if not isinstance(content, bytes):
        raise TypeError("Typst gives one document for one input")
    (pages,) = json.loads(compiler.query("<pages>", field="value"))
    return RenderedPdf(content, int(pages))


@lru_cache(maxsize=1)
def _load_fonts() -> typst.Fonts:
    """Searching the machine's fonts is dear; it is done once."""
    return typst.Fonts()
