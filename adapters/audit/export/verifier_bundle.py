"""The program that verifies an export, as one file: its parts stand here as modules, and are put in the place where they are imported."""

import re

from adapters.shipped_files import PROJECT

VERIFIER = PROJECT / "adapters" / "audit" / "export" / "verifier"
_IMPORT_PATTERN = re.compile(r"^from adapters\.audit\.export\.verifier\.(verify_\w+) import .*\n", re.MULTILINE)


def build_verifier_source() -> str:
    """Python that needs the standard library only."""
    whole = (VERIFIER / "verify_export.py").read_text(encoding="utf-8")
    return _IMPORT_PATTERN.sub(lambda part: (VERIFIER / f"{part[1]}.py").read_text(encoding="utf-8") + "\n", whole)
