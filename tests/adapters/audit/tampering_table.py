"""The table in docs/audit.md of what was tampered with, and who names it. Printed by
`.venv/bin/python -c "from tests.adapters.audit.tampering_table import build_table; print(build_table())"`."""

from tests.adapters.audit.tampering import Tampering
from tests.adapters.audit.tamperings import TAMPERINGS
from tests.adapters.audit.tamperings_of_proofs import PROOF_TAMPERINGS

BEGIN, END = "<!-- tamperings:begin -->", "<!-- tamperings:end -->"
ALL_TAMPERINGS = [*TAMPERINGS, *PROOF_TAMPERINGS]


def build_table() -> str:
    """A line for each kind of tampering: first those that something names, then those that nothing does."""
    unnamed = [each for each in ALL_TAMPERINGS if not _list_witnesses(each)]
    named = [each for each in ALL_TAMPERINGS if _list_witnesses(each)]
    return "\n".join(
        [
            f"Of {len(ALL_TAMPERINGS)} kinds, {len(named)} are named, and {len(unnamed)} are not:",
            "",
            "| table | changed | named by |",
            "|---|---|---|",
            *(f"| `{each.table}` | {each.what} | {', '.join(_list_witnesses(each))} |" for each in named),
            *(f"| `{each.table}` | {each.what} | **nothing** |" for each in unnamed),
        ]
    )


def _list_witnesses(tampering: Tampering) -> list[str]:
    witnesses = (("`verify`", bool(tampering.finds)), ("`replay`", tampering.replay), ("the seals’ mail", tampering.mail))
    return [name for name, is_named in witnesses if is_named]
